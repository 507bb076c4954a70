//! Carrying tickets over from the system before. Done by Docket itself, for whoever works at the command line.

use super::likeness::marks;
use super::texts::{kept, kept_caller, measured};
use super::tickets::{Keys, query_code};
use super::{Caller, DECISIONS_MAX, Desk, DeskError, Options};
use crate::clock::{new_id, random_bytes};
use crate::esrs_store::Envelope;
use crate::journal::{Claim, JournalError};
use crate::vault::NewKey;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{CommandId, DepartmentId, KeyId, TicketId};
use docket_domain::people::Actor;
use docket_domain::rules::Rules;
use docket_domain::sealed::KeyOwner;
use docket_domain::ticket::actions::import::Import;
use docket_domain::ticket::{
    Context, Kind, Secrecy, Standing, Ticket, TicketAction, TicketCommand, TicketNumber, Urgency,
};
use docket_domain::{Refusal, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// A ticket as the system before knew it, texts clear. What is not known is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct OldTicket {
    /// The name of that system.
    pub source: String,
    /// The number there.
    pub number: String,
    /// What the status there meant.
    pub standing: Standing,
    /// The source's own words, by name.
    pub words: BTreeMap<String, String>,
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
    /// Who called.
    pub caller: Option<Caller>,
    /// What tells callers apart there, where no phone or e-mail does.
    pub caller_id: Option<String>,
    /// Title.
    pub title: String,
    /// Body.
    pub body: Option<String>,
    /// Where it happened.
    pub place: Option<String>,
    /// A region of the pack.
    pub region: Option<String>,
    /// When it happened.
    pub incident_at: Option<Timestamp>,
    /// The party complained of.
    pub respondent: Option<String>,
    /// A department accused. Not part of what makes two rows the same, as the next: `words` tells what the
    /// source called it, and which office that is may change with the organisation.
    #[serde(skip)]
    pub accused_department: Option<DepartmentId>,
    /// The department that had it last.
    #[serde(skip)]
    pub department: Option<DepartmentId>,
    /// The answer to the citizen.
    pub answer: Option<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// When the department got it.
    pub assigned_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// To be replied by.
    pub due_at: Option<Timestamp>,
}

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It is here now.
    Over,
    /// It was here already, the same in all.
    Before,
}

impl Desk {
    /// Carries a ticket over. One that is here already, and the same in all, stays as it is; one that was
    /// carried over with other content is [`JournalError::CommandReused`].
    pub async fn import(&self, old: &OldTicket) -> Result<Carried, DeskError> {
        let rules = self.rules().await?;
        // Judged before any key is made: what is refused leaves nothing behind.
        let Some((mut envelope, context, old)) = self.judge_import(old, &rules).await? else {
            return Ok(Carried::Before);
        };
        let old = &old;
        let named = self.source_hash(&old.source, &old.number);
        let id = TicketId(self.named(&format!("ticket {}", envelope.command)));
        let keys = self.import_keys(id, old, &rules).await?;
        for attempt in 0.. {
            let (number, query_code) = (number(old, &rules), query_code());
            envelope.claims = vec![
                Claim {
                    kind: "ticket_number",
                    value: number.as_str().into(),
                },
                Claim {
                    kind: "query_code",
                    value: self.query_code_hash(&query_code).into(),
                },
                Claim {
                    kind: "source_number",
                    value: named.to_vec(),
                },
            ];
            let action = TicketAction::Import(action(old, number.clone(), query_code));
            let command = TicketCommand {
                context: context.clone(),
                action: self.seal(action, envelope.event, &keys).await?,
            };
            match self
                .run_new::<Ticket>(id.0, envelope.clone(), || command.clone())
                .await
            {
                // Six digits a second collide now and then: another number.
                Err(DeskError::Journal(JournalError::ClaimTaken { .. }))
                    if attempt < DECISIONS_MAX => {}
                Err(error) => return Err(error),
                // Another import of the same file was faster: the number is the one it made.
                Ok(outcome) => {
                    let intake = outcome.state.intake.as_ref();
                    let ours = intake.is_some_and(|intake| intake.number == number);
                    return Ok(if ours { Carried::Over } else { Carried::Before });
                }
            }
        }
        unreachable!("the loop above returns")
    }

    /// Whether a ticket would be carried over. Writes nothing.
    pub async fn check_import(&self, old: &OldTicket) -> Result<Carried, DeskError> {
        let rules = self.rules().await?;
        let judged = self.judge_import(old, &rules).await?;
        Ok(if judged.is_some() {
            Carried::Over
        } else {
            Carried::Before
        })
    }

    /// What to decide a ticket's import with, and the ticket with its texts as they are kept; `None` where it was
    /// carried over before.
    async fn judge_import(
        &self,
        old: &OldTicket,
        rules: &Arc<Rules>,
    ) -> Result<Option<(Envelope, Context, OldTicket)>, DeskError> {
        let (actor, options) = (Actor::system(), Options::default());
        let command = self.import_command(&self.source_hash(&old.source, &old.number));
        let envelope = self.envelope(&actor, Some(command), "import", old, rules.version);
        if let Some(stored) = self.journal.command(command).await? {
            if stored.fingerprint == envelope.fingerprint {
                return Ok(None);
            }
            return Err(JournalError::CommandReused.into());
        }
        let context = self
            .context(&actor, rules, envelope.stamp.at, &options)
            .await?;
        let old = with_kept_texts(old)?;
        judge(&old, rules, &context)?;
        Ok(Some((envelope, context, old)))
    }

    /// The ticket that had this number in that system.
    pub async fn carried_over(
        &self,
        source: &str,
        number: &str,
    ) -> Result<Option<TicketId>, DeskError> {
        let named = self.source_hash(source, number.trim());
        let found = self.journal.claimed_by("source_number", &named).await?;
        Ok(found.map(TicketId))
    }

    /// The keyed hash under which a number of another system is known: it may be anything, a person's too.
    fn source_hash(&self, source: &str, number: &str) -> [u8; 32] {
        let named = format!("{source}\n{number}");
        self.vault.keyed_hash("source_number", named.as_bytes())
    }

    /// Sent again, after a kill or from another file, an import is the same command.
    fn import_command(&self, named: &[u8; 32]) -> CommandId {
        let of_source = Uuid::new_v5(&self.journal.log_id().0, named);
        CommandId(Uuid::new_v5(&of_source, b"imported"))
    }

    async fn import_keys(
        &self,
        id: TicketId,
        old: &OldTicket,
        rules: &Rules,
    ) -> Result<Keys, DeskError> {
        let ticket = KeyId(id.0);
        let new = |id, owner, same_as| NewKey { id, owner, same_as };
        let mut wanted = vec![new(ticket, KeyOwner::Ticket, None)];
        if let Some(caller) = &old.caller {
            let by_id = || {
                let id = old.caller_id.as_ref()?;
                Some(format!("{}\n{id}", old.source))
            };
            let same_as = caller.contact().or_else(by_id);
            wanted.push(new(new_id(&*self.clock), KeyOwner::Caller, same_as));
        }
        if old.respondent.is_some() {
            wanted.push(new(new_id(&*self.clock), KeyOwner::Respondent, None));
        }
        let contact = old.caller.as_ref().and_then(Caller::contact);
        let place = (old.place.as_deref(), old.region.as_deref());
        // One that is too old is nobody's duplicate.
        let recent = self.now() - old.received_at <= rules.duplicates_within();
        let marks = if recent {
            marks(id, contact, place, old.topic.as_deref())
        } else {
            Vec::new()
        };
        let made = self.vault.make_keys_and_marks(wanted, marks).await?;
        let caller = made.get(1).filter(|_| old.caller.is_some());
        Ok(Keys {
            ticket,
            caller: caller.copied().unwrap_or(ticket),
            respondent: made.last().copied().unwrap_or(ticket),
        })
    }
}

/// The texts that are sealed together, as they are kept; the others are cleaned one by one.
fn with_kept_texts(old: &OldTicket) -> Result<OldTicket, Refusal> {
    let caller = old.caller.clone().map(|caller| {
        let kept = kept_caller("import", caller);
        kept.map_err(|refusal| refusal.at("caller"))
    });
    let words = old.words.iter().map(|(name, text)| {
        let text = kept("import", "words", text)?;
        Ok::<_, Refusal>((name.clone(), text))
    });
    Ok(OldTicket {
        caller: caller.transpose()?,
        words: words.collect::<Result<_, _>>()?,
        ..old.clone()
    })
}

/// Decides on a ticket without sealing it: the domain looks at lengths alone.
fn judge(old: &OldTicket, rules: &Rules, context: &Context) -> Result<(), Refusal> {
    let action = TicketAction::Import(action(old, number(old, rules), String::new()));
    let action = action.try_map(&mut |field, text: String| {
        let text = kept("import", field.in_input(), &text)?;
        Ok::<_, Refusal>(measured(&text))
    })?;
    let command = TicketCommand {
        context: context.clone(),
        action,
    };
    Ticket::decide(&Ticket::default(), command).map(|_| ())
}

/// A number here, from when it was received there.
fn number(old: &OldTicket, rules: &Rules) -> TicketNumber {
    let tail = u32::from_be_bytes(random_bytes());
    TicketNumber::compose(old.received_at, rules.calendar.zone, tail)
}

fn action(old: &OldTicket, number: TicketNumber, query_code: String) -> Import<String> {
    Import {
        number,
        query_code,
        source: old.source.clone(),
        source_number: old.number.clone(),
        standing: old.standing,
        source_words: (!old.words.is_empty()).then(|| json(&old.words)),
        kind: old.kind,
        channel: old.channel.clone(),
        topic: old.topic.clone(),
        urgency: old.urgency,
        secrecy: old.secrecy,
        wants_reply: old.wants_reply,
        caller: old.caller.as_ref().map(json),
        title: old.title.clone(),
        body: old.body.clone(),
        place: old.place.clone(),
        region: old.region.clone(),
        incident_at: old.incident_at,
        respondent: old.respondent.clone(),
        accused_department: old.accused_department,
        department: old.department,
        answer: old.answer.clone(),
        received_at: old.received_at,
        assigned_at: old.assigned_at,
        answered_at: old.answered_at,
        closed_at: old.closed_at,
        due_at: old.due_at,
    }
}

fn json(texts: &impl Serialize) -> String {
    serde_json::to_string(texts).expect("plain structs and maps of texts")
}
