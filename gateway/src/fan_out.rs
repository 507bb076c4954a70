//! Changes handed out to whoever follows them. The journal is read once for all subscriptions of a process, and each
//! ticket folded once; a change goes to those whom it concerns and wakes nobody else.
//!
//! What is handed out is in the views already. Each follower has a short queue. Who was not there, or let the queue run
//! over, finds the rest in the journal: positions tell what was seen.

use docket_core::desk::Desk;
use docket_core::{DeskError, Record};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::TicketId;
use docket_domain::ticket::Ticket;
use docket_projections::Views;
use docket_projections::inbox::Holder;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Records read at a time.
const PAGE: u32 = 200;
/// Changes that wait for a follower before they are left to the journal.
pub const FOLLOWER_QUEUE: usize = 32;
/// How long after a failure it tries again.
const RETRY: Duration = Duration::from_millis(500);

/// What somebody follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Followed {
    /// A ticket.
    Ticket(TicketId),
    /// Every ticket that has a row in an inbox.
    Inbox(Holder),
}

/// A change.
pub enum Change {
    /// Of a ticket, with it as it was when the change was handed out, or a little later.
    Ticket(Box<Record>, Arc<Ticket>),
    /// Of something else, up to a position: who follows may be another than they were.
    Other(u64),
}

impl Change {
    /// Where it is in the log.
    #[must_use]
    pub const fn position(&self) -> u64 {
        match self {
            Self::Ticket(record, _) => record.position,
            Self::Other(position) => *position,
        }
    }
}

#[derive(Default)]
struct State {
    /// Everything up to here was handed out.
    at: u64,
    followers: HashMap<Followed, broadcast::Sender<Arc<Change>>>,
}

#[derive(Default)]
struct Inner(Mutex<State>);

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out while it is held.
pub struct FanOut {
    inner: Arc<Inner>,
    reading: JoinHandle<()>,
}

impl Drop for FanOut {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl FanOut {
    /// From where the views are.
    #[must_use]
    pub fn start(desk: Arc<Desk>, views: Views) -> Self {
        let inner = Arc::new(Inner::default());
        inner.state().at = views.position();
        let reading = tokio::spawn(hand_out(inner.clone(), desk, views));
        Self { inner, reading }
    }

    /// Follows something, from [`Follower::begins`] on.
    #[must_use]
    pub fn follow(&self, followed: Followed) -> Follower {
        let mut state = self.inner.state();
        let begins = state.at;
        let sender = state.followers.entry(followed);
        let sender = sender.or_insert_with(|| broadcast::channel(FOLLOWER_QUEUE).0);
        Follower {
            changes: sender.subscribe(),
            begins,
            followed,
            inner: self.inner.clone(),
        }
    }
}

/// One who follows.
pub struct Follower {
    /// The changes, in their order.
    pub changes: broadcast::Receiver<Arc<Change>>,
    /// Up to here everything is in the journal alone.
    pub begins: u64,
    followed: Followed,
    inner: Arc<Inner>,
}

impl Follower {
    /// Up to where everything was handed out.
    #[must_use]
    pub fn handed_out(&self) -> u64 {
        self.inner.state().at
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        let last = |sender: &broadcast::Sender<_>| sender.receiver_count() <= 1;
        if state.followers.get(&self.followed).is_some_and(last) {
            state.followers.remove(&self.followed);
        }
    }
}

/// Whom a change of a ticket concerns.
fn concerned(id: TicketId, ticket: &Ticket) -> HashSet<Followed> {
    let offices = ticket.assignments.iter().map(|a| Holder::from(a.office()));
    let inboxes = offices.chain([Holder::Centre]).map(Followed::Inbox);
    inboxes.chain([Followed::Ticket(id)]).collect()
}

async fn hand_out(inner: Arc<Inner>, desk: Arc<Desk>, views: Views) {
    let mut moved = views.watch();
    loop {
        let ready = *moved.borrow_and_update();
        while inner.state().at < ready {
            if let Err(error) = hand_out_page(&inner, &desk, ready).await {
                tracing::warn!(%error, "changes could not be handed out; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
        if moved.changed().await.is_err() {
            return;
        }
    }
}

async fn hand_out_page(inner: &Inner, desk: &Desk, ready: u64) -> Result<(), DeskError> {
    let at = {
        let mut state = inner.state();
        if state.followers.is_empty() {
            state.at = ready;
        }
        state.at
    };
    let wanted = u32::try_from(ready - at).unwrap_or(PAGE).min(PAGE);
    if wanted == 0 {
        return Ok(());
    }
    let records = desk.journal().read_all(at, wanted).await?;
    let Some(last) = records.last().map(|record| record.position) else {
        inner.state().at = ready;
        return Ok(());
    };
    let (mut tickets, mut others) = (HashMap::new(), None);
    for record in &records {
        if record.category != Ticket::CATEGORY {
            others = Some(record.position);
        } else if let Entry::Vacant(unknown) = tickets.entry(record.stream) {
            let ticket = desk.ticket(TicketId(record.stream)).await?;
            unknown.insert(ticket.map(|ticket| ticket.state));
        }
    }
    let mut state = inner.state();
    for record in records {
        let Some(Some(ticket)) = tickets.get(&record.stream) else {
            continue;
        };
        let concerned = concerned(TicketId(record.stream), ticket);
        let change = Arc::new(Change::Ticket(Box::new(record), ticket.clone()));
        for followed in concerned {
            let followers = state.followers.get(&followed);
            let sent = followers.map(|followers| followers.send(change.clone()));
            if let Some(Err(_)) = sent {
                // The last of them has left.
                state.followers.remove(&followed);
            }
        }
    }
    if let Some(position) = others {
        let change = Arc::new(Change::Other(position));
        let followers = &mut state.followers;
        followers.retain(|_, followers| followers.send(change.clone()).is_ok());
    }
    state.at = last;
    Ok(())
}
