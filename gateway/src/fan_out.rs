//! Changes handed out to whoever follows them. The journal is read once for all subscriptions of a process, and each
//! ticket folded once; a change goes to those whom it concerns and wakes nobody else.
//!
//! What is handed out is in the views already. Each follower has a short queue. Who was not there, or let the queue run
//! over, finds the rest in the journal: positions tell what was seen. So it is with a page over which it panics: that is a
//! bug, and costs nobody a change.

use docket_core::desk::Desk;
use docket_core::{DeskError, Record};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::TicketId;
use docket_domain::ticket::Ticket;
use docket_projections::Views;
use docket_projections::inbox::Holder;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// Records read at a time.
const PAGE: u32 = 200;
/// Changes that wait for a follower before they are left to the journal.
pub const FOLLOWER_QUEUE: usize = 32;
/// How long after a failure it tries again.
const RETRY: Duration = Duration::from_millis(500);
/// Panics in a row after which it is said to fail.
pub const FAILS_AFTER: u32 = 3;
/// How long after the last of them that is said. Without changes nothing would ever show that it works again.
const FAILS_FOR: Duration = Duration::from_mins(1);

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
    /// Not handed out up to a position: it is in the journal alone.
    Missed(u64),
}

impl Change {
    /// Where it is in the log.
    #[must_use]
    pub const fn position(&self) -> u64 {
        match self {
            Self::Ticket(record, _) => record.position,
            Self::Other(position) | Self::Missed(position) => *position,
        }
    }
}

#[derive(Default)]
struct State {
    /// Everything up to here was handed out.
    at: u64,
    followers: HashMap<Followed, broadcast::Sender<Arc<Change>>>,
    /// Panics since a page was handed out, and when the last was.
    panicked: Option<(u32, Instant)>,
}

impl State {
    /// Tells every follower.
    fn tell_all(&mut self, change: Change) {
        let change = Arc::new(change);
        let followers = &mut self.followers;
        followers.retain(|_, followers| followers.send(change.clone()).is_ok());
    }
}

#[derive(Default)]
struct Inner(Mutex<State>);

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page of the log, and each ticket in it.
pub struct Page {
    records: Vec<Record>,
    tickets: HashMap<Uuid, Option<Arc<Ticket>>>,
}

impl Page {
    /// Reads so many records after a position.
    pub async fn read(desk: &Desk, after: u64, wanted: u32) -> Result<Self, DeskError> {
        let records = desk.journal().read_all(after, wanted).await?;
        let mut tickets = HashMap::new();
        for record in &records {
            if record.category == Ticket::CATEGORY
                && let Entry::Vacant(unknown) = tickets.entry(record.stream)
            {
                let ticket = desk.ticket(TicketId(record.stream)).await?;
                unknown.insert(ticket.map(|ticket| ticket.state));
            }
        }
        Ok(Self { records, tickets })
    }
}

/// How pages are read: so many records after a position.
pub type Reading = dyn Fn(u64, u32) -> BoxFuture<'static, Result<Page, DeskError>> + Send + Sync;

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
    /// From where the views are. Panics are counted.
    #[must_use]
    pub fn start(desk: Arc<Desk>, views: Views, panics: Counter) -> Self {
        let read = move |after, wanted| {
            let desk = desk.clone();
            async move { Page::read(&desk, after, wanted).await }.boxed()
        };
        Self::reading(Box::new(read), views, panics)
    }

    /// The same over pages that are read in another way.
    #[must_use]
    pub fn reading(read: Box<Reading>, views: Views, panics: Counter) -> Self {
        let inner = Arc::new(Inner::default());
        inner.state().at = views.position();
        let reading = tokio::spawn(hand_out(inner.clone(), read, views, panics));
        Self { inner, reading }
    }

    /// Whether it panics over one page after the other.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        let panicked = self.inner.state().panicked;
        panicked.is_some_and(|(times, last)| times >= FAILS_AFTER && last.elapsed() < FAILS_FOR)
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

async fn hand_out(inner: Arc<Inner>, read: Box<Reading>, views: Views, panics: Counter) {
    let mut moved = views.watch();
    loop {
        let ready = *moved.borrow_and_update();
        while let Some((at, wanted)) = inner.next(ready) {
            let page = AssertUnwindSafe(inner.hand_out_page(&*read, at, wanted));
            match page.catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "changes could not be handed out; trying again");
                    tokio::time::sleep(RETRY).await;
                }
                // Where it was is logged already, as of every panic.
                Err(_) => {
                    panics.inc();
                    inner.miss(at + u64::from(wanted));
                }
            }
        }
        if moved.changed().await.is_err() {
            return;
        }
    }
}

impl Inner {
    /// What to hand out next: so many records after a position.
    fn next(&self, ready: u64) -> Option<(u64, u32)> {
        let mut state = self.state();
        if state.followers.is_empty() {
            state.at = state.at.max(ready);
        }
        let behind = ready.saturating_sub(state.at);
        let wanted = u32::try_from(behind).unwrap_or(PAGE).min(PAGE);
        (wanted > 0).then_some((state.at, wanted))
    }

    /// Leaves everything up to a position to the journal.
    fn miss(&self, to: u64) {
        let mut state = self.state();
        let times = state.panicked.map_or(0, |(times, _)| times);
        state.panicked = Some((times.saturating_add(1), Instant::now()));
        state.tell_all(Change::Missed(to));
        state.at = to;
    }

    async fn hand_out_page(&self, read: &Reading, at: u64, wanted: u32) -> Result<(), DeskError> {
        let Page { records, tickets } = read(at, wanted).await?;
        let last = records.last().map(|record| record.position);
        let mut from_last = records.iter().rev();
        let others = from_last.find(|record| record.category != Ticket::CATEGORY);
        let others = others.map(|record| record.position);
        let mut state = self.state();
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
            state.tell_all(Change::Other(position));
        }
        state.at = last.unwrap_or(at + u64::from(wanted));
        state.panicked = None;
        Ok(())
    }
}
