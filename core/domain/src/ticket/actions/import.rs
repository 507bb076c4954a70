//! Import (迁入): a ticket of the system that served the hotline before is carried over, as that system knew it.
//!
//! One event states what was known, and no more: no step is invented. An open ticket goes on from here: with the
//! department that has it, or waiting to be assigned. One that was over there is over here. Only the
//! system does this, at the command line: it is a migration, not business.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse, required};
use crate::ids::DepartmentId;
use crate::rules::Matter;
use crate::sealed::{Field, KeyOwner, Sealed, try_map_option};
use crate::ticket::TicketNumber;
use crate::ticket::state::{
    Answer, Ending, EndingKind, Intake, Kind, Secrecy, Source, Standing, Urgency,
};
use crate::time::{Due, Timestamp};
use chrono::Datelike as _;
use serde::{Deserialize, Serialize};

/// Longest title carried over, in characters. Technical, as the next two: the pack's limits are for what is
/// written here.
pub const TITLE_MAX: u32 = 500;
/// Longest body or answer carried over.
pub const TEXT_MAX: u32 = 20_000;
/// Longest place, respondent, caller or number carried over.
pub const SHORT_MAX: u32 = 1_000;
/// Longest name of a source.
pub const SOURCE_CHARS_MAX: usize = 40;
/// The earliest year anything may have happened in. A technical limit.
const EARLIEST_YEAR: i32 = 1900;

/// Carries a ticket over. The number and the query code are made before the decision, as for any ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Import<T> {
    /// The number it gets here.
    pub number: TicketNumber,
    /// The code its caller may be told.
    pub query_code: T,
    /// The name of the system it comes from.
    pub source: String,
    /// Its number there.
    pub source_number: T,
    /// What its status there meant.
    pub standing: Standing,
    /// The source's own words for what is coded here, and what else is kept of it: a JSON object of texts.
    pub source_words: Option<T>,
    /// What the caller wants.
    pub kind: Option<Kind>,
    /// A channel of the pack.
    pub channel: Option<String>,
    /// A topic of the pack.
    pub topic: Option<String>,
    /// How pressing it is.
    pub urgency: Option<Urgency>,
    /// Who may know.
    pub secrecy: Option<Secrecy>,
    /// Whether the caller wants a reply.
    pub wants_reply: Option<bool>,
    /// Who called, as far as known.
    pub caller: Option<T>,
    /// Title.
    pub title: T,
    /// Body.
    pub body: Option<T>,
    /// Where it happened.
    pub place: Option<T>,
    /// A region of the pack.
    pub region: Option<String>,
    /// When it happened.
    pub incident_at: Option<Timestamp>,
    /// The party complained of.
    pub respondent: Option<T>,
    /// A department accused.
    pub accused_department: Option<DepartmentId>,
    /// The department that had it last.
    pub department: Option<DepartmentId>,
    /// The answer to the citizen.
    pub answer: Option<T>,
    /// When it was received there.
    pub received_at: Timestamp,
    /// When the department got it.
    pub assigned_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// To be replied by, as set there.
    pub due_at: Option<Timestamp>,
}

/// A ticket was carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Its number here.
    pub number: TicketNumber,
    /// The code its caller may be told, sealed.
    pub query_code: Sealed,
    /// The system it comes from.
    pub source: String,
    /// Its number there.
    pub source_number: Sealed,
    /// What its status there meant.
    pub standing: Standing,
    /// The source's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_words: Option<Sealed>,
    /// What the caller wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The channel's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The topic's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// How pressing it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Who may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrecy: Option<Secrecy>,
    /// Whether the caller wants a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_reply: Option<bool>,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Sealed>,
    /// Title.
    pub title: Sealed,
    /// Body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Sealed>,
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
    /// The department that had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// The answer to the citizen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Sealed>,
    /// When it was received there.
    pub received_at: Timestamp,
    /// When the department got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Timestamp>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// To be replied by, as set there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Where it is open and a department has it: until when that may return it, by the rules here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_by: Option<Due>,
}

impl<T> Import<T> {
    /// What its limits depend on.
    fn matter(&self) -> Matter<'_> {
        Matter {
            kind: self.kind,
            topic: self.topic.as_deref(),
            urgency: self.urgency.unwrap_or(Urgency::Normal),
            channel: self.channel.as_deref(),
        }
    }

    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Import<U>, E> {
        let caller = Field {
            name: "caller",
            owner: KeyOwner::Caller,
        };
        let respondent = Field {
            name: "respondent",
            owner: KeyOwner::Respondent,
        };
        Ok(Import {
            number: self.number,
            query_code: seal(Field::of_ticket("query_code"), self.query_code)?,
            source: self.source,
            source_number: seal(Field::of_ticket("source_number"), self.source_number)?,
            standing: self.standing,
            source_words: try_map_option(
                self.source_words,
                Field::of_ticket("source_words"),
                seal,
            )?,
            kind: self.kind,
            channel: self.channel,
            topic: self.topic,
            urgency: self.urgency,
            secrecy: self.secrecy,
            wants_reply: self.wants_reply,
            caller: try_map_option(self.caller, caller, seal)?,
            title: seal(Field::of_ticket("title"), self.title)?,
            body: try_map_option(self.body, Field::of_ticket("body"), seal)?,
            place: try_map_option(self.place, Field::of_ticket("place"), seal)?,
            region: self.region,
            incident_at: self.incident_at,
            respondent: try_map_option(self.respondent, respondent, seal)?,
            accused_department: self.accused_department,
            department: self.department,
            answer: try_map_option(self.answer, Field::of_ticket("answer"), seal)?,
            received_at: self.received_at,
            assigned_at: self.assigned_at,
            answered_at: self.answered_at,
            closed_at: self.closed_at,
            due_at: self.due_at,
        })
    }
}

impl Action for Import<Sealed> {
    const SPEC: Spec = Spec {
        name: "import",
        zh: "迁入",
        en: "Carry over",
        event: Imported::TYPE,
        roles: Role::NOBODY,
        gate: Gate::New,
    };
    type Event = Imported;
    const WHILE_SUSPENDED: bool = true;

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Imported>, Refusal> {
        self.check_texts(ticket)?;
        self.check_lists(ticket, context)?;
        self.check_times(ticket, context.now)?;
        self.check_offices(ticket, context)?;
        let handled = self.standing == Standing::Open && self.department.is_some();
        Ok(Some(Imported {
            return_by: handled.then(|| context.rules.return_by(&self.matter(), context.now)),
            number: self.number,
            query_code: self.query_code,
            source: self.source,
            source_number: self.source_number,
            standing: self.standing,
            source_words: self.source_words,
            kind: self.kind,
            channel: self.channel,
            topic: self.topic,
            urgency: self.urgency,
            secrecy: self.secrecy,
            wants_reply: self.wants_reply,
            caller: self.caller,
            title: self.title,
            body: self.body,
            place: self.place,
            region: self.region,
            incident_at: self.incident_at,
            respondent: self.respondent,
            accused_department: self.accused_department,
            department: self.department,
            answer: self.answer,
            received_at: self.received_at,
            assigned_at: self.assigned_at,
            answered_at: self.answered_at,
            closed_at: self.closed_at,
            due_at: self.due_at,
        }))
    }
}

impl Import<Sealed> {
    fn check_texts(&self, ticket: &Ticket) -> Result<(), Refusal> {
        required::<Self>(ticket, "sourceNumber", &self.source_number, SHORT_MAX)?;
        required::<Self>(ticket, "title", &self.title, TITLE_MAX)?;
        for (field, text, max) in [
            ("body", &self.body, TEXT_MAX),
            ("answer", &self.answer, TEXT_MAX),
            ("sourceWords", &self.source_words, TEXT_MAX),
            ("place", &self.place, SHORT_MAX),
            ("respondent", &self.respondent, SHORT_MAX),
            ("caller", &self.caller, SHORT_MAX),
        ] {
            optional::<Self>(ticket, field, text.as_ref(), max)?;
        }
        if self.standing == Standing::Answered && self.answer.is_none() {
            let detail = "an answered ticket's answer";
            return Err(refuse::<Self>(ticket, Reason::Required)
                .at("answer")
                .because(detail));
        }
        Ok(())
    }

    /// Clear strings enter only from lists; the source's name is a code chosen with the mapping.
    fn check_lists(&self, ticket: &Ticket, context: &Context) -> Result<(), Refusal> {
        let rules = &context.rules;
        let invalid = |field, detail: &str| {
            Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at(field)
                .because(detail))
        };
        if !is_source_name(&self.source) {
            return invalid("source", SOURCE_NAME_IS);
        }
        let known = |channel: &String| rules.channels().iter().any(|c| c.code == *channel);
        if !self.channel.as_ref().is_none_or(known) {
            return invalid("channel", "a channel of the rule pack");
        }
        if !self
            .topic
            .as_ref()
            .is_none_or(|t| rules.topics().contains(t))
        {
            return invalid("topic", "a topic of the rule pack");
        }
        if !self
            .region
            .as_ref()
            .is_none_or(|r| rules.regions().contains(r))
        {
            return invalid("region", "a region of the rule pack");
        }
        Ok(())
    }

    /// Nothing was done before it was received, or after now; a due time may lie anywhere from then on.
    fn check_times(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Refusal> {
        let invalid = |field, detail: &str| {
            Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at(field)
                .because(detail))
        };
        let possible = |at: Timestamp| at.year() >= EARLIEST_YEAR && at <= now;
        if !possible(self.received_at) {
            return invalid("receivedAt", POSSIBLE);
        }
        if !self.incident_at.is_none_or(possible) {
            return invalid("incidentAt", POSSIBLE);
        }
        for (field, time) in [
            ("assignedAt", self.assigned_at),
            ("answeredAt", self.answered_at),
            ("closedAt", self.closed_at),
        ] {
            if !time.is_none_or(possible) {
                return invalid(field, POSSIBLE);
            }
            if time.is_some_and(|at| at < self.received_at) {
                return invalid(field, NOT_BEFORE_RECEIVED);
            }
        }
        if self.due_at.is_some_and(|at| at < self.received_at) {
            return invalid("dueAt", NOT_BEFORE_RECEIVED);
        }
        if self.standing == Standing::Answered && self.answered_at.is_none() {
            return Err(refuse::<Self>(ticket, Reason::Required)
                .at("answeredAt")
                .because("when an answered ticket was answered"));
        }
        Ok(())
    }

    fn check_offices(&self, ticket: &Ticket, context: &Context) -> Result<(), Refusal> {
        for (field, department) in [
            ("department", self.department),
            ("accusedDepartment", self.accused_department),
        ] {
            if department.is_some_and(|d| context.organisation.department(d).is_none()) {
                return Err(refuse::<Self>(ticket, Reason::UnknownOffice).at(field));
            }
        }
        let confidential = self.secrecy == Some(Secrecy::Confidential);
        if confidential && self.department.is_some() && self.department == self.accused_department {
            return Err(refuse::<Self>(ticket, Reason::AccusedOffice).at("department"));
        }
        Ok(())
    }
}

const POSSIBLE: &str = "from 1900 on, not in the future";
const NOT_BEFORE_RECEIVED: &str = "not before it was received";
/// What a source's name must be, in words.
pub const SOURCE_NAME_IS: &str = "1 to 40 of a-z, 0-9, - and _, beginning with a letter";

/// Whether a text may name a source.
#[must_use]
pub fn is_source_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    name.len() <= SOURCE_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
}

impl Fact for Imported {
    const TYPE: &'static str = "imported";
    const VERSION: u16 = 2;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.intake = Some(self.intake(stamp));
        let answer = self.answer_given(stamp);
        ticket.source = Some(Source {
            system: self.source.clone(),
            number: self.source_number.clone(),
            standing: self.standing,
            words: self.source_words.clone(),
            imported_at: stamp.at,
            department: self.department,
            assigned_at: self.assigned_at,
            answered_at: self.answered_at,
            closed_at: self.closed_at,
            due_at: self.due_at,
            answer: self.answer.clone().filter(|_| answer.is_none()),
        });
        ticket.answer = answer;
        ticket.ending = self.standing.ending().map(|kind| Ending {
            kind,
            at: self.closed_at,
            by: stamp.by,
            reason: None,
            lawful_channel: None,
            text: None,
        });
        if let (Some(department), Some(return_by)) = (self.department, self.return_by) {
            let due = self.due_at.map(Due::known);
            let held = Assignment::imported(department, stamp, due, return_by);
            ticket.assignments.push(held);
        }
        let known = [self.assigned_at, self.answered_at, self.closed_at];
        let latest = known.into_iter().flatten().max();
        ticket.changed_at = Some(latest.unwrap_or(self.received_at));
    }
}

impl Imported {
    /// Unknown urgency, secrecy and wish for a reply are taken as usual; everything else unknown stays so.
    fn intake(&self, stamp: &Stamp) -> Intake {
        let event = self.clone();
        Intake {
            at: event.received_at,
            by: stamp.by,
            number: event.number,
            query_code: event.query_code,
            kind: event.kind,
            channel: event.channel,
            topic: event.topic,
            urgency: event.urgency.unwrap_or(Urgency::Normal),
            secrecy: event.secrecy.unwrap_or(Secrecy::Open),
            wants_reply: event.wants_reply.unwrap_or(event.caller.is_some()),
            anonymous: event.caller.is_none(),
            caller: event.caller,
            caller_account: None,
            title: event.title,
            body: event.body,
            place: event.place,
            region: event.region,
            incident_at: event.incident_at,
            respondent: event.respondent,
            accused_department: event.accused_department,
            earlier: None,
            routed_to: None,
        }
    }

    /// The answer as the ticket's own: where it stands, and its time is known.
    fn answer_given(&self, stamp: &Stamp) -> Option<Answer> {
        let stands = matches!(self.standing, Standing::Answered | Standing::Closed);
        let at = self.answered_at.filter(|_| stands)?;
        Some(Answer {
            at,
            by: stamp.by,
            opinion: None,
            text: self.answer.clone()?,
            article: None,
            contacted: None,
            solved: None,
            unsolved_reason: None,
            handler: None,
            phone: None,
        })
    }
}

impl Standing {
    /// How such a ticket ended; `None`: it goes on. Duplicates and transfers are closed, and keep their standing.
    #[must_use]
    pub const fn ending(self) -> Option<EndingKind> {
        match self {
            Self::Open | Self::Answered => None,
            Self::Closed | Self::Duplicate | Self::Transferred => Some(EndingKind::Closed),
            Self::Declined => Some(EndingKind::Declined),
            Self::Withdrawn => Some(EndingKind::Withdrawn),
        }
    }
}

#[cfg(test)]
mod tests;
