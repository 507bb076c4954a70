//! `docket serve`: the server.

use super::{Failed, StoreArgs, say, settings_with, store_options};
use crate::app::{App, Founding};
use crate::settings::{LISTEN, METRICS_LISTEN, STORE, Settings};
use crate::trusted::Trusted;
use crate::{demo, drain, http, meters, tls, traces};
use clap::Args;
use docket_core::StoreUrl;
use docket_core::journal::Purpose;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Where a demonstration keeps its own store.
const DEMO_STORE: &str = "docket-demo";

/// Serves GraphQL and the console.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    ledger: super::erase::LedgerArgs,
    /// The address to listen on; port 0 picks a free one. Also `DOCKET_LISTEN`. Default 127.0.0.1:8080.
    #[arg(long)]
    listen: Option<String>,
    /// The address of a reverse proxy on another machine, several times for several: it is believed where a request comes
    /// from (X-Forwarded-For), as one on this machine is.
    #[arg(long = "proxy", value_name = "ADDRESS")]
    proxies: Vec<IpAddr>,
    /// An invented city in a store of its own (folder docket-demo), with accounts and passwords printed.
    #[arg(long)]
    demo: bool,
    /// The hotline's name, when the store is new.
    #[arg(long, default_value = "12345政务服务便民热线")]
    name: String,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let mut flags = self.store.flags();
        flags.push((&LISTEN, self.listen.clone()));
        let settings = settings_with(&flags)?;
        let listen = settings.listen;
        let mut options = store_options(&settings);
        let mut founding = Founding {
            name: self.name,
            ..Founding::default()
        };
        if self.demo {
            if !listen.ip().is_loopback() {
                return Err(
                    "a demonstration has known passwords and listens on loopback only".into(),
                );
            }
            options.purpose = Some(Purpose::Demo);
            if !settings.is_given(&STORE) {
                options.url = StoreUrl::Sqlite(DEMO_STORE.into());
            }
            founding = demo::founding();
            demo::seed(&options).await?;
        }
        let keys_url = options.keys.clone().unwrap_or_else(|| options.url.clone());
        let app = App::start(options, &founding).await?;
        let trusted = Arc::new(Trusted::load(&settings.documents, settings.limits).await?);
        let app = app
            .within(settings.limits)
            .trusting(trusted.clone())
            .letting_in(settings.access.clone())?;
        if let Err(error) = self.ledger.keep(&app.store, &keys_url).await {
            tracing::error!(%error, "the ledger of erasures is not kept: a restore would miss some; mend or name it");
        }
        raise_open_files();
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|e| format!("{listen}: {e}"))?;
        let address = listener.local_addr()?;
        // Before anybody is told where the server listens, and so may stop it.
        let stop = stop()?;
        let mut hang_up = signal(SignalKind::hangup())?;
        if let Some(manifest) = settings.documents.manifest.clone() {
            let hang_up = signal(SignalKind::hangup())?;
            tokio::spawn(trusted.keep_fresh(manifest, settings.limits, hang_up));
        }
        let metrics = metrics(&settings).await?;
        let secured = if let Some(files) = settings.tls {
            if !tls::is_for_owner_only(&files.key) {
                tracing::warn!(key = %files.key.display(), "others may read the TLS key: chmod 600 it");
            }
            Secured::Tls(tls::listen(listener, files, hang_up)?)
        } else {
            // Nothing to read anew; and without this it would end the server.
            tokio::spawn(async move { while hang_up.recv().await.is_some() {} });
            Secured::Plain(listener)
        };
        say(&format!("listening on {}://{address}", secured.scheme()));
        if let Some(metrics) = metrics {
            say(&format!(
                "metrics on http://{}/metrics",
                metrics.local_addr()?
            ));
            let page = meters::router(app.clone());
            tokio::spawn(async move { axum::serve(metrics, page).await });
        }
        let demo = if self.demo {
            Some(demo::introduce(&app).await?)
        } else {
            None
        };
        if demo.is_none() {
            advise_first_account(&app).await?;
        }
        secured.serve(app, demo, &self.proxies, stop).await;
        traces::stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Lets the process open as many files and sockets as the system lets it: by default a shell gives it fewer than
/// `server.connections`.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How connections come in.
enum Secured {
    Plain(TcpListener),
    Tls(tls::TlsListener),
}

impl Secured {
    const fn scheme(&self) -> &'static str {
        match self {
            Self::Plain(_) => "http",
            Self::Tls(_) => "https",
        }
    }

    /// Serves until `stop` resolves.
    async fn serve(
        self,
        app: App,
        demo: Option<String>,
        proxies: &[IpAddr],
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        let (drain, limits) = (app.drain.clone(), app.limits);
        let router = http::router(app, demo, proxies);
        match self {
            Self::Tls(listener) => {
                drain::serve(listener, router, drain, limits, proxies, stop).await;
            }
            Self::Plain(listener) => {
                drain::serve(listener, router, drain, limits, proxies, stop).await;
            }
        }
    }
}

/// The listener of the metrics. Where nobody chose its address, another process may have it.
async fn metrics(settings: &Settings) -> Result<Option<TcpListener>, Failed> {
    let Some(address) = settings.metrics_listen else {
        return Ok(None);
    };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if settings.is_given(&METRICS_LISTEN) => {
            Err(format!("{} = {address}: {error}", METRICS_LISTEN.name).into())
        }
        Err(error) => {
            tracing::warn!(%address, %error, "no metrics: set metrics.listen, or to off");
            Ok(None)
        }
    }
}

async fn advise_first_account(app: &App) -> Result<(), Failed> {
    if app
        .desk
        .journal()
        .streams_of("account", 1)
        .await?
        .is_empty()
    {
        say(
            "this store has no account yet: `docket account create --admin --login LOGIN` makes the first",
        );
    }
    Ok(())
}

/// Resolves at SIGTERM or SIGINT.
fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Failed> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
