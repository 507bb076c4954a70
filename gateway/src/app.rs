//! A store opened, founded and followed: everything a server or a test needs.

use crate::drain::Drain;
use crate::meters::Meters;
use crate::prints::Prints;
use crate::settings::Limits;
use crate::worker::Worker;
use docket_core::digests::Keeper;
use docket_core::store::StoreOptions;
use docket_core::{Desk, DeskError, Store, StoreError};
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_projections::{ProjectionError, Runner, State, Views};
use std::sync::Arc;
use tokio::sync::watch;

/// What can go wrong at the start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Founding it.
    #[error("the store could not be founded: {0}")]
    Desk(#[from] DeskError),
    /// The views.
    #[error("the views could not be opened: {0}")]
    Views(#[from] ProjectionError),
}

/// How a new hotline is founded.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Its name.
    pub name: String,
    /// Its rule pack, as TOML.
    pub pack: String,
    /// Its holiday list, as TOML.
    pub holidays: String,
}

impl Default for Founding {
    fn default() -> Self {
        Self {
            name: "12345政务服务便民热线".into(),
            pack: DEFAULT_PACK.into(),
            holidays: CALENDAR_CN.into(),
        }
    }
}

/// A running Docket. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The store.
    pub store: Store,
    /// The desk: all commands.
    pub desk: Arc<Desk>,
    /// The views: all queries.
    pub views: Views,
    /// Printed forms that wait to be fetched.
    pub prints: Arc<Prints>,
    /// What it holds itself to.
    pub limits: Limits,
    /// Whether it is stopping.
    pub drain: Drain,
    /// What is measured of it.
    pub meters: Arc<Meters>,
    /// How the projections fare.
    pub projections: watch::Receiver<State>,
    /// Notes the digests of the log while anybody holds this.
    _keeper: Arc<Keeper>,
    /// Does what is due while anybody holds this.
    _worker: Arc<Worker>,
}

impl App {
    /// Opens a store, founds it if it is new, and starts following its journal.
    pub async fn start(options: StoreOptions, founding: &Founding) -> Result<Self, StartError> {
        let store = Store::open(options).await?;
        let desk = Arc::new(Desk::new(&store));
        desk.found(&founding.name, &founding.pack, &founding.holidays)
            .await?;
        // Of erasures that were cut short, and of a backup restored.
        desk.finish_erasures().await?;
        let (runner, views, projections) = Runner::open(&store).await?;
        tokio::spawn(runner.run());
        let keeper = Keeper::start(store.journal.clone(), &store.ops).await;
        let meters = Arc::new(Meters::new(store.journal.meter()));
        let worker = Worker::start(&store, desk.clone(), views.clone(), meters.worker.clone());
        Ok(Self {
            limits: Limits::default(),
            drain: Drain::default(),
            meters,
            prints: Arc::default(),
            _keeper: Arc::new(keeper.map_err(StoreError::from)?),
            _worker: Arc::new(worker),
            store,
            desk,
            views,
            projections,
        })
    }
}
