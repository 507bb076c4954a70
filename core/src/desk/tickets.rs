//! Commands on tickets: making numbers and keys, sealing texts, handing over to the domain.

use super::likeness::{marks, normal};
use super::texts::{kept, kept_caller};
use super::{DECISIONS_MAX, Desk, DeskError, Options, Outcome};
use crate::clock::{new_id, random_bytes};
use crate::journal::{Claim, JournalError};
use crate::vault::{NewKey, VaultError};
use docket_domain::ids::{DepartmentId, EventId, KeyId, TicketId};
use docket_domain::people::Actor;
use docket_domain::rules::{Request, Rules};
use docket_domain::sealed::{Field, KeyOwner};
use docket_domain::ticket::actions::receive::Receive;
use docket_domain::ticket::{
    Context, Kind, Secrecy, Ticket, TicketAction, TicketCommand, TicketNumber, Urgency,
    available_actions,
};
use docket_domain::{Refusal, Sealed, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// Characters of a query code: 31^8, nearly 10^12.
const QUERY_CODE_CHARS: usize = 8;

/// No 0, 1, I, L, O: codes are read out over the phone.
const QUERY_CODE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// A request as it comes in, texts clear.
#[derive(Clone, Debug, Serialize)]
pub struct NewTicket {
    /// What the caller wants.
    pub kind: Kind,
    /// A channel of the pack.
    pub channel: String,
    /// A topic of the pack.
    pub topic: Option<String>,
    /// How pressing it is at least: the pack's triage may raise it.
    pub urgency: Urgency,
    /// Who may know.
    pub secrecy: Secrecy,
    /// Whether the caller wants a reply.
    pub wants_reply: bool,
    /// Who called; `None` is anonymous.
    pub caller: Option<Caller>,
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
    /// Where it happened.
    pub place: Option<String>,
    /// A region of the pack.
    pub region: Option<String>,
    /// When it happened.
    pub incident_at: Option<Timestamp>,
    /// The party complained of.
    pub respondent: Option<String>,
    /// A department accused.
    pub accused_department: Option<DepartmentId>,
    /// An earlier ticket on the same matter.
    pub earlier: Option<TicketNumber>,
}

/// Who called. Sealed as one text under the caller's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Caller {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Sex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// The number to be reached at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
}

impl Caller {
    /// What the caller is known by, whatever people put between the digits.
    pub(super) fn contact(&self) -> Option<String> {
        let contact = self.phone.as_deref().or(self.email.as_deref());
        contact.map(normal_contact).filter(|c| !c.is_empty())
    }
}

/// Keys of one command's texts.
pub(super) struct Keys {
    pub(super) ticket: KeyId,
    pub(super) caller: KeyId,
    pub(super) respondent: KeyId,
}

impl Desk {
    /// Receives a request: makes its number and query code, seals it, and decides.
    /// Gives the query code, which is told to the caller and known to nobody else.
    pub async fn receive(
        &self,
        actor: &Actor,
        new: NewTicket,
        options: &Options,
    ) -> Result<Outcome<Ticket>, DeskError> {
        let rules = self.rules().await?;
        let mut envelope = self.envelope(actor, options.command, "receive", &new, rules.version);
        if let Some(done) = self.done_before::<Ticket>(options, &envelope).await? {
            return Ok(done);
        }
        self.check_earlier(&new).await?;
        let caller = new.caller.clone();
        let caller = caller.map(|caller| kept_caller("receive", caller));
        let new = NewTicket {
            caller: caller.transpose()?,
            ..new
        };
        // Named after the command, so that the same command racing itself meets its own stream.
        let id = match options.command {
            Some(command) => TicketId(self.named(&format!("ticket {command}"))),
            None => new_id(&*self.clock),
        };
        let context = self
            .context(actor, &rules, envelope.stamp.at, options)
            .await?;
        for attempt in 0.. {
            let number = TicketNumber::compose(
                envelope.stamp.at,
                rules.calendar.zone,
                u32::from_be_bytes(random_bytes()),
            );
            let query_code = query_code();
            envelope.claims = vec![
                Claim {
                    kind: "ticket_number",
                    value: number.as_str().into(),
                },
                Claim {
                    kind: "query_code",
                    value: self.query_code_hash(&query_code).into(),
                },
            ];
            let action = receive_action(number, query_code, &new, actor, &rules);
            let keys = self.keys_for(id, Some(&new)).await?;
            let action = self
                .seal(TicketAction::Receive(action), envelope.event, &keys)
                .await?;
            let command = TicketCommand {
                context: context.clone(),
                action,
            };
            match self
                .run_new::<Ticket>(id.0, envelope.clone(), || command.clone())
                .await
            {
                // Six digits a second collide now and then: another number.
                Err(DeskError::Journal(JournalError::ClaimTaken { .. }))
                    if attempt < DECISIONS_MAX => {}
                outcome => return outcome,
            }
        }
        unreachable!("the loop above returns")
    }

    /// An earlier number stands in the log in the clear, so it must be a ticket's: eighteen digits may be
    /// somebody's identity card.
    async fn check_earlier(&self, new: &NewTicket) -> Result<(), DeskError> {
        let Some(earlier) = &new.earlier else {
            return Ok(());
        };
        let known = self
            .journal
            .claimed_by("ticket_number", earlier.as_str().as_bytes())
            .await?;
        if known.is_some() {
            return Ok(());
        }
        let refusal = Refusal::new("receive", "absent", docket_domain::Reason::InvalidValue);
        Err(refusal
            .at("earlier")
            .because((
                "须为本热线的工单编号",
                "the number of a ticket of this hotline",
            ))
            .into())
    }

    /// Does an action on a ticket.
    pub async fn act(
        &self,
        actor: &Actor,
        id: TicketId,
        action: TicketAction<String>,
        options: &Options,
    ) -> Result<Outcome<Ticket>, DeskError> {
        let rules = self.rules().await?;
        let payload = (id, &action);
        let envelope = self.envelope(
            actor,
            options.command,
            action.spec().name,
            &payload,
            rules.version,
        );
        if let Some(done) = self.done_before::<Ticket>(options, &envelope).await? {
            return Ok(done);
        }
        let context = self
            .context(actor, &rules, envelope.stamp.at, options)
            .await?;
        let action = self.look_up(actor, id, action).await?;
        let left = self.master_left(id, &action).await?;
        let action = match self.seal_for(id, action.clone(), envelope.event).await {
            Ok(action) => action,
            // Without a key there is no ticket: let the domain say so.
            Err(DeskError::Vault(VaultError::Altered { .. })) => {
                let refusal = Refusal::new(
                    action.spec().name,
                    "absent",
                    docket_domain::Reason::NotFound,
                );
                return Err(refusal.into());
            }
            Err(error) => return Err(error),
        };
        let command = TicketCommand { context, action };
        let joined = match &command.action {
            TicketAction::Merge(merge) if merge.fit => Some(merge.master),
            _ => None,
        };
        let outcome = self.run::<Ticket>(id.0, envelope, || command.clone()).await;
        if let (Some(master), Err(DeskError::Refused(_))) = (joined, &outcome) {
            self.leave_unless_merged(master, id).await?;
        }
        let outcome = outcome?;
        if let Some(master) = joined {
            self.conclude_if_over(master, id).await?;
        }
        if let Some(master) = left {
            self.leave(master, Some(id)).await?;
        }
        Ok(outcome)
    }

    /// What an account may do with a ticket now.
    pub async fn available_actions(
        &self,
        actor: &Actor,
        ticket: &Ticket,
    ) -> Result<Vec<&'static str>, DeskError> {
        let rules = self.rules().await?;
        let context = self
            .context(actor, &rules, self.now(), &Options::default())
            .await?;
        Ok(available_actions(ticket, &context))
    }

    /// What a decision has to know of others: whether whoever is handed an assignment is a colleague, by what
    /// their account says now, and whether a ticket can take another in.
    async fn look_up(
        &self,
        actor: &Actor,
        id: TicketId,
        action: TicketAction<String>,
    ) -> Result<TicketAction<String>, DeskError> {
        match action {
            TicketAction::HandOver(mut action) => {
                let colleague = self.account(action.to).await?;
                action.office = colleague.and_then(|account| account.office());
                Ok(TicketAction::HandOver(action))
            }
            TicketAction::Merge(mut action) => {
                self.look_up_master(actor, id, &mut action).await?;
                Ok(TicketAction::Merge(action))
            }
            other => Ok(other),
        }
    }

    pub(super) async fn context(
        &self,
        actor: &Actor,
        rules: &Arc<Rules>,
        now: Timestamp,
        options: &Options,
    ) -> Result<Context, DeskError> {
        Ok(Context {
            now,
            actor: actor.clone(),
            rules: rules.clone(),
            organisation: self.organisation().await?,
            expected_revision: options.expected_revision,
        })
    }

    /// The keys an action's texts go under; a new ticket's are made.
    async fn keys_for(&self, id: TicketId, new: Option<&NewTicket>) -> Result<Keys, VaultError> {
        let ticket = KeyId(id.0);
        let Some(new) = new else {
            return Ok(Keys {
                ticket,
                caller: ticket,
                respondent: ticket,
            });
        };
        let fresh = || new_id::<KeyId>(&*self.clock);
        let mut wanted = vec![NewKey {
            id: ticket,
            owner: KeyOwner::Ticket,
            same_as: None,
        }];
        if let Some(caller) = &new.caller {
            let same_as = caller.contact();
            wanted.push(NewKey {
                id: fresh(),
                owner: KeyOwner::Caller,
                same_as,
            });
        }
        if new.respondent.is_some() {
            wanted.push(NewKey {
                id: fresh(),
                owner: KeyOwner::Respondent,
                same_as: None,
            });
        }
        let contact = new.caller.as_ref().and_then(Caller::contact);
        let place = (new.place.as_deref(), new.region.as_deref());
        let marks = marks(id, contact, place, new.topic.as_deref());
        let made = self.vault.make_keys_and_marks(wanted, marks).await?;
        let caller = if new.caller.is_some() {
            made.get(1)
        } else {
            None
        };
        Ok(Keys {
            ticket,
            caller: caller.copied().unwrap_or(ticket),
            respondent: made.last().copied().unwrap_or(ticket),
        })
    }

    /// Seals an action on a ticket that is there.
    pub(super) async fn seal_for(
        &self,
        id: TicketId,
        action: TicketAction<String>,
        event: EventId,
    ) -> Result<TicketAction<Sealed>, DeskError> {
        let keys = self.keys_for(id, None).await?;
        self.seal(action, event, &keys).await
    }

    pub(super) async fn seal(
        &self,
        action: TicketAction<String>,
        event: EventId,
        keys: &Keys,
    ) -> Result<TicketAction<Sealed>, DeskError> {
        // Two passes, since sealing may have to read a key and the domain's map is not async.
        let name = action.spec().name;
        let mut texts: Vec<(Field, String)> = Vec::new();
        let indexed = action.try_map(&mut |field, text: String| {
            texts.push((field, kept(name, field.in_input(), &text)?));
            Ok::<_, Refusal>(texts.len() - 1)
        })?;
        let mut sealed = Vec::with_capacity(texts.len());
        for (field, text) in texts {
            let key = match field.owner {
                KeyOwner::Caller => keys.caller,
                KeyOwner::Respondent => keys.respondent,
                KeyOwner::Ticket | KeyOwner::Account | KeyOwner::Office => keys.ticket,
            };
            sealed.push(self.vault.seal(key, event, field.name, &text).await?);
        }
        indexed.try_map(&mut |_, index: usize| Ok(sealed[index].clone()))
    }
}

/// How pressing a request is: as pressing as whoever took it said, or as the pack's triage says, whichever is more.
/// A citizen's own request is as pressing as triage says.
fn urgency_of(new: &NewTicket, actor: &Actor, rules: &Rules) -> Urgency {
    let triaged = rules.triage(&Request {
        kind: new.kind,
        topic: new.topic.as_deref(),
        channel: &new.channel,
        title: &new.title,
        body: &new.body,
    });
    let said = if actor.in_centre() {
        new.urgency
    } else {
        Urgency::Normal
    };
    triaged.map_or(said, |triaged| said.max(triaged))
}

fn receive_action(
    number: TicketNumber,
    query_code: String,
    new: &NewTicket,
    actor: &Actor,
    rules: &Rules,
) -> Receive<String> {
    let caller = new.caller.as_ref();
    Receive {
        number,
        query_code,
        kind: new.kind,
        channel: new.channel.clone(),
        topic: new.topic.clone(),
        urgency: urgency_of(new, actor, rules),
        secrecy: new.secrecy,
        wants_reply: new.wants_reply,
        has_contact: caller.is_some_and(|c| c.phone.is_some() || c.email.is_some()),
        caller: caller.map(|caller| {
            serde_json::to_string(caller).expect("a caller is a plain struct of texts")
        }),
        title: new.title.clone(),
        body: new.body.clone(),
        place: new.place.clone(),
        region: new.region.clone(),
        incident_at: new.incident_at,
        respondent: new.respondent.clone(),
        accused_department: new.accused_department,
        earlier: new.earlier.clone(),
    }
}

/// A contact without what people put between digits, so that the same caller is found again: full-width signs
/// as their ASCII ones, and mainland mobile numbers without the country's code.
pub(super) fn normal_contact(contact: &str) -> String {
    const FULL_WIDTH: std::ops::RangeInclusive<u32> = 0xFF01..=0xFF5E;
    let ascii = |c: char| match u32::from(c) {
        code if FULL_WIDTH.contains(&code) => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    let plain: String = contact.chars().map(ascii).collect();
    let mut normal = normal(&plain);
    if normal.contains('@') {
        return normal;
    }
    normal.retain(|c| !matches!(c, '-' | '(' | ')' | '+' | '.' | '/'));
    for code in ["0086", "86"] {
        let rest = normal.strip_prefix(code);
        if let Some(mobile) = rest.filter(|rest| rest.len() == 11 && rest.starts_with('1')) {
            return mobile.to_owned();
        }
    }
    normal
}

pub(super) fn query_code() -> String {
    let mut code = String::with_capacity(QUERY_CODE_CHARS);
    while code.len() < QUERY_CODE_CHARS {
        // Bytes at the top are dropped, so that every letter is as likely as another.
        let [byte] = random_bytes::<1>();
        let fair = 256 - 256 % QUERY_CODE_ALPHABET.len();
        if usize::from(byte) < fair {
            code.push(char::from(
                QUERY_CODE_ALPHABET[usize::from(byte) % QUERY_CODE_ALPHABET.len()],
            ));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::normal_contact;

    #[test]
    fn a_contact_is_the_same_however_it_is_written() {
        for written in [
            "13988887777",
            "139 8888-7777",
            "139.8888.7777",
            "+86 13988887777",
            "0086-139-8888-7777",
            "（+86）１３９８８８８７７７７",
        ] {
            assert_eq!(normal_contact(written), "13988887777", "{written}");
        }
        // Not a mobile number: its first digits are its own.
        assert_eq!(normal_contact("8612345"), "8612345");
        assert_eq!(normal_contact("(010) 6213-4567"), "01062134567");
        let mail = "li.lei-86@example.cn";
        assert_eq!(normal_contact(" Li.Lei-86＠example.cn"), mail);
    }
}
