//! Subscriptions: changes as they happen, resumable after a position without gap or double.
//!
//! A subscription reads the journal by position; waking is a hint. What it pushes is in the views already. Nothing is kept
//! for a reader but the page it is at: one that falls behind finds the log where it is. Once it had come up, and has fallen
//! a page behind, it is told of each ticket once a page, as it is then; and at last that it is too slow.

use super::common::{Position, app, local_id};
use super::ticket::{Ticket, visible};
use crate::app::App;
use crate::auth::{Credential, Viewer, viewer};
use crate::error::{Code, fault, not_found, system};
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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
        let records = follow(context, after).await?;
        Ok(records.filter_map(move |record| async move {
            let record = match record {
                Ok(record) if record.stream == id.0 => record,
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            };
            let seen = visible(context, id).await.transpose()?;
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
        let records = follow(context, after).await?;
        Ok(records.filter_map(move |record| async move {
            let record = match record {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let id = TicketId(record.stream);
            let seen = match visible(context, id).await.transpose()? {
                Ok(seen) if concerns(holder, &seen.ticket) => seen,
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            };
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

struct Following {
    app: App,
    viewer: Viewer,
    resume: Resume,
    at: u64,
    /// Up to here every record is told, however long that takes: there the log was when it began.
    every_to: u64,
    page: VecDeque<Record>,
}

/// Ticket records after a position, each once and in order, as soon as the views have them; an error and
/// the end when the session is over, or the account is another than it was.
async fn follow(
    context: &Context<'_>,
    after: Option<Position>,
) -> Result<impl Stream<Item = Result<Record, Error>> + use<>, Error> {
    let app = app(context)?.clone();
    let viewer = viewer(context)?.clone();
    let resume = context.data_opt::<Resume>().cloned().unwrap_or_default();
    // A client that comes back repeats the request it first made.
    let at = match after.map(|Position(after)| after).max(resume.after) {
        Some(after) => after,
        None => app
            .desk
            .journal()
            .head()
            .await
            .map_err(|e| system(&DeskError::Journal(e)))?,
    };
    let every_to = at.max(app.views.position());
    let following = Following {
        app,
        every_to,
        viewer,
        resume,
        at,
        page: VecDeque::new(),
    };
    Ok(stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        match following.next().await {
            Ok(record) => Some((Ok(record), Some(following))),
            Err(error) => Some((Err(error), None)),
        }
    }))
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
    async fn next(&mut self) -> Result<Record, Error> {
        let mut views = self.app.views.watch();
        // What moved may be the account or its place, and the desk see it a little later than the log.
        let mut patience = CHECK;
        loop {
            while let Some(record) = self.page.pop_front() {
                self.at = record.position;
                if record.category == TicketAggregate::CATEGORY {
                    self.check_account().await?;
                    self.resume.reached.store(self.at, Ordering::Relaxed);
                    return Ok(record);
                }
                patience = REFRESH;
            }
            self.check_session().await?;
            let ready = *views.borrow_and_update();
            if ready > self.at {
                let had_come_up = self.at >= self.every_to;
                if had_come_up && ready - self.at > self.app.limits.subscription_lag_max as u64 {
                    return Err(fault(Code::TooSlow));
                }
                let wanted = u32::try_from(ready - self.at).unwrap_or(PAGE).min(PAGE);
                let page = self.app.desk.journal().read_all(self.at, wanted).await;
                self.page = page.map_err(|e| system(&DeskError::Journal(e)))?.into();
                if had_come_up && self.page.len() >= PAGE as usize {
                    last_of_each(&mut self.page);
                }
                if self.page.is_empty() {
                    self.at = ready;
                }
            } else {
                let left = self.viewer.until - self.app.desk.now();
                let wait = patience.min(left.to_std().unwrap_or_default());
                let _ = tokio::time::timeout(wait, views.changed()).await;
                patience = CHECK;
            }
        }
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
