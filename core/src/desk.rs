//! The desk: the one way to change anything. Load, seal, decide, append; on a conflict decide again.
//!
//! Every command goes through esrs's `AggregateManager` over [`crate::esrs_store::CommandStore`]. It must
//! *not* know how commands arrive or how views are built.

use crate::clock::{Clock, new_id, random_bytes};
use crate::esrs_store::{CommandStore, Envelope, Stamped, decode, seed};
use crate::journal::{Claim, Journal, JournalError, Receipt};
use crate::ops::{Ops, OpsError};
use crate::store::Store;
use crate::vault::{NewKey, Vault, VaultError};
use docket_domain::account::{Account, CreateAccount};
use docket_domain::ids::{AccountId, CommandId, DepartmentId, EventId, KeyId, TicketId, UnitId};
use docket_domain::organisation::{Organisation, OrganisationAction, OrganisationCommand};
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{Publish, Published, Rules, RulesBook};
use docket_domain::sealed::{Field, KeyOwner};
use docket_domain::ticket::actions::receive::Receive;
use docket_domain::ticket::{
    Context, Kind, Secrecy, Ticket, TicketAction, TicketCommand, TicketNumber, Urgency,
};
use docket_domain::{Aggregate, Refusal, Sealed, Stamp, Timestamp};
use esrs::manager::AggregateManager;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often a command is decided again after a conflict.
pub const DECISIONS_MAX: u32 = 4;
/// Folded tickets kept in memory.
pub const TICKETS_CACHED: usize = 20_000;
/// Folded accounts kept in memory.
pub const ACCOUNTS_CACHED: usize = 10_000;
/// How long another process's change to rules, organisation or accounts may go unseen.
pub const REFRESH: Duration = Duration::from_secs(1);
/// Characters of a query code: 31^8, nearly 10^12.
const QUERY_CODE_CHARS: usize = 8;
/// No 0, 1, I, L, O: codes are read out over the phone.
const QUERY_CODE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

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
    /// The store has no rules or organisation yet.
    #[error("this store is not founded yet: start the server on it once")]
    NotFounded,
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
}

/// A request as it comes in, texts clear.
#[derive(Clone, Debug, Serialize)]
pub struct NewTicket {
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

/// An account to be created.
#[derive(Clone, Debug, Serialize)]
pub struct NewAccount {
    /// The login.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// The department.
    pub department: Option<DepartmentId>,
    /// The unit.
    pub unit: Option<UnitId>,
}

struct Cached<S> {
    version: u64,
    state: Arc<S>,
}

impl<S> Clone for Cached<S> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            state: self.state.clone(),
        }
    }
}

type Slot<S> = Mutex<Option<(Cached<S>, Instant)>>;

/// The application service. Share it in an `Arc`.
pub struct Desk {
    journal: Journal,
    vault: Vault,
    ops: Ops,
    clock: Arc<dyn Clock>,
    tickets: Cache<Uuid, Cached<Ticket>>,
    accounts: Cache<Uuid, (Cached<Account>, Instant)>,
    rules: Slot<Published>,
    organisation: Slot<Organisation>,
    decisions: Arc<AtomicU64>,
}

impl Desk {
    /// The desk of a store.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            journal: store.journal.clone(),
            vault: store.vault.clone(),
            ops: store.ops.clone(),
            clock: store.clock.clone(),
            tickets: Cache::new(TICKETS_CACHED),
            accounts: Cache::new(ACCOUNTS_CACHED),
            rules: Mutex::new(None),
            organisation: Mutex::new(None),
            decisions: Arc::new(AtomicU64::new(0)),
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

    /// Founds a store that has no rules or organisation yet; does nothing to one that has.
    pub async fn found(&self, name: &str, pack: &str, holidays: &str) -> Result<(), DeskError> {
        let actor = Actor::system();
        let command = |step: &str| CommandId(self.named(&format!("found {step}")));
        if self.published().await?.current.is_none() {
            let publish = Publish {
                actor: actor.clone(),
                pack: pack.into(),
                holidays: holidays.into(),
            };
            let envelope = self.envelope(
                &actor,
                Some(command("rules")),
                "publish",
                &(pack, holidays),
                0,
            );
            Self::first_of_two(
                self.run::<RulesBook>(self.named("rules"), envelope, || publish.clone())
                    .await,
            )?;
            self.forget();
        }
        if self.organisation().await?.name.is_empty() {
            let rules = self.rules().await?;
            let action = OrganisationAction::Found {
                name: name.into(),
                time_zone: rules.calendar.zone,
            };
            let found = OrganisationCommand {
                actor: actor.clone(),
                action,
            };
            let envelope = self.envelope(&actor, Some(command("organisation")), "found", &name, 0);
            let id = self.named("organisation");
            Self::first_of_two(
                self.run::<Organisation>(id, envelope, || found.clone())
                    .await,
            )?;
            self.forget();
        }
        Ok(())
    }

    /// Two processes may found one store at once: the second finds it done.
    fn first_of_two<S>(outcome: Result<Outcome<S>, DeskError>) -> Result<(), DeskError> {
        match outcome {
            Ok(_) | Err(DeskError::Journal(JournalError::CommandReused)) => Ok(()),
            Err(DeskError::Refused(r)) if r.reason == docket_domain::Reason::AlreadyExists => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn forget(&self) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self
            .organisation
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The rules in force.
    pub async fn rules(&self) -> Result<Arc<Rules>, DeskError> {
        self.published()
            .await?
            .current
            .clone()
            .ok_or(DeskError::NotFounded)
    }

    async fn published(&self) -> Result<Arc<Published>, DeskError> {
        self.slot::<RulesBook>(&self.rules, "rules").await
    }

    /// The organisation as it stands.
    pub async fn organisation(&self) -> Result<Arc<Organisation>, DeskError> {
        self.slot::<Organisation>(&self.organisation, "organisation")
            .await
    }

    async fn slot<A: Aggregate>(
        &self,
        slot: &Slot<A::State>,
        name: &str,
    ) -> Result<Arc<A::State>, DeskError> {
        let known = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((cached, at)) = &known
            && at.elapsed() < REFRESH
        {
            return Ok(cached.state.clone());
        }
        let fresh = self
            .reload::<A>(self.named(name), known.map(|(cached, _)| cached))
            .await?;
        let state = fresh.state.clone();
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((fresh, Instant::now()));
        Ok(state)
    }

    /// Brings a cached state up to the stream's end.
    async fn reload<A: Aggregate>(
        &self,
        id: Uuid,
        known: Option<Cached<A::State>>,
    ) -> Result<Cached<A::State>, JournalError> {
        let mut cached = known.unwrap_or_else(|| Cached {
            version: 0,
            state: Arc::default(),
        });
        loop {
            let page = self.journal.read_stream(id, cached.version).await?;
            let Some(last) = page.last() else {
                return Ok(cached);
            };
            cached.version = last.version;
            let state = Arc::make_mut(&mut cached.state);
            for record in &page {
                A::evolve(state, &record.stamp(), &decode::<A>(record)?);
            }
        }
    }

    /// An account as it stands, at most [`REFRESH`] old.
    pub async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, DeskError> {
        let known = self.accounts.get(&id.0);
        let cached = match known {
            Some((cached, at)) if at.elapsed() < REFRESH => cached,
            known => {
                let fresh = self
                    .reload::<Account>(id.0, known.map(|(cached, _)| cached))
                    .await?;
                self.accounts.insert(id.0, (fresh.clone(), Instant::now()));
                fresh
            }
        };
        Ok(cached.state.exists.then_some(cached.state))
    }

    /// A ticket folded from the journal as it stands now.
    pub async fn ticket(&self, id: TicketId) -> Result<Option<Outcome<Ticket>>, DeskError> {
        let fresh = self.reload::<Ticket>(id.0, self.tickets.get(&id.0)).await?;
        if fresh.version == 0 {
            return Ok(None);
        }
        self.tickets.insert(id.0, fresh.clone());
        let position = *self.journal.watch().borrow();
        Ok(Some(Outcome {
            id: id.0,
            state: fresh.state,
            version: fresh.version,
            position,
        }))
    }

    /// The keyed hash under which a login is known.
    #[must_use]
    pub fn login_hash(&self, login: &str) -> [u8; 32] {
        self.vault
            .keyed_hash("login", login.trim().to_lowercase().as_bytes())
    }

    /// Adds a department or a unit.
    pub async fn organise(
        &self,
        actor: &Actor,
        action: OrganisationAction,
        options: &Options,
    ) -> Result<Outcome<Organisation>, DeskError> {
        let envelope = self.envelope(
            actor,
            options.command,
            "organise",
            &format!("{action:?}"),
            0,
        );
        if let Some(done) = self.done_before::<Organisation>(options, &envelope).await? {
            return Ok(done);
        }
        let command = OrganisationCommand {
            actor: actor.clone(),
            action,
        };
        let outcome = self
            .run::<Organisation>(self.named("organisation"), envelope, || command.clone())
            .await?;
        self.forget();
        Ok(outcome)
    }

    /// Creates an account. The password goes to the ops store once the account is history.
    pub async fn create_account(
        &self,
        actor: &Actor,
        new: NewAccount,
        password: Password,
        options: &Options,
    ) -> Result<Outcome<Account>, DeskError> {
        // Hash first: an unfit password must leave no account behind.
        let hashed = match password {
            Password::Clear(password) => self.ops.hash_password(password).await?,
            Password::Hashed(hashed) => hashed,
        };
        let login = self.login_hash(&new.login);
        let mut envelope = self.envelope(actor, options.command, "create_account", &new, 0);
        if let Some(done) = self.done_before::<Account>(options, &envelope).await? {
            self.ops
                .set_hash(&login, AccountId(done.id), &hashed)
                .await?;
            return Ok(done);
        }
        envelope.claims = vec![Claim {
            kind: "login",
            value: login.to_vec(),
        }];
        let id = match options.command {
            Some(command) => AccountId(self.named(&format!("account {command}"))),
            None => new_id(&*self.clock),
        };
        let key = KeyId(id.0);
        self.vault
            .make_keys(vec![NewKey {
                id: key,
                owner: KeyOwner::Account,
                same_as: None,
            }])
            .await?;
        let event = envelope.event;
        let command = CreateAccount {
            actor: actor.clone(),
            organisation: self.organisation().await?,
            login: self
                .vault
                .seal(key, event, "login", new.login.trim())
                .await?,
            name: self.vault.seal(key, event, "name", new.name.trim()).await?,
            roles: new.roles,
            department: new.department,
            unit: new.unit,
        };
        let outcome = self
            .run::<Account>(id.0, envelope, || command.clone())
            .await?;
        self.ops.set_hash(&login, id, &hashed).await?;
        Ok(outcome)
    }

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
                    value: self
                        .vault
                        .keyed_hash("query_code", query_code.as_bytes())
                        .into(),
                },
            ];
            let action = receive_action(number, query_code, &new);
            let keys = self.keys_for(id, Some(&new)).await?;
            let action = self
                .seal(TicketAction::Receive(action), envelope.event, &keys)
                .await?;
            let command = TicketCommand {
                context: context.clone(),
                action,
            };
            match self
                .run::<Ticket>(id.0, envelope.clone(), || command.clone())
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
        let keys = self.keys_for(id, None).await?;
        let action = match self.seal(action.clone(), envelope.event, &keys).await {
            Ok(action) => action,
            // Without a key there is no ticket: let the domain say so.
            Err(VaultError::Altered { .. }) => {
                let refusal = Refusal::new(
                    action.spec().name,
                    "absent",
                    docket_domain::Reason::NotFound,
                );
                return Err(refusal.into());
            }
            Err(error) => return Err(error.into()),
        };
        let command = TicketCommand { context, action };
        self.run::<Ticket>(id.0, envelope, || command.clone()).await
    }

    async fn context(
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
            let contact = caller.phone.as_deref().or(caller.email.as_deref());
            let same_as = contact.map(normal_contact).filter(|c| !c.is_empty());
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
        let made = self.vault.make_keys(wanted).await?;
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

    async fn seal(
        &self,
        action: TicketAction<String>,
        event: EventId,
        keys: &Keys,
    ) -> Result<TicketAction<Sealed>, VaultError> {
        // Two passes, since sealing may have to read a key and the domain's map is not async.
        let mut texts: Vec<(Field, String)> = Vec::new();
        let indexed = action.try_map(&mut |field, text: String| {
            texts.push((field, text));
            Ok::<_, VaultError>(texts.len() - 1)
        })?;
        let mut sealed = Vec::with_capacity(texts.len());
        for (field, text) in texts {
            let key = match field.owner {
                KeyOwner::Caller => keys.caller,
                KeyOwner::Respondent => keys.respondent,
                KeyOwner::Ticket | KeyOwner::Account => keys.ticket,
            };
            sealed.push(self.vault.seal(key, event, field.name, text.trim()).await?);
        }
        indexed.try_map(&mut |_, index: usize| Ok(sealed[index].clone()))
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
            },
            correlation: command.0,
            causation: None,
            rules_version,
            claims: Vec::new(),
        }
    }

    /// Decides and appends, through esrs. Decides again when another was faster.
    async fn run<A: Cacheable>(
        &self,
        id: Uuid,
        envelope: Envelope,
        command: impl Fn() -> A::Command,
    ) -> Result<Outcome<A::State>, DeskError> {
        let mut known = A::cached(self, id);
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

/// Keys of one command's texts.
struct Keys {
    ticket: KeyId,
    caller: KeyId,
    respondent: KeyId,
}

/// A password, or the hash of one.
pub enum Password {
    /// In the clear.
    Clear(String),
    /// Hashed already by [`Ops::hash_password`].
    Hashed(String),
}

/// Where the desk keeps an aggregate's folded states.
trait Cacheable: Aggregate {
    fn cached(desk: &Desk, id: Uuid) -> Option<Cached<Self::State>>;
    fn cache(desk: &Desk, id: Uuid, cached: Cached<Self::State>);
}

impl Cacheable for Ticket {
    fn cached(desk: &Desk, id: Uuid) -> Option<Cached<Self>> {
        desk.tickets.get(&id)
    }
    fn cache(desk: &Desk, id: Uuid, cached: Cached<Self>) {
        desk.tickets.insert(id, cached);
    }
}

impl Cacheable for Account {
    fn cached(desk: &Desk, id: Uuid) -> Option<Cached<Self>> {
        desk.accounts.get(&id).map(|(cached, _)| cached)
    }
    fn cache(desk: &Desk, id: Uuid, cached: Cached<Self>) {
        desk.accounts.insert(id, (cached, Instant::now()));
    }
}

/// Rare: always read anew.
impl Cacheable for Organisation {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Self>> {
        None
    }
    fn cache(_: &Desk, _: Uuid, _: Cached<Self>) {}
}

/// Rare: always read anew.
impl Cacheable for RulesBook {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Published>> {
        None
    }
    fn cache(_: &Desk, _: Uuid, _: Cached<Published>) {}
}

fn receive_action(number: TicketNumber, query_code: String, new: &NewTicket) -> Receive<String> {
    let caller = new.caller.as_ref();
    let has = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
    Receive {
        number,
        query_code,
        kind: new.kind,
        channel: new.channel.clone(),
        topic: new.topic.clone(),
        urgency: new.urgency,
        secrecy: new.secrecy,
        wants_reply: new.wants_reply,
        has_contact: caller.is_some_and(|c| has(&c.phone) || has(&c.email)),
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

/// A contact without what people put between digits, so that the same caller is found again.
fn normal_contact(contact: &str) -> String {
    contact
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '(' | ')' | '+'))
        .flat_map(char::to_lowercase)
        .collect()
}

fn query_code() -> String {
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
