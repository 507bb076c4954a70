//! Subscriptions: changes as they happen, resumable after a position without gap or double.
//!
//! A subscription reads the journal by position up to where changes are handed out (`fan_out`), and is given its own from
//! there on. What it pushes is in the views already. Nothing is kept for a reader but a short queue, or the page it is at:
//! one that falls behind finds the log where it is. Once it had come up, and has fallen a page behind, it is told of each
//! ticket once a page, as it is then; and at last that it is too slow.

use super::common::{Position, app, local_id};
use super::limits::begin_anew;
use super::ticket::{Ticket, seen, visible};
use crate::app::App;
use crate::auth::{Credential, Viewer, viewer};
use crate::error::{Code, fault, fault_because, not_found, system};
use crate::fan_out::{Change, Followed, Follower};
use async_graphql::{Context, Error, ID, SimpleObject, Subscription as GraphQLSubscription};
use docket_core::desk::REFRESH;
use docket_core::{DeskError, Record};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::TicketId;
use docket_domain::ticket::Ticket as TicketAggregate;
use docket_projections::inbox::Holder;
use futures_util::Stream;
use futures_util::stream::{self, StreamExt as _};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Records read at a time.
const PAGE: u32 = 200;
/// How often a quiet subscription looks whether its session still stands.
const CHECK: Duration = Duration::from_secs(10);

/// A change of a ticket.
#[derive(SimpleObject)]
pub struct TicketChange {
    /// Resume after this.
    position: Position,
    /// What happened.
    #[graphql(name = "type")]
    event_type: String,
    /// The ticket, at this change or later.
    ticket: Ticket,
}

/// A change of an inbox.
#[derive(SimpleObject)]
pub struct InboxChange {
    /// Resume after this.
    position: Position,
    /// What happened.
    #[graphql(name = "type")]
    event_type: String,
    /// The ticket that moved.
    ticket: Ticket,
}

/// Live changes.
pub struct Subscription;

/// Live changes.
#[GraphQLSubscription]
impl Subscription {
    /// Every change of a ticket that the account may see.
    async fn ticket_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "The ticket.")] id: ID,
        #[graphql(desc = "Only changes after this position; by default from now on.")]
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<TicketChange, Error>> + 'c, Error> {
        let id: TicketId = local_id("ticket", &id)?;
        if visible(context, id).await?.is_none() {
            return Err(not_found());
        }
        let told = follow(context, after, Followed::Ticket(id)).await?;
        Ok(told.filter_map(move |told| async move {
            begin_anew(context);
            let told = match told {
                Ok(told) if told.record.stream == id.0 => told,
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            };
            let seen = told.seen(context).await.transpose()?;
            let record = told.record;
            let tells = |ticket: &Ticket| ticket.tells_of(context, &record.event_type);
            match seen.as_ref().map(tells) {
                Ok(Ok(false)) => return None,
                Ok(Err(error)) => return Some(Err(error)),
                Ok(Ok(true)) | Err(_) => {}
            }
            Some(seen.map(|ticket| TicketChange {
                position: Position(record.position),
                event_type: record.event_type,
                ticket: Ticket {
                    position: record.position,
                    ..ticket
                },
            }))
        }))
    }

    /// Every change of the inbox of one's office.
    async fn inbox_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only changes after this position; by default from now on.")]
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<InboxChange, Error>> + 'c, Error> {
        let holder = Holder::of(&viewer(context)?.actor).ok_or_else(|| fault(Code::Forbidden))?;
        let told = follow(context, after, Followed::Inbox(holder)).await?;
        Ok(told.filter_map(move |told| async move {
            begin_anew(context);
            let told = match told {
                Ok(told) => told,
                Err(error) => return Some(Err(error)),
            };
            let seen = match told.seen(context).await.transpose()? {
                Ok(seen) if concerns(holder, &seen.ticket) => seen,
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            };
            let record = told.record;
            Some(Ok(InboxChange {
                position: Position(record.position),
                event_type: record.event_type,
                ticket: Ticket {
                    position: record.position,
                    ..seen
                },
            }))
        }))
    }
}

/// Whether a ticket has a row in a holder's inbox.
fn concerns(holder: Holder, ticket: &TicketAggregate) -> bool {
    match holder {
        Holder::Centre => true,
        Holder::Department(id) => ticket
            .assignments
            .iter()
            .any(|a| a.department == id && a.unit.is_none()),
        Holder::Unit(id) => ticket.assignments.iter().any(|a| a.unit == Some(id)),
    }
}

/// Where a client that comes back has come to, and how far it is told: kept by a transport whose events
/// have ids. A subscription finds it beside its request.
#[derive(Clone, Default)]
pub struct Resume {
    after: Option<u64>,
    /// 0 before anything was found.
    reached: Arc<AtomicU64>,
}

impl Resume {
    /// After a position.
    pub fn after(position: u64) -> Self {
        Self {
            after: Some(position),
            ..Self::default()
        }
    }

    /// The position of the event that is being told. A subscription has one field and looks for the next
    /// event only when the one before was taken, so that there is one at a time.
    pub fn reached(&self) -> Option<u64> {
        Some(self.reached.load(Ordering::Relaxed)).filter(|position| *position > 0)
    }
}

/// Since when a subscription does anything else than to wait for a change: reads, judges, looks its session up. Its transport
/// looks at it, and waits for a store that stands still no longer than it may.
#[derive(Clone, Default)]
pub struct Busy(Arc<Mutex<Option<Instant>>>);

impl Busy {
    /// Since then.
    pub fn from(since: Instant) -> Self {
        Self(Arc::new(Mutex::new(Some(since))))
    }

    /// From now on.
    pub fn begin(&self) {
        self.set(Some(Instant::now()));
    }

    fn rest(&self) {
        self.set(None);
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Since when; `None` while it waits.
    pub fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record of a ticket, and the ticket where it was handed out with it.
struct Told {
    record: Record,
    ticket: Option<Arc<TicketAggregate>>,
}

impl Told {
    /// The ticket, if the viewer may see it.
    async fn seen(&self, context: &Context<'_>) -> Result<Option<Ticket>, Error> {
        let id = TicketId(self.record.stream);
        match &self.ticket {
            Some(ticket) => seen(context, id, ticket.clone()),
            None => visible(context, id).await,
        }
    }
}

struct Following {
    app: App,
    viewer: Viewer,
    resume: Resume,
    busy: Busy,
    /// Up to here everything that concerns it was told.
    at: u64,
    /// Up to here every record is told, however long that takes: there the log was when it began.
    every_to: u64,
    /// Read from the log, and not told yet.
    page: VecDeque<Record>,
    /// What comes behind `read_to` is handed out.
    follower: Follower,
    /// Up to here it has to read the log.
    read_to: u64,
}

/// Ticket records after a position, each once and in order, as soon as the views have them; an error and
/// the end when the session is over, or the account is another than it was. Of those behind where it begins only such as
/// concern what is followed.
async fn follow(
    context: &Context<'_>,
    after: Option<Position>,
    followed: Followed,
) -> Result<impl Stream<Item = Result<Told, Error>> + use<>, Error> {
    let app = app(context)?.clone();
    let viewer = viewer(context)?.clone();
    let resume = context.data_opt::<Resume>().cloned().unwrap_or_default();
    // A client that comes back repeats the request it first made.
    let at = match after.map(|Position(after)| after).max(resume.after) {
        Some(after) if after <= app.views.position() => after,
        after => {
            let head = app.desk.journal().head().await;
            let head = head.map_err(|e| system(&DeskError::Journal(e)))?;
            let after = after.unwrap_or(head);
            if after > head {
                return Err(beyond(head));
            }
            after
        }
    };
    let every_to = at.max(app.views.position());
    let follower = app.fan_out.follow(followed);
    let following = Following {
        app,
        every_to,
        viewer,
        resume,
        busy: context.data_opt::<Busy>().cloned().unwrap_or_default(),
        at,
        page: VecDeque::new(),
        read_to: follower.begins,
        follower,
    };
    Ok(stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        match following.next().await {
            Ok(told) => Some((Ok(told), Some(following))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// A position that the log has not come to: nothing would be told until it has.
fn beyond(head: u64) -> Error {
    let detail = (
        format!("after超出日志末尾（{head}），日志可能已从备份恢复：请重新读取，不带after再订阅"),
        format!(
            "after is beyond the log's end ({head}), which was perhaps restored from a backup: read anew, and subscribe without it"
        ),
    );
    fault_because(Code::BadRequest, detail)
}

/// Leaves the last record of each stream: what is told of a ticket is as it is now, whatever the record.
fn last_of_each(page: &mut VecDeque<Record>) {
    let mut seen = HashSet::new();
    let kept: VecDeque<Record> = std::mem::take(page)
        .into_iter()
        .rev()
        .filter(|record| seen.insert(record.stream))
        .collect();
    *page = kept.into_iter().rev().collect();
}

impl Following {
    async fn next(&mut self) -> Result<Told, Error> {
        // What moved may be the account or its place, and the desk see it a little later than the log.
        let mut patience = CHECK;
        loop {
            while let Some(record) = self.page.pop_front() {
                self.at = record.position;
                if record.category == TicketAggregate::CATEGORY {
                    self.check_account().await?;
                    self.resume.reached.store(self.at, Ordering::Relaxed);
                    return Ok(Told {
                        record,
                        ticket: None,
                    });
                }
                patience = REFRESH;
            }
            self.check_session().await?;
            if self.at < self.read_to {
                self.read().await?;
            } else if let Some(told) = self.wait(&mut patience).await? {
                return Ok(told);
            }
        }
    }

    /// Reads a page of the log.
    async fn read(&mut self) -> Result<(), Error> {
        let behind = self.read_to - self.at;
        let had_come_up = self.at >= self.every_to;
        if had_come_up && behind > self.app.limits.subscription_lag_max as u64 {
            return Err(fault(Code::TooSlow));
        }
        let wanted = u32::try_from(behind).unwrap_or(PAGE).min(PAGE);
        let page = self.app.desk.journal().read_all(self.at, wanted).await;
        self.page = page.map_err(|e| system(&DeskError::Journal(e)))?.into();
        if had_come_up && self.page.len() >= PAGE as usize {
            last_of_each(&mut self.page);
        }
        if self.page.is_empty() {
            self.at = self.read_to;
        }
        Ok(())
    }

    /// Waits for the next change that is handed out, but no longer than until the session is to be looked at again.
    async fn wait(&mut self, patience: &mut Duration) -> Result<Option<Told>, Error> {
        let left = self.viewer.until - self.app.desk.now();
        let most = std::mem::replace(patience, CHECK).min(left.to_std().unwrap_or_default());
        let handed_out = self.follower.handed_out();
        let idle = self.follower.changes.is_empty();
        if idle {
            // Nothing of what was handed out concerned it.
            self.at = self.at.max(handed_out);
        }
        self.busy.rest();
        let received = tokio::time::timeout(most, self.follower.changes.recv()).await;
        if let Ok(Err(RecvError::Closed)) = received {
            // Handed out no more: the server is stopping.
            tokio::time::sleep(most).await;
        }
        self.busy.begin();
        match received {
            Ok(Ok(change)) if change.position() <= self.at => {}
            Ok(Ok(change)) => match &*change {
                Change::Ticket(record, ticket) => {
                    self.check_session().await?;
                    self.at = record.position;
                    self.resume.reached.store(self.at, Ordering::Relaxed);
                    return Ok(Some(Told {
                        record: Record::clone(record),
                        ticket: Some(ticket.clone()),
                    }));
                }
                Change::Other(_) => *patience = REFRESH,
                Change::Missed(position) => {
                    // It is not slow: it was not told.
                    self.read_to = self.read_to.max(*position);
                    self.every_to = self.every_to.max(self.read_to);
                }
            },
            Ok(Err(RecvError::Lagged(_))) => {
                self.read_to = self.follower.handed_out();
                if idle {
                    // It was up to date until a moment ago: so much came at one time, and it is not slow.
                    self.every_to = self.read_to;
                }
            }
            Ok(Err(RecvError::Closed)) | Err(_) => {}
        }
        Ok(None)
    }

    async fn check_session(&self) -> Result<(), Error> {
        if let Credential::Session(token) = &self.viewer.credential {
            let session = self.app.store.ops.session(token).await;
            if session.map_err(|e| system(&DeskError::Ops(e)))?.is_none() {
                return Err(fault(Code::Unauthenticated));
            }
        }
        if self.app.desk.now() >= self.viewer.until {
            return Err(fault(Code::Unauthenticated));
        }
        self.check_account().await
    }

    /// What is pushed was judged by the account as the subscription found it: it must be that still.
    async fn check_account(&self) -> Result<(), Error> {
        let known = &self.viewer.actor;
        let now = self.app.desk.actor(known.account).await;
        match now.map_err(|e| system(&e))? {
            None => Err(fault(Code::Unauthenticated)),
            Some(now) if now != *known => Err(fault(Code::AccountChanged)),
            Some(_) => Ok(()),
        }
    }
}
