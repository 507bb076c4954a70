//! The desk: the one way to change anything. Load, seal, decide, append; on a conflict decide again.
//!
//! Every command goes through esrs's `AggregateManager` over [`crate::esrs_store::CommandStore`]. It must
//! *not* know how commands arrive or how views are built.

mod accounts;
mod attaching;
mod captcha;
mod citizen;
mod door;
mod erasing;
mod hotline;
mod imports;
mod likeness;
mod merging;
mod mistakes;
mod notices;
mod noting;
mod phrasebook;
mod states;
mod texts;
mod tickets;
mod timers;
mod turns;

pub use crate::ops::Password;
pub use accounts::{NewAccount, Recovery};
pub use attaching::{Attached, FileError, Incoming, NewFile, SWEPT_AFTER};
pub use captcha::{CAPTCHA_DIGITS, Captcha, Solved, Visitor};
pub use citizen::Shown;
pub use erasing::{Erased, Person, Whom};
pub use imports::{Carried, OldTicket};
pub use likeness::Likeness;
pub use tickets::{Caller, NewTicket};
pub use timers::Fired;

use crate::clock::{Clock, new_id};
use crate::esrs_store::{CommandStore, Envelope, Stamped, seed};
use crate::files::Files;
use crate::journal::{Journal, JournalError, Receipt};
use crate::news::News;
use crate::ops::{Ops, OpsError};
use crate::store::Store;
use crate::trace;
use crate::vault::{Vault, VaultError};
use docket_domain::account::Account;
use docket_domain::ids::CommandId;
use docket_domain::organisation::Organisation;
use docket_domain::people::Actor;
use docket_domain::rules::{PasswordRules, Published};
use docket_domain::ticket::Ticket;
use docket_domain::{Aggregate, Refusal, Stamp, Timestamp};
use esrs::manager::AggregateManager;
use quick_cache::sync::Cache;
use serde::Serialize;
use states::{Cacheable, Cached, Seen, Slot};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turns::Turns;
use uuid::Uuid;

/// How often a command is decided again after a conflict.
pub const DECISIONS_MAX: u32 = 4;
/// Folded tickets kept in memory.
pub const TICKETS_CACHED: usize = 20_000;
/// Folded accounts kept in memory.
pub const ACCOUNTS_CACHED: usize = 10_000;
/// How long another process's change to rules, organisation or accounts may go unseen while this one does not hear of it: its
/// views stand still, say.
pub const REFRESH: Duration = Duration::from_secs(1);

/// What can go wrong with a command.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The domain refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal would not or could not take it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Sealing failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Credentials.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A password that the rules in force do not let.
    #[error("the password does not meet the rules: {}", rule_text(*.0))]
    UnfitPassword(PasswordRules),
    /// The password is right, and the account is deactivated.
    #[error("this account is deactivated")]
    Deactivated,
    /// A file's bytes could not be sealed, stored or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// No ticket has this number and this query code.
    #[error("no ticket has this number and this query code")]
    WrongQueryCode,
    /// Too many wrong query codes for this number.
    #[error("too many wrong query codes for this number")]
    QueryCodeLocked,
    /// The store has no rules or organisation yet.
    #[error("this store is not founded yet: start the server on it once")]
    NotFounded,
}

/// What a password must be like, in words.
#[must_use]
pub fn rule_text(rules: PasswordRules) -> String {
    let PasswordRules {
        min_chars, classes, ..
    } = rules;
    let most = crate::ops::PASSWORD_BYTES_MAX;
    let of = if classes > 1 {
        format!(", of {classes} classes out of small letters, capitals, digits, others")
    } else {
        String::new()
    };
    format!("at least {min_chars} characters, at most {most} bytes{of}")
}

/// What a client may say about a command.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its id; sent again, it takes effect once.
    pub command: Option<CommandId>,
    /// The ticket's revision the client saw.
    pub expected_revision: Option<u32>,
    /// What it belongs to.
    pub correlation: Option<Uuid>,
}

/// What became of a command.
#[derive(Debug)]
pub struct Outcome<S> {
    /// The aggregate's id.
    pub id: Uuid,
    /// Its state after the command, folded from the append.
    pub state: Arc<S>,
    /// Its stream's version.
    pub version: u64,
    /// The position to wait for in views.
    pub position: u64,
    /// Whether the command had taken effect before, and this is what came of it then.
    pub repeated: bool,
}

/// The application service. Share it in an `Arc`.
pub struct Desk {
    journal: Journal,
    vault: Vault,
    ops: Ops,
    files: Files,
    news: News,
    clock: Arc<dyn Clock>,
    tickets: Cache<Uuid, Cached<Ticket>>,
    accounts: Cache<Uuid, (Cached<Account>, Seen)>,
    rules: Slot<Published>,
    organisation: Slot<Organisation>,
    decisions: Arc<AtomicU64>,
    turns: Turns,
}

impl Desk {
    /// The desk of a store.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            journal: store.journal.clone(),
            vault: store.vault.clone(),
            ops: store.ops.clone(),
            files: store.files.clone(),
            news: store.news.clone(),
            clock: store.clock.clone(),
            tickets: Cache::new(TICKETS_CACHED),
            accounts: Cache::new(ACCOUNTS_CACHED),
            rules: Mutex::new(None),
            organisation: Mutex::new(None),
            decisions: Arc::new(AtomicU64::new(0)),
            turns: Turns::new(),
        }
    }

    /// Commands decided through esrs's `AggregateManager` and not refused.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.decisions.load(Ordering::Relaxed)
    }

    /// The journal behind it.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The vault behind it.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Business time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The one stream of the organisation, or of the rules: named after the log.
    fn named(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.journal.log_id().0, name.as_bytes())
    }

    /// The first outcome of a command the client says it may have sent before.
    async fn done_before<A: Aggregate>(
        &self,
        options: &Options,
        envelope: &Envelope,
    ) -> Result<Option<Outcome<A::State>>, DeskError> {
        let Some(command) = options.command else {
            return Ok(None);
        };
        let Some(stored) = self.journal.command(command).await? else {
            return Ok(None);
        };
        if stored.fingerprint != envelope.fingerprint {
            return Err(JournalError::CommandReused.into());
        }
        self.at_receipt::<A>(stored.stream, stored.receipt)
            .await
            .map(Some)
    }

    /// The state right after a commit taken earlier.
    async fn at_receipt<A: Aggregate>(
        &self,
        id: Uuid,
        receipt: Receipt,
    ) -> Result<Outcome<A::State>, DeskError> {
        let mut state = A::State::default();
        let records = self.journal.read_streams(&[id], receipt.position).await?;
        crate::esrs_store::fold::<A>(&mut state, &records)?;
        let (version, position) = (receipt.version, receipt.position);
        Ok(Outcome {
            id,
            state: Arc::new(state),
            version,
            position,
            repeated: true,
        })
    }

    fn envelope(
        &self,
        actor: &Actor,
        command: Option<CommandId>,
        action: &'static str,
        payload: &impl Serialize,
        rules_version: u32,
    ) -> Envelope {
        let command = command.unwrap_or_else(|| new_id(&*self.clock));
        let event = new_id(&*self.clock);
        let clear = serde_json::to_vec(&(actor.account, action, payload))
            .expect("commands are plain structs with string keys");
        Envelope {
            command,
            fingerprint: self.vault.keyed_hash("command", &clear),
            event,
            stamp: Stamp {
                event,
                at: self.clock.now(),
                by: actor.account,
                rules: rules_version,
            },
            // Of the request, where there is one: all that it did has this in common.
            correlation: trace::current().unwrap_or(command.0),
            causation: None,
            rules_version,
            claims: Vec::new(),
        }
    }

    /// [`Self::run`] on a stream that should not be there yet: nothing is read first.
    async fn run_new<A: Cacheable>(
        &self,
        id: Uuid,
        envelope: Envelope,
        command: impl Fn() -> A::Command,
    ) -> Result<Outcome<A::State>, DeskError> {
        self.run_traced::<A>(Some(Cached::nothing()), id, envelope, command)
            .await
    }

    /// Decides and appends, through esrs, when it is its turn. Decides again when another process was faster.
    async fn run<A: Cacheable>(
        &self,
        id: Uuid,
        envelope: Envelope,
        command: impl Fn() -> A::Command,
    ) -> Result<Outcome<A::State>, DeskError> {
        let _turn = self.turns.take(id).await;
        self.run_traced::<A>(A::cached(self, id), id, envelope, command)
            .await
    }

    /// Where no request is behind it, what is done goes by the command's own id.
    async fn run_traced<A: Cacheable>(
        &self,
        known: Option<Cached<A::State>>,
        id: Uuid,
        envelope: Envelope,
        command: impl Fn() -> A::Command,
    ) -> Result<Outcome<A::State>, DeskError> {
        if trace::current().is_some() {
            return self.run_from::<A>(known, id, envelope, command).await;
        }
        let correlation = envelope.correlation;
        let running = Box::pin(self.run_from::<A>(known, id, envelope, command));
        trace::on_behalf(correlation, running).await
    }

    #[tracing::instrument(
        name = "command", level = "debug", skip_all,
        fields(category = A::CATEGORY, command = %envelope.command.0, correlation = %envelope.correlation)
    )]
    async fn run_from<A: Cacheable>(
        &self,
        mut known: Option<Cached<A::State>>,
        id: Uuid,
        envelope: Envelope,
        command: impl Fn() -> A::Command,
    ) -> Result<Outcome<A::State>, DeskError> {
        let mut fresh = false;
        for tries_left in (0..DECISIONS_MAX).rev() {
            let Cached { version, state } = if let Some(cached) = known.take() {
                cached
            } else {
                fresh = true;
                self.reload::<A>(id, A::cached(self, id)).await?
            };
            let store = CommandStore::<A>::new(&self.journal, &envelope);
            let stamped = Stamped {
                stamp: envelope.stamp,
                command: command(),
                decisions: self.decisions.clone(),
            };
            let manager = AggregateManager::new(&store);
            match manager
                .handle_command(seed::<A>(id, state, version), stamped)
                .await
            {
                Ok(Ok(state)) => {
                    let receipt = store.receipt().ok_or(JournalError::Closed)?;
                    if receipt.repeated {
                        return self.at_receipt::<A>(id, receipt).await;
                    }
                    let cached = Cached {
                        version: receipt.version,
                        state: state.clone(),
                    };
                    A::cache(self, id, cached);
                    let (version, position) = (receipt.version, receipt.position);
                    return Ok(Outcome {
                        id,
                        state,
                        version,
                        position,
                        repeated: false,
                    });
                }
                // Refused on a state that may be old: look again before saying no. And the command may have
                // been taken while this one was decided, and so be refused by its own effect.
                Ok(Err(refusal)) => {
                    if let Some(stored) = self.journal.command(envelope.command).await? {
                        if stored.fingerprint == envelope.fingerprint && stored.stream == id {
                            return self.at_receipt::<A>(id, stored.receipt).await;
                        }
                        return Err(JournalError::CommandReused.into());
                    }
                    if fresh || self.journal.version(id).await? == version {
                        return Err(refusal.into());
                    }
                }
                Err(JournalError::Conflict { .. }) if tries_left > 0 => {}
                Err(error) => return Err(error.into()),
            }
            known = Some(self.reload::<A>(id, A::cached(self, id)).await?);
        }
        let version = self.journal.version(id).await?;
        Err(JournalError::Conflict {
            expected: version,
            actual: version,
        }
        .into())
    }
}
