//! Receive (受理): a request enters the hotline and becomes a ticket.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse};
use crate::ids::{AccountId, DepartmentId};
use crate::refusal::Detail;
use crate::rules::IntakeField;
use crate::sealed::{Field, KeyOwner, Sealed, try_map_option};
use crate::ticket::TicketNumber;
use crate::ticket::state::{Intake, Kind, Secrecy, Urgency};
use crate::time::Timestamp;
use chrono::Datelike as _;
use serde::{Deserialize, Serialize};

/// The earliest year something may have happened in. A technical limit.
const EARLIEST_YEAR: i32 = 1900;

/// Receives a request. The number and the query code are made before the decision.
#[derive(Clone, Debug, Serialize)]
pub struct Receive<T> {
    /// The number it gets.
    pub number: TicketNumber,
    /// The code the caller gets.
    pub query_code: T,
    /// What the caller wants.
    pub kind: Kind,
    /// A channel of the pack.
    pub channel: String,
    /// A topic of the pack.
    pub topic: Option<String>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Who may know.
    pub secrecy: Secrecy,
    /// Whether the caller wants a reply.
    pub wants_reply: bool,
    /// Who called; `None` is anonymous.
    pub caller: Option<T>,
    /// Whether the caller gave a phone or an address to be reached at.
    pub has_contact: bool,
    /// Title.
    pub title: T,
    /// Body.
    pub body: T,
    /// Where it happened.
    pub place: Option<T>,
    /// A region of the pack.
    pub region: Option<String>,
    /// When it happened; not in the future.
    pub incident_at: Option<Timestamp>,
    /// The party complained of.
    pub respondent: Option<T>,
    /// A department accused.
    pub accused_department: Option<DepartmentId>,
    /// An earlier ticket on the same matter.
    pub earlier: Option<TicketNumber>,
}

/// A request was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The ticket's number.
    pub number: TicketNumber,
    /// The code the caller was given, sealed.
    pub query_code: Sealed,
    /// What the caller wants.
    pub kind: Kind,
    /// The channel's code.
    pub channel: String,
    /// The topic's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Who may know.
    pub secrecy: Secrecy,
    /// Whether the caller wants a reply.
    pub wants_reply: bool,
    /// Whether the caller did not say who they are.
    pub anonymous: bool,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Sealed>,
    /// The caller's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_account: Option<AccountId>,
    /// Title.
    pub title: Sealed,
    /// Body.
    pub body: Sealed,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Sealed>,
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_at: Option<Timestamp>,
    /// The party complained of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respondent: Option<Sealed>,
    /// A department accused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused_department: Option<DepartmentId>,
    /// An earlier ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<TicketNumber>,
    /// The department that the pack's routes assign it to by themselves; since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_to: Option<DepartmentId>,
}

impl<T> Receive<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Receive<U>, E> {
        let caller = Field {
            name: "caller",
            owner: KeyOwner::Caller,
        };
        let respondent = Field {
            name: "respondent",
            owner: KeyOwner::Respondent,
        };
        Ok(Receive {
            number: self.number,
            query_code: seal(Field::of_ticket("query_code"), self.query_code)?,
            kind: self.kind,
            channel: self.channel,
            topic: self.topic,
            urgency: self.urgency,
            secrecy: self.secrecy,
            wants_reply: self.wants_reply,
            caller: try_map_option(self.caller, caller, seal)?,
            has_contact: self.has_contact,
            title: seal(Field::of_ticket("title"), self.title)?,
            body: seal(Field::of_ticket("body"), self.body)?,
            place: try_map_option(self.place, Field::of_ticket("place"), seal)?,
            region: self.region,
            incident_at: self.incident_at,
            respondent: try_map_option(self.respondent, respondent, seal)?,
            accused_department: self.accused_department,
            earlier: self.earlier,
        })
    }
}

impl Action for Receive<Sealed> {
    const SPEC: Spec = Spec {
        name: "receive",
        zh: "受理",
        en: "Receive",
        event: Received::TYPE,
        roles: &[Role::Operator, Role::Citizen],
        gate: Gate::New,
    };
    type Event = Received;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Received>, Refusal> {
        self.check_given(ticket, context)?;
        self.check_texts(ticket, context)?;
        self.check_codes(ticket, context)?;
        let routed_to = self.routed_to(context);
        let actor = &context.actor;
        let self_service = actor.has(Role::Citizen) && !actor.has(Role::Operator);
        Ok(Some(Received {
            number: self.number,
            query_code: self.query_code,
            kind: self.kind,
            channel: self.channel,
            topic: self.topic,
            urgency: self.urgency,
            secrecy: self.secrecy,
            wants_reply: self.wants_reply,
            anonymous: self.caller.is_none(),
            caller: self.caller,
            caller_account: self_service.then_some(actor.account),
            title: self.title,
            body: self.body,
            place: self.place,
            region: self.region,
            incident_at: self.incident_at,
            respondent: self.respondent,
            accused_department: self.accused_department,
            earlier: self.earlier,
            routed_to,
        }))
    }
}

impl Receive<Sealed> {
    /// Whether everything is there that must be, and what is missing if not: all of it, so that a caller is asked
    /// once.
    fn check_given(&self, ticket: &Ticket, context: &Context) -> Result<(), Refusal> {
        let (mut missing, mut asks) = (Vec::new(), None);
        let mut lacks = |path, why| {
            if !missing.contains(&path) {
                missing.push(path);
                asks = why;
            }
        };
        for (path, text) in [("title", &self.title), ("body", &self.body)] {
            if text.chars == 0 {
                lacks(path, None);
            }
        }
        if self.caller.is_some() && !self.has_contact {
            lacks(
                "caller.phone",
                Some((
                    "须有电话或邮箱，或为匿名来电",
                    "a phone or e-mail, or an anonymous caller",
                )),
            );
        }
        for field in context.rules.required_fields(self.kind) {
            let (given, path) = self.gives(*field);
            if !given {
                lacks(
                    path,
                    Some((
                        "规则包要求此类诉求填写",
                        "the rule pack asks for it in requests of this kind",
                    )),
                );
            }
        }
        let Some((&first, others)) = missing.split_first() else {
            return Ok(());
        };
        let refusal = refuse::<Self>(ticket, Reason::Required).at(first);
        Err(match (others, asks) {
            ([], None) => refusal,
            ([], Some(why)) => refusal.because(why),
            (others, _) => refusal.and_at(others).because(missing.join(", ")),
        })
    }

    /// Whether a field of the pack's form is filled in, and where it is in the input.
    fn gives(&self, field: IntakeField) -> (bool, &'static str) {
        let said = |text: &Option<Sealed>| text.as_ref().is_some_and(|text| text.chars > 0);
        match field {
            IntakeField::Caller => (self.caller.is_some(), "caller"),
            IntakeField::Contact => (self.has_contact, "caller.phone"),
            IntakeField::Place => (said(&self.place), "place"),
            IntakeField::Region => (self.region.is_some(), "region"),
            IntakeField::IncidentAt => (self.incident_at.is_some(), "incidentAt"),
            IntakeField::Topic => (self.topic.is_some(), "topic"),
            IntakeField::Respondent => (said(&self.respondent), "respondent"),
            IntakeField::Earlier => (self.earlier.is_some(), "earlier"),
        }
    }

    fn check_texts(&self, ticket: &Ticket, context: &Context) -> Result<(), Refusal> {
        let max = context.rules.texts();
        optional::<Self>(ticket, "title", Some(&self.title), max.title)?;
        optional::<Self>(ticket, "body", Some(&self.body), max.body)?;
        optional::<Self>(ticket, "place", self.place.as_ref(), max.short)?;
        optional::<Self>(ticket, "respondent", self.respondent.as_ref(), max.short)?;
        optional::<Self>(ticket, "caller", self.caller.as_ref(), max.body)
    }

    /// What is not sealed is one of the pack's, or a time or an office that can be.
    fn check_codes(&self, ticket: &Ticket, context: &Context) -> Result<(), Refusal> {
        let refuse = |reason, field| refuse::<Self>(ticket, reason).at(field);
        let wrong =
            |field, detail: Detail| Err(refuse(Reason::InvalidValue, field).because(detail));
        let rules = &context.rules;
        let kinds = rules.kinds();
        if !kinds.is_empty() && kinds.iter().all(|kind| kind.code != self.kind) {
            return wrong("kind", Detail::of_the_rule_pack("诉求类型", "a kind"));
        }
        if rules.channels().iter().all(|c| c.code != self.channel) {
            return wrong("channel", Detail::of_the_rule_pack("渠道", "a channel"));
        }
        let unknown = |code: &Option<String>, list: &[String]| {
            code.as_ref().is_some_and(|code| !list.contains(code))
        };
        if unknown(&self.topic, rules.topics()) {
            return wrong("topic", Detail::of_the_rule_pack("事项分类", "a topic"));
        }
        if unknown(&self.region, rules.regions()) {
            return wrong("region", Detail::of_the_rule_pack("区域", "a region"));
        }
        let impossible = |at: Timestamp| at > context.now || at.year() < EARLIEST_YEAR;
        if self.incident_at.is_some_and(impossible) {
            let possible = (
                "须在1900年以后、现在之前",
                "from 1900 on, not in the future",
            );
            return wrong("incidentAt", possible.into());
        }
        let absent = |id| context.organisation.department(id).is_none();
        if self.accused_department.is_some_and(absent) {
            return Err(refuse(Reason::UnknownOffice, "accusedDepartmentId"));
        }
        Ok(())
    }

    /// The department it is to be assigned to by itself. Never one that it accuses: a dispatcher looks at that.
    fn routed_to(&self, context: &Context) -> Option<DepartmentId> {
        let (topic, region) = (self.topic.as_deref(), self.region.as_deref());
        let name = context.rules.assigned_by_itself(topic, region)?;
        let department = context.organisation.department_named(name)?.id;
        (self.accused_department != Some(department)).then_some(department)
    }
}

impl Fact for Received {
    const TYPE: &'static str = "received";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        let event = self.clone();
        ticket.changed_at = Some(stamp.at);
        ticket.intake = Some(Intake {
            at: stamp.at,
            by: stamp.by,
            number: event.number,
            query_code: event.query_code,
            kind: Some(event.kind),
            channel: Some(event.channel),
            topic: event.topic,
            urgency: event.urgency,
            secrecy: event.secrecy,
            wants_reply: event.wants_reply,
            anonymous: event.anonymous,
            caller: event.caller,
            caller_account: event.caller_account,
            title: event.title,
            body: Some(event.body),
            place: event.place,
            region: event.region,
            incident_at: event.incident_at,
            respondent: event.respondent,
            accused_department: event.accused_department,
            earlier: event.earlier,
            routed_to: event.routed_to,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::refusal::Reason;
    use crate::ticket::scenario::*;
    use crate::ticket::{TicketAction, TicketState};

    #[test]
    fn an_operator_receives_a_request() {
        given([]).when(operator(), receive()).then(|ticket| {
            assert_eq!(ticket.state, TicketState::Received);
            assert_eq!(ticket.revision, 1);
            let intake = ticket.intake.as_ref().unwrap();
            assert_eq!(intake.at, now());
            assert!(intake.caller_account.is_none());
            assert!(!intake.anonymous);
        });
    }

    #[test]
    fn a_citizen_receives_for_themselves() {
        given([]).when(citizen(), receive()).then(|ticket| {
            let intake = ticket.intake.as_ref().unwrap();
            assert_eq!(intake.caller_account, Some(citizen().account));
        });
    }

    #[test]
    fn clerks_do_not_receive_and_nothing_is_received_twice() {
        given([])
            .when(clerk(), receive())
            .refused(Reason::RoleNotAllowed, None);
        received()
            .when(operator(), receive())
            .refused(Reason::AlreadyExists, None);
    }

    fn changed(
        change: impl FnOnce(&mut super::Receive<crate::Sealed>),
    ) -> TicketAction<crate::Sealed> {
        let TicketAction::Receive(mut action) = receive() else {
            unreachable!()
        };
        change(&mut action);
        TicketAction::Receive(action)
    }

    #[test]
    fn each_field_is_checked() {
        let refused = |change: fn(&mut super::Receive<crate::Sealed>), reason, field| {
            given([])
                .when(operator(), changed(change))
                .refused(reason, Some(field));
        };
        refused(|r| r.title = sealed(""), Reason::Required, "title");
        refused(
            |r| r.title = sealed(&"长".repeat(101)),
            Reason::TooLong,
            "title",
        );
        refused(|r| r.body = sealed(""), Reason::Required, "body");
        refused(
            |r| r.place = Some(sealed(&"长".repeat(201))),
            Reason::TooLong,
            "place",
        );
        refused(|r| r.has_contact = false, Reason::Required, "caller.phone");
        refused(
            |r| r.channel = "pigeon".into(),
            Reason::InvalidValue,
            "channel",
        );
        refused(
            |r| r.topic = Some("王小明".into()),
            Reason::InvalidValue,
            "topic",
        );
        refused(
            |r| r.region = Some("王小明".into()),
            Reason::InvalidValue,
            "region",
        );
        refused(
            |r| r.incident_at = chrono::DateTime::from_timestamp(-2_208_988_801, 0),
            Reason::InvalidValue,
            "incidentAt",
        );
        refused(
            |r| r.accused_department = Some(id(99)),
            Reason::UnknownOffice,
            "accusedDepartmentId",
        );
        refused(
            |r| r.incident_at = Some(now() + chrono::TimeDelta::microseconds(1)),
            Reason::InvalidValue,
            "incidentAt",
        );
    }

    #[test]
    fn the_edges_of_what_is_allowed() {
        let allowed = |change: fn(&mut super::Receive<crate::Sealed>)| {
            given([])
                .when(operator(), changed(change))
                .then(|t| assert_eq!(t.revision, 1));
        };
        allowed(|r| r.title = sealed(&"长".repeat(100)));
        allowed(|r| r.incident_at = Some(now()));
        allowed(|r| {
            r.caller = None;
            r.has_contact = false;
        });
    }

    /// The plain request under a pack with some changes.
    fn under(
        changes: &[(&str, &str)],
        change: impl FnOnce(&mut super::Receive<crate::Sealed>),
    ) -> Outcome {
        let city = given([]).under(changes);
        city.when(operator(), changed(change))
    }

    #[test]
    fn a_form_asks_for_what_the_pack_says() {
        let asks = |field: &str| {
            let line = format!("required = [{{ kind = \"complain\", fields = [\"{field}\"] }}]");
            under(&[("required = []\nmenu", &format!("{line}\nmenu"))], |r| {
                r.caller = None;
                r.has_contact = false;
                r.place = Some(sealed(""));
            })
        };
        for (field, path) in [
            ("caller", "caller"),
            ("contact", "caller.phone"),
            ("place", "place"),
            ("incident_at", "incidentAt"),
            ("respondent", "respondent"),
            ("earlier", "earlier"),
        ] {
            asks(field).refused(Reason::Required, Some(path));
        }
        // Of another kind it asks for nothing.
        let line = "required = [{ kind = \"report\", fields = [\"place\"] }]\nmenu";
        under(&[("required = []\nmenu", line)], |_| ()).then(|t| assert_eq!(t.revision, 1));
    }

    #[test]
    fn everything_that_is_missing_is_named_at_one_time() {
        let line = "required = [{ kind = \"complain\", fields = [\"contact\", \"place\"] }]\nmenu";
        let outcome = under(&[("required = []\nmenu", line)], |r| {
            r.title = sealed("");
            r.body = sealed(&"长".repeat(9_999));
            r.has_contact = false;
            r.place = None;
        });
        let refusal = outcome.refusal();
        assert_eq!(refusal.reason, Reason::Required);
        assert_eq!(refusal.field, Some("title"));
        assert_eq!(refusal.also, ["caller.phone", "place"]);
        let detail = refusal.detail.as_ref().map(|detail| detail.en.as_str());
        assert_eq!(detail, Some("title, caller.phone, place"));
    }

    #[test]
    fn only_kinds_of_the_pack_are_taken() {
        let complaints = "[[kinds]]\ncode = \"complain\"\nzh = \"投诉\"\nen = \"Complaint\"\n";
        let only = [(complaints, "")];
        under(&only, |_| ()).refused(Reason::InvalidValue, Some("kind"));
        under(&only, |r| r.kind = crate::ticket::Kind::Help).then(|t| assert_eq!(t.revision, 1));
    }

    #[test]
    fn a_routed_request_knows_where_to_but_never_to_whom_it_accuses() {
        let routes = [
            ("assigns_by_itself = false", "assigns_by_itself = true"),
            (
                "[pack]",
                "topics = [\"市容/油烟\"]\nroutes = [{ topic = \"市容\", department = \"城市管理局\" }]\n[pack]",
            ),
        ];
        let routed = |change: fn(&mut super::Receive<crate::Sealed>), to| {
            under(&routes, change)
                .then(|ticket| assert_eq!(ticket.intake.as_ref().unwrap().routed_to, to));
        };
        routed(|r| r.topic = Some("市容/油烟".into()), Some(DEPARTMENT));
        routed(|_| (), None);
        routed(
            |r| {
                r.topic = Some("市容/油烟".into());
                r.accused_department = Some(DEPARTMENT);
            },
            None,
        );
    }
}
