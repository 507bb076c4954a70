//! Erasing a person (个人信息保护法 47): keys first, then what has to be said of it.
//!
//! The keys of the caller and of all their tickets are destroyed in one transaction that also puts the
//! erasure on record. What follows (an event on each ticket, which takes it out of the views) is done after
//! it, and finished by whoever comes next if this process is killed.

use super::tickets::normal_contact;
use super::{Desk, DeskError, Options};
use crate::clock::new_id;
use crate::journal::JournalError;
use crate::vault::Erasure;
use docket_domain::account::{Account, AccountAction};
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{AccountId, CommandId, KeyId, TicketId};
use docket_domain::people::Actor;
use docket_domain::ticket::actions::erase::Erase;
use docket_domain::ticket::{Ground, Ticket, TicketAction, TicketNumber};
use docket_domain::{Reason, Refusal};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// By what a person is found.
#[derive(Clone, Debug)]
pub enum Whom {
    /// A phone number or e-mail address they gave.
    Contact(String),
    /// A ticket of theirs; an anonymous caller has no other.
    Ticket(TicketNumber),
    /// The login of their account, if it is that what is to go: their tickets are found by the contact.
    Login(String),
}

/// A person, as far as the log knows them.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their key; `None` of an anonymous caller.
    caller: Option<KeyId>,
    /// Their tickets, in order of birth.
    tickets: Vec<(TicketId, Arc<Ticket>)>,
    /// Their account.
    account: Option<AccountId>,
    /// How far the log was searched.
    searched: u64,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The erasure as recorded.
    pub erasure: Erasure,
    /// The numbers of tickets of theirs that came in while they were being erased: they are open, and their
    /// caller cannot be read.
    pub late: Vec<String>,
    /// Whether nothing is left in the files of the key store. If not, it is tried again with the next erasure
    /// and at the next start of a server.
    pub scrubbed: bool,
}

impl Person {
    /// The numbers of their tickets.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        self.of(|_| true)
    }

    /// The numbers of those that are not over: they have to end before the person can be erased.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        self.of(|ticket| !ticket.state.is_over())
    }

    fn of(&self, which: impl Fn(&Ticket) -> bool) -> impl Iterator<Item = &str> {
        let tickets = self.tickets.iter().map(|(_, ticket)| ticket.as_ref());
        let intakes = tickets
            .filter(move |ticket| which(ticket))
            .filter_map(|ticket| ticket.intake.as_ref());
        intakes.map(|intake| intake.number.as_str())
    }

    /// Every key that opens something of theirs.
    fn keys(&self) -> Vec<KeyId> {
        let mut keys: BTreeSet<KeyId> = self.caller.into_iter().collect();
        keys.extend(self.account.map(|account| KeyId(account.0)));
        for (id, ticket) in &self.tickets {
            keys.insert(KeyId(id.0));
            let intake = ticket.intake.as_ref();
            keys.extend(intake.and_then(|i| i.respondent.as_ref()).map(|r| r.key));
        }
        keys.into_iter().collect()
    }
}

impl Desk {
    /// Finds a person who called, and everything of theirs. Reads all of the log's data.
    pub async fn find_person(&self, whom: &Whom) -> Result<Person, DeskError> {
        let nobody = || Refusal::new("erase", "absent", Reason::NotFound);
        let searched = self.journal.head().await?;
        let (caller, only) = match whom {
            Whom::Contact(contact) => {
                let key = self.vault.key_of(&normal_contact(contact)).await?;
                (Some(key.ok_or_else(nobody)?), None)
            }
            Whom::Login(login) => return self.find_account(login).await,
            Whom::Ticket(number) => {
                let number = number.as_str().as_bytes();
                let id = self.journal.claimed_by("ticket_number", number).await?;
                let id = TicketId(id.ok_or_else(nobody)?);
                let ticket = self.ticket(id).await?.ok_or_else(nobody)?;
                let intake = ticket.state.intake.as_ref().ok_or_else(nobody)?;
                (intake.caller.as_ref().map(|caller| caller.key), Some(id))
            }
        };
        let ids = match (caller, only) {
            (Some(caller), _) => self.tickets_under(caller, 0).await?,
            (None, only) => only.into_iter().collect(),
        };
        let mut tickets = Vec::with_capacity(ids.len());
        for id in ids {
            let found = self.ticket(id).await?;
            let standing = found.filter(|found| found.state.erased_at.is_none());
            tickets.extend(standing.map(|found| (id, found.state)));
        }
        if tickets.is_empty() && only.is_some() {
            return Err(nobody().into());
        }
        Ok(Person {
            caller,
            tickets,
            account: None,
            searched,
        })
    }

    async fn find_account(&self, login: &str) -> Result<Person, DeskError> {
        let refuse = |reason| Refusal::new("erase", "account", reason);
        let id = self.account_of(login).await?;
        let id = id.ok_or_else(|| refuse(Reason::NotFound))?;
        let account = self.reload::<Account>(id.0, None).await?.state;
        if account.erased {
            return Err(refuse(Reason::NotFound).into());
        }
        if !account.deactivated {
            return Err(refuse(Reason::AccountActive).into());
        }
        Ok(Person {
            caller: None,
            tickets: Vec::new(),
            account: Some(id),
            searched: 0,
        })
    }

    async fn tickets_under(&self, key: KeyId, after: u64) -> Result<Vec<TicketId>, JournalError> {
        // As a sealed text is written: its parts are divided by dots.
        let text = format!(".{}.", key.0.simple());
        let found = self.journal.streams_with(Ticket::CATEGORY, &text, after);
        Ok(found.await?.into_iter().map(TicketId).collect())
    }

    /// Erases a person. Nothing can bring back what was theirs. Refused while one of their tickets is open.
    pub async fn erase(&self, person: &Person, ground: Ground) -> Result<Erased, DeskError> {
        let open: Vec<&str> = person.open().collect();
        if !open.is_empty() {
            let refusal = Refusal::new("erase", "open", Reason::WrongState);
            let open = open.join(", ");
            let detail = (
                format!("请先办结或撤回{open}"),
                format!("close or withdraw {open} first"),
            );
            return Err(refusal.because(detail).into());
        }
        // Whatever came in during the search, which takes a while.
        if let Some(caller) = person.caller
            && !self
                .tickets_under(caller, person.searched)
                .await?
                .is_empty()
        {
            let refusal = Refusal::new("erase", "open", Reason::WrongState);
            let detail = (
                "刚有其新的工单，请重新查找",
                "another ticket of theirs has just come in: look again",
            );
            return Err(refusal.because(detail).into());
        }
        let before = self.journal.head().await?;
        let erasure = Erasure {
            id: new_id(&*self.clock),
            log: self.journal.log_id(),
            at: self.now(),
            ground,
            tickets: person.tickets.iter().map(|(id, _)| id.0).collect(),
            accounts: person.account.iter().map(|id| id.0).collect(),
            keys: person.keys(),
        };
        self.vault.destroy(&erasure).await?;
        self.draw_consequences(&erasure, false).await?;
        let scrubbed = self.scrub(&[&erasure]).await?;
        let mut late = Vec::new();
        if let Some(caller) = person.caller {
            for id in self.tickets_under(caller, before).await? {
                let known = erasure.tickets.contains(&id.0);
                let ticket = self.ticket(id).await?.filter(|_| !known);
                let intake = ticket.and_then(|ticket| ticket.state.intake.clone());
                late.extend(intake.map(|intake| intake.number.to_string()));
            }
        }
        Ok(Erased {
            erasure,
            late,
            scrubbed,
        })
    }

    /// Does what is left to do of erasures: after a kill, and on a backup restored. How many there were.
    pub async fn finish_erasures(&self) -> Result<usize, DeskError> {
        let unfinished = self.vault.unfinished_erasures().await?;
        for erasure in &unfinished {
            self.draw_consequences(erasure, true).await?;
        }
        if !unfinished.is_empty() {
            self.scrub(&unfinished.iter().collect::<Vec<_>>()).await?;
        }
        Ok(unfinished.len())
    }

    /// Wipes traces from the files, and puts erasures on record as done; whether that worked. A reader who
    /// holds on for long stands in the way: then they stay to be finished.
    async fn scrub(&self, erasures: &[&Erasure]) -> Result<bool, DeskError> {
        let keys = self.vault.scrub().await.map_err(DeskError::from);
        let passwords = self.ops.scrub().await.map_err(DeskError::from);
        let files = self.remove_files(erasures).await;
        if let Err(error) = keys.and(passwords).and(files) {
            tracing::warn!(%error, "traces of what was erased may be left in the store's files");
            return Ok(false);
        }
        for erasure in erasures {
            self.vault.finish_erasure(erasure.id).await?;
        }
        Ok(true)
    }

    /// Says of each ticket and account that it is erased.
    async fn draw_consequences(&self, erasure: &Erasure, replayed: bool) -> Result<(), DeskError> {
        let (erasure_id, ground) = (erasure.id, erasure.ground);
        let options = |subject: &Uuid| Options {
            command: Some(CommandId(Uuid::new_v5(&erasure_id.0, subject.as_bytes()))),
            ..Options::default()
        };
        for ticket in &erasure.tickets {
            let action = TicketAction::Erase(Erase {
                erasure: erasure_id,
                ground,
                replayed,
            });
            let (actor, id) = (Actor::system(), TicketId(*ticket));
            let said = self.act(&actor, id, action, &options(ticket)).await;
            is_said(said.map(|_| ()))?;
        }
        for account in &erasure.accounts {
            let action = AccountAction::Erase {
                erasure: erasure_id,
                ground,
                replayed,
            };
            let id = AccountId(*account);
            is_said(self.say_erased(id, action, &options(account)).await)?;
        }
        Ok(())
    }
}

/// Whether it is said now, or was before.
fn is_said(outcome: Result<(), DeskError>) -> Result<(), DeskError> {
    match outcome {
        // By whoever erased the person in the first place.
        Err(DeskError::Journal(JournalError::CommandReused)) => Ok(()),
        // Or what it is of is younger than a backup that was restored.
        Err(DeskError::Refused(refusal)) if refusal.reason == Reason::NotFound => Ok(()),
        outcome => outcome,
    }
}
