//! Connections that are lent one statement or transaction at a time, and cost nothing beside.
//!
//! sqlx's own pool asks a connection whether it lives before every use and again after it: three round trips for
//! one statement. Here it is asked only where that is in doubt: when it has not been used for a while, and when
//! a use broke off or failed. Decision 47 says what this gains.

use deadpool::managed::{
    self, Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::{
    ConnectOptions as _, Connection, Database, Describe, Either, Error, Execute, Executor,
    TransactionManager,
};
use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A connection that was not used for so long is asked whether it lives.
const DOUBTED_AFTER: Duration = Duration::from_secs(1);
/// How long one that is asked before its use may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How long one whose use broke off may take to answer. It keeps its place meanwhile: what it was asked for may still be
/// under way.
const SETTLES_WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked for connections that nobody has used for long.
const TIDYING: Duration = Duration::from_mins(1);
/// How long whoever waits for a server to start sleeps before it tries again, at first; then twice as long, and so on.
const RETRY_FIRST: Duration = Duration::from_millis(10);
/// How often whoever closes a pool looks for what is still lent.
const CLOSING: Duration = Duration::from_millis(5);

type Check<DB> = dyn for<'c> Fn(&'c mut <DB as Database>::Connection) -> BoxFuture<'c, Result<(), Error>>
    + Send
    + Sync;

/// How connections are opened and kept.
pub(super) struct Keeping<DB: Database> {
    /// How they are opened.
    pub(super) options: <DB::Connection as Connection>::Options,
    /// What is made sure of each before its first use.
    pub(super) check: Box<Check<DB>>,
    /// The most there are.
    pub(super) most: u32,
    /// How long a task waits for one before it gets an error.
    pub(super) patience: Duration,
    /// How long one stays.
    pub(super) stays: Option<Stay>,
}

/// How long a connection stays.
#[derive(Clone, Copy)]
pub(super) struct Stay {
    /// How old it may become: what it has gathered in a server's memory goes with it.
    pub(super) in_all: Duration,
    /// For how long it may be of no use.
    pub(super) unused: Duration,
}

impl Stay {
    fn is_over(self, metrics: &Metrics) -> bool {
        metrics.age() > self.in_all || metrics.last_used() > self.unused
    }
}

/// When a connection was last found dead, of whatever pool: where a server went away, it did for all of them.
static FOUND_DEAD: Mutex<Option<std::time::Instant>> = Mutex::new(None);

fn found_dead() -> MutexGuard<'static, Option<std::time::Instant>> {
    FOUND_DEAD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a connection may be dead: it was not used for a while, or another one was found dead since.
fn is_in_doubt(metrics: &Metrics) -> bool {
    let used = metrics.recycled.unwrap_or(metrics.created);
    metrics.last_used() > DOUBTED_AFTER || found_dead().is_some_and(|at| at >= used)
}

struct Keeper<DB: Database>(Keeping<DB>);

impl<DB: Database> Manager for Keeper<DB> {
    type Type = DB::Connection;
    type Error = Error;

    /// Opens a connection; where a server refuses because it is only starting, again until the patience is over.
    async fn create(&self) -> Result<DB::Connection, Error> {
        let Keeping {
            options,
            check,
            patience,
            ..
        } = &self.0;
        let deadline = Instant::now() + *patience;
        let mut pause = RETRY_FIRST;
        loop {
            let opened = timeout_at(deadline, options.connect()).await;
            match opened.map_err(|_| Error::PoolTimedOut)? {
                Ok(mut connection) => {
                    check(&mut connection).await?;
                    return Ok(connection);
                }
                Err(error) if !is_starting(&error) => return Err(error),
                Err(_) => {
                    let sleeping = timeout_at(deadline, sleep(pause)).await;
                    sleeping.map_err(|_| Error::PoolTimedOut)?;
                    pause = (pause * 2).min(*patience / 5);
                }
            }
        }
    }

    async fn recycle(
        &self,
        connection: &mut DB::Connection,
        metrics: &Metrics,
    ) -> RecycleResult<Error> {
        let stays = self.0.stays;
        if stays.is_some_and(|stays| stays.is_over(metrics)) {
            return Err(RecycleError::message("old"));
        }
        // Where the disk is full SQLite gives a transaction up by itself, and the connection believes for ever that it is in
        // one: there has to be another.
        if connection.is_in_transaction() {
            return Err(RecycleError::message("in a transaction"));
        }
        if is_in_doubt(metrics) {
            let answers = timeout(ANSWERS_WITHIN, connection.ping()).await;
            if !matches!(answers, Ok(Ok(()))) {
                *found_dead() = Some(std::time::Instant::now());
                return Err(RecycleError::message("dead, or silent"));
            }
        }
        Ok(())
    }
}

/// Whether a server could not be reached because it is starting, or has no place for the moment.
fn is_starting(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}

/// Connections to one database. Cheap to clone.
pub struct Pool<DB: Database> {
    lending: managed::Pool<Keeper<DB>>,
    patience: Duration,
    closing: Arc<AtomicBool>,
}

impl<DB: Database> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self {
            lending: self.lending.clone(),
            patience: self.patience,
            closing: self.closing.clone(),
        }
    }
}

impl<DB: Database> fmt::Debug for Pool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("status", &self.lending.status())
            .finish_non_exhaustive()
    }
}

impl<DB: Database> Pool<DB> {
    /// Opens the first connection, so that it is known at once whether there can be any.
    pub(super) async fn open(keeping: Keeping<DB>) -> Result<Self, Error> {
        let (most, patience) = (keeping.most, keeping.patience);
        let stays = keeping.stays;
        let lending = managed::Pool::builder(Keeper(keeping))
            .max_size(usize::try_from(most).unwrap_or(usize::MAX))
            // Those that were used last have most in mind.
            .queue_mode(QueueMode::Lifo)
            .build()
            .map_err(|error| Error::Configuration(error.into()))?;
        let pool = Self {
            lending,
            patience,
            closing: Arc::default(),
        };
        drop(pool.take().await?);
        if let Some(stays) = stays {
            tokio::spawn(tidy(pool.lending.weak(), stays));
        }
        Ok(pool)
    }

    /// A connection of one's own until it is dropped.
    pub async fn take(&self) -> Result<Lent<DB>, Error> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(Error::PoolClosed);
        }
        let taking = timeout(self.patience, self.lending.get()).await;
        let taken = taking.map_err(|_| Error::PoolTimedOut)?;
        let object = taken.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => Error::PoolClosed,
            PoolError::Timeout(_)
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => Error::PoolTimedOut,
        })?;
        Ok(Lent {
            object: Some(object),
            standing: Standing::Settled,
        })
    }

    /// Begins a transaction, by a statement of one's own if there is one.
    pub async fn begin(&self, statement: Option<&'static str>) -> Result<Transaction<DB>, Error> {
        let mut lent = self.take().await?;
        // Whether it was begun sqlx knows only when it was answered: broken off before, nobody would roll it back.
        lent.standing = Standing::Delicate;
        let begun = DB::TransactionManager::begin(&mut lent, statement.map(Cow::Borrowed)).await;
        // Nor does it where the statement did more than to begin, and failed at that.
        begun?;
        lent.standing = Standing::UnderWay;
        Ok(Transaction(lent))
    }

    /// Lends no more, and closes every connection: those that are lent as soon as they come back.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + self.patience;
        loop {
            close_all(self.lending.retain(|_, _| false).removed).await;
            if self.lending.status().size == 0 || Instant::now() > deadline {
                break;
            }
            sleep(CLOSING).await;
        }
        self.lending.close();
    }
}

async fn close_all<C: Connection>(connections: Vec<C>) {
    for connection in connections {
        // What cannot be closed is gone already.
        let _ = timeout(ANSWERS_WITHIN, connection.close()).await;
    }
}

/// Closes, as long as there is a pool, connections whose stay in it is over.
async fn tidy<DB: Database>(pool: WeakPool<Keeper<DB>>, stays: Stay) {
    loop {
        sleep(TIDYING).await;
        let Some(pool) = pool.upgrade() else { return };
        let kept = pool.retain(|_, metrics| !stays.is_over(&metrics));
        close_all(kept.removed).await;
    }
}

/// What is known of a connection that is lent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing is under way on it.
    Settled,
    /// Something may be: it is rolled back, and asked whether it lives, before anybody else gets it.
    UnderWay,
    /// Something is that nobody can clear up once it is broken off: then it is closed.
    Delicate,
}

/// A connection that is lent.
pub struct Lent<DB: Database> {
    object: Option<Object<Keeper<DB>>>,
    standing: Standing,
}

impl<DB: Database> Lent<DB> {
    /// What was asked of it was answered, and no transaction is open.
    fn settle(&mut self) {
        self.standing = Standing::Settled;
    }

    /// Takes it out of the pool for ever.
    pub(crate) fn keep(mut self) -> DB::Connection {
        let object = self.object.take();
        Object::take(object.expect("it is there until it is dropped"))
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        let object = self.object.as_ref();
        object.expect("it is there until it is dropped")
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        if self.standing == Standing::Settled {
            self.standing = Standing::UnderWay;
        }
        let object = self.object.as_mut();
        object.expect("it is there until it is dropped")
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        match (self.standing, tokio::runtime::Handle::try_current()) {
            (Standing::Settled, _) => {}
            (Standing::UnderWay, Ok(runtime)) => drop(runtime.spawn(settle(object))),
            (Standing::UnderWay, Err(_)) | (Standing::Delicate, _) => drop(Object::take(object)),
        }
    }
}

/// Rolls back what was begun on a connection, reads what is still under way, and gives it back; one that is dead is
/// closed.
async fn settle<DB: Database>(mut object: Object<Keeper<DB>>) {
    DB::TransactionManager::start_rollback(&mut object);
    let lives = timeout(SETTLES_WITHIN, object.ping()).await;
    if !matches!(lives, Ok(Ok(()))) {
        *found_dead() = Some(std::time::Instant::now());
        drop(Object::take(object));
    }
}

/// A transaction; rolled back when dropped.
pub struct Transaction<DB: Database>(Lent<DB>);

impl<DB: Database> Transaction<DB> {
    /// Begins, or has ended, what nobody can clear up once it is broken off.
    pub(super) fn set_delicate(&mut self, delicate: bool) {
        self.0.standing = if delicate {
            Standing::Delicate
        } else {
            Standing::UnderWay
        };
    }

    /// Makes it permanent.
    pub async fn commit(mut self) -> Result<(), Error> {
        DB::TransactionManager::commit(&mut self.0).await?;
        self.0.settle();
        Ok(())
    }
}

impl<DB: Database> Deref for Transaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.0
    }
}

impl<DB: Database> DerefMut for Transaction<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.0
    }
}

type Answers<'e, DB> =
    BoxStream<'e, Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>>;

/// One statement in a transaction of its own. Its rows are read before the first is told.
impl<DB: Database> Executor<'_> for &'_ Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Answers<'e, DB>
    where
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        let read = async move {
            let mut lent = pool.take().await?;
            let answers: Vec<_> = lent.fetch_many(query).try_collect().await?;
            lent.settle();
            Ok::<_, Error>(stream::iter(answers).map(Ok))
        };
        stream::once(read).try_flatten().boxed()
    }

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<DB::QueryResult, Error>>
    where
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.take().await?;
            let done = lent.execute(query).await?;
            lent.settle();
            Ok(done)
        })
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
    where
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.take().await?;
            let rows = lent.fetch_all(query).await?;
            lent.settle();
            Ok(rows)
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        Box::pin(async move {
            let mut lent = pool.take().await?;
            let row = lent.fetch_optional(query).await?;
            lent.settle();
            Ok(row)
        })
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement<'q>, Error>> {
        let pool = self.clone();
        Box::pin(async move { pool.take().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e, 'q: 'e>(self, sql: &'q str) -> BoxFuture<'e, Result<Describe<DB>, Error>> {
        let pool = self.clone();
        Box::pin(async move { pool.take().await?.describe(sql).await })
    }
}
