//! A store opened, founded and followed: everything a server or a test needs.

use crate::admission::Admission;
use crate::attachments::TRANSFERS_AT_ONCE;
use crate::drain::Drain;
use crate::fan_out::FanOut;
use crate::health::Health;
use crate::meters::Meters;
use crate::oidc::Oidc;
use crate::outgoing::NoClient;
use crate::rates::Rates;
use crate::settings::{Access, Limits};
use crate::traces;
use crate::trusted::Trusted;
use crate::worker::Worker;
use axum::http::HeaderValue;
use docket_core::digests::Keeper;
use docket_core::store::StoreOptions;
use docket_core::{Desk, DeskError, Store, StoreError};
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_projections::{ProjectionError, Runner, State, Views};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

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
    /// Certificates of authorities, to fetch an identity provider's keys.
    #[error("the identity provider cannot be asked: {0}")]
    Provider(#[from] NoClient),
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
    /// Files that may come in at one time.
    pub uploads: Arc<Semaphore>,
    /// Files that may go out at one time.
    pub downloads: Arc<Semaphore>,
    /// What it holds itself to.
    pub limits: Limits,
    /// How many requests accounts and addresses have left.
    pub rates: Arc<Rates>,
    /// How much may be under way.
    pub admission: Arc<Admission>,
    /// Whether the store answers.
    pub health: Arc<Health>,
    /// Documents that are trusted, if there are any.
    pub trusted: Arc<Trusted>,
    /// The identity provider whose tokens are taken, if there is one.
    pub oidc: Option<Arc<Oidc>>,
    /// Origins whose pages may talk to it.
    pub origins: Arc<[HeaderValue]>,
    /// Whether it is stopping.
    pub drain: Drain,
    /// What is measured of it.
    pub meters: Arc<Meters>,
    /// How the projections fare.
    pub projections: watch::Receiver<State>,
    /// Hands changes out to subscriptions.
    pub fan_out: Arc<FanOut>,
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
        let runner = if traces::is_on() {
            runner.telling(traces::projected)
        } else {
            runner
        };
        tokio::spawn(runner.run());
        let keeper = Keeper::start(store.journal.clone(), &store.ops).await;
        let meters = Arc::new(Meters::new(store.journal.meter()));
        let panics = meters.panics.clone();
        let fan_out = FanOut::start(desk.clone(), views.clone(), panics);
        let worker = Worker::start(&store, desk.clone(), views.clone(), meters.worker.clone());
        Ok(Self {
            limits: Limits::default(),
            rates: Arc::new(Rates::new(&Limits::default())),
            admission: Arc::new(Admission::new(&Limits::default())),
            health: Arc::new(Health::watch(&store)),
            trusted: Arc::default(),
            oidc: None,
            origins: Arc::default(),
            drain: Drain::default(),
            meters,
            uploads: Arc::new(Semaphore::new(TRANSFERS_AT_ONCE)),
            downloads: Arc::new(Semaphore::new(TRANSFERS_AT_ONCE)),
            fan_out: Arc::new(fan_out),
            _keeper: Arc::new(keeper.map_err(StoreError::from)?),
            _worker: Arc::new(worker),
            store,
            desk,
            views,
            projections,
        })
    }

    /// Under other limits than the default ones.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        let rates = Arc::new(Rates::new(&limits));
        let admission = Arc::new(Admission::new(&limits));
        Self {
            limits,
            rates,
            admission,
            ..self
        }
    }

    /// Trusting these documents.
    #[must_use]
    pub fn trusting(self, trusted: Arc<Trusted>) -> Self {
        Self { trusted, ..self }
    }

    /// Taking in whom these settings say.
    pub fn letting_in(self, access: Access) -> Result<Self, StartError> {
        let clock = self.store.clock.clone();
        let oidc = access.oidc.map(|oidc| Oidc::new(oidc, clock)).transpose()?;
        Ok(Self {
            oidc: oidc.map(Arc::new),
            origins: access.origins.into(),
            ..self
        })
    }
}
