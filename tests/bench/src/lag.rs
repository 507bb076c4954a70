//! How far the views are behind the log while a cell runs: looked at in the store itself, from outside the server.

use crate::Fallible;
use crate::measure::Figure;
use docket_core::store::StoreUrl;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Connections that look.
enum Look {
    Postgres(PgConnection),
    Sqlite(SqliteConnection, SqliteConnection),
}

impl Look {
    async fn open(url: &StoreUrl) -> Fallible<Self> {
        Ok(match url {
            StoreUrl::Postgres(url) => Self::Postgres(PgConnection::connect(url).await?),
            StoreUrl::Sqlite(dir) => {
                let open = async |name: &str| {
                    let options = SqliteConnectOptions::new().filename(dir.join(name)).read_only(true);
                    options.connect().await
                };
                Self::Sqlite(open("journal.db").await?, open("views.db").await?)
            }
        })
    }

    /// The views' position, then the log's: in this order, so that what is appended between counts as behind.
    async fn positions(&mut self) -> Fallible<(i64, i64)> {
        const VIEWS: &str = "SELECT position FROM checkpoint";
        const LOG: &str = "SELECT max(position) FROM events";
        Ok(match self {
            Self::Postgres(connection) => {
                let views = VIEWS.replace("checkpoint", "docket_views.checkpoint");
                let log = LOG.replace("events", "docket_journal.events");
                let views = sqlx::query_scalar(&views).fetch_one(&mut *connection).await?;
                (views, sqlx::query_scalar(&log).fetch_one(connection).await?)
            }
            Self::Sqlite(journal, views) => {
                let views = sqlx::query_scalar(VIEWS).fetch_one(views).await?;
                (views, sqlx::query_scalar(LOG).fetch_one(journal).await?)
            }
        })
    }
}

/// What was seen.
#[derive(Clone, Copy, Default)]
pub struct Lag {
    /// The longest that an event was in the log and not in the views, in seconds.
    seconds: f64,
    /// The most events that were so at once.
    events: i64,
}

impl Lag {
    /// As figures of a cell.
    pub fn figures(self) -> [Figure; 2] {
        [
            Figure::new("lag", self.seconds, "s"),
            Figure::new("behind", self.events as f64, "events"),
        ]
    }
}

/// Looks until it is told to stop.
pub struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Fallible<Lag>>,
}

impl Watch {
    /// Begins.
    pub async fn start(url: &StoreUrl) -> Fallible<Self> {
        let look = Look::open(url).await?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            stop,
            task: tokio::spawn(watch(look, stopped)),
        })
    }

    /// Ends: what was seen.
    pub async fn stop(self) -> Fallible<Lag> {
        // It has ended by itself only with an error, told below.
        let _ = self.stop.send(());
        self.task.await?
    }
}

async fn watch(mut look: Look, mut stopped: oneshot::Receiver<()>) -> Fallible<Lag> {
    let mut lag = Lag::default();
    // Heads not reached by the views, each with the last time at which it was not there yet.
    let mut heads: VecDeque<(i64, Instant)> = VecDeque::new();
    let mut last = Instant::now();
    while tokio::time::timeout(EVERY, &mut stopped).await.is_err() {
        let now = Instant::now();
        let (views, head) = look.positions().await?;
        if heads.back().is_none_or(|(known, _)| head > *known) {
            heads.push_back((head, last));
        }
        while heads.front().is_some_and(|(reached, _)| *reached <= views) {
            heads.pop_front();
        }
        if let Some((_, since)) = heads.front() {
            lag.seconds = lag.seconds.max((now - *since).as_secs_f64());
        }
        lag.events = lag.events.max(head - views);
        last = now;
    }
    Ok(lag)
}
