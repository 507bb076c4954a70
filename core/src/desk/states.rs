//! The folded states the desk keeps, and how it brings them up to date.

use super::{Desk, DeskError, Outcome, REFRESH};
use crate::esrs_store::decode;
use crate::journal::{JournalError, READ_MAX};
use docket_domain::account::Account;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::organisation::Organisation;
use docket_domain::people::Actor;
use docket_domain::rules::{Published, Rules, RulesBook};
use docket_domain::ticket::Ticket;
use docket_domain::{Aggregate, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use uuid::Uuid;

pub(super) struct Cached<S> {
    pub(super) version: u64,
    pub(super) state: Arc<S>,
}

impl<S: Default> Cached<S> {
    /// What a stream that is not there folds to.
    pub(super) fn nothing() -> Self {
        Self {
            version: 0,
            state: Arc::default(),
        }
    }
}

impl<S> Clone for Cached<S> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            state: self.state.clone(),
        }
    }
}

/// When a state was looked for in the log, and what this process had heard of by then.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    at: Instant,
    heard: u64,
}

pub(super) type Slot<S> = Mutex<Option<(Cached<S>, Seen)>>;

impl Desk {
    /// Reads rules and organisation anew, whoever wrote them: from here on nobody at this desk sees older ones, and the
    /// next one looks for later ones. To forget what is known would not do: whoever is just reading puts what was there
    /// before in its place.
    pub(super) async fn read_anew(&self) -> Result<(), JournalError> {
        let seen = self.look();
        let rules = self.reload::<RulesBook>(self.named("rules"), None).await?;
        keep_until_asked(&self.rules, rules, seen);
        let organisation = self.named("organisation");
        let organisation = self.reload::<Organisation>(organisation, None).await?;
        keep_until_asked(&self.organisation, organisation, seen);
        Ok(())
    }

    /// The rules in force.
    pub async fn rules(&self) -> Result<Arc<Rules>, DeskError> {
        self.published()
            .await?
            .current
            .clone()
            .ok_or(DeskError::NotFounded)
    }

    /// The rules of a version, or, where that is not known, those that were in force at a time.
    pub async fn rules_of(&self, version: u32, at: Timestamp) -> Result<Arc<Rules>, DeskError> {
        let published = self.published().await?;
        let rules = published.version(version).or_else(|| published.as_of(at));
        rules.cloned().ok_or(DeskError::NotFounded)
    }

    pub(super) async fn published(&self) -> Result<Arc<Published>, DeskError> {
        self.slot::<RulesBook>(&self.rules, "rules").await
    }

    /// The organisation as it stands.
    pub async fn organisation(&self) -> Result<Arc<Organisation>, DeskError> {
        self.slot::<Organisation>(&self.organisation, "organisation")
            .await
    }

    pub(super) async fn slot<A: Aggregate>(
        &self,
        slot: &Slot<A::State>,
        name: &str,
    ) -> Result<Arc<A::State>, DeskError> {
        let known = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((cached, seen)) = &known
            && self.is_current(*seen)
        {
            return Ok(cached.state.clone());
        }
        let seen = self.look();
        let fresh = self
            .reload::<A>(self.named(name), known.map(|(cached, _)| cached))
            .await?;
        let state = fresh.state.clone();
        keep(slot, fresh, seen);
        Ok(state)
    }

    /// Brings a cached state up to the stream's end.
    pub(super) async fn reload<A: Aggregate>(
        &self,
        id: Uuid,
        known: Option<Cached<A::State>>,
    ) -> Result<Cached<A::State>, JournalError> {
        let mut cached = known.unwrap_or_else(Cached::nothing);
        loop {
            let page = self.journal.read_stream(id, cached.version).await?;
            // An id of something else names nothing of this kind.
            let last = page.last().filter(|last| last.category == A::CATEGORY);
            let Some(last) = last else {
                return Ok(cached);
            };
            cached.version = last.version;
            let state = Arc::make_mut(&mut cached.state);
            for record in &page {
                A::evolve(state, &record.stamp(), &decode::<A>(record)?);
            }
            if page.len() < READ_MAX as usize {
                return Ok(cached);
            }
        }
    }

    /// What there is to be said of a state that is about to be looked for.
    fn look(&self) -> Seen {
        Seen {
            at: Instant::now(),
            heard: self.news.latest(),
        }
    }

    /// Whether a state is good without another look: it is new enough, and nothing was heard of since.
    fn is_current(&self, seen: Seen) -> bool {
        seen.heard == self.news.latest() && seen.at.elapsed() < REFRESH
    }

    /// An account as it stands, at most [`REFRESH`] old, and as old as what was heard of last.
    pub async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, DeskError> {
        let known = self.accounts.get(&id.0);
        let cached = match known {
            Some((cached, seen)) if self.is_current(seen) => cached,
            known => {
                let seen = self.look();
                let fresh = self
                    .reload::<Account>(id.0, known.map(|(cached, _)| cached))
                    .await?;
                // A slow reader must not undo what a command just did.
                let later = |(known, _): &(Cached<Account>, _)| known.version > fresh.version;
                if !self.accounts.get(&id.0).as_ref().is_some_and(later) {
                    self.accounts.insert(id.0, (fresh.clone(), seen));
                }
                fresh
            }
        };
        Ok(cached.state.exists.then_some(cached.state))
    }

    /// An account as the giver of commands, with its place as the organisation stands: both at most
    /// [`REFRESH`] old. `None` where there is none, or it is deactivated.
    pub async fn actor(&self, id: AccountId) -> Result<Option<Actor>, DeskError> {
        let Some(account) = self.account(id).await? else {
            return Ok(None);
        };
        let organisation = self.organisation().await?;
        Ok(account.actor(id, &organisation))
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
            repeated: false,
        }))
    }
}

/// Keeps a state as one that is to be brought up to date by whoever asks next.
fn keep_until_asked<S>(slot: &Slot<S>, fresh: Cached<S>, seen: Seen) {
    keep(slot, fresh, seen);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, seen)) = slot.as_mut() {
        seen.at = seen.at.checked_sub(REFRESH).unwrap_or(seen.at);
    }
}

/// Keeps a state, unless a later one is known: a slow reader must not undo what a command just did.
fn keep<S>(slot: &Slot<S>, fresh: Cached<S>, seen: Seen) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let later = |(known, _): &(Cached<S>, Seen)| known.version > fresh.version;
    if !slot.as_ref().is_some_and(later) {
        *slot = Some((fresh, seen));
    }
}

/// Where the desk keeps an aggregate's folded states.
pub(super) trait Cacheable: Aggregate {
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
        desk.accounts.insert(id, (cached, desk.look()));
    }
}

/// Kept as soon as it is changed: rights follow from it at once.
impl Cacheable for Organisation {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Self>> {
        None
    }
    fn cache(desk: &Desk, _: Uuid, cached: Cached<Self>) {
        keep(&desk.organisation, cached, desk.look());
    }
}

/// Rare: always read anew.
impl Cacheable for RulesBook {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Published>> {
        None
    }
    fn cache(_: &Desk, _: Uuid, _: Cached<Published>) {}
}
