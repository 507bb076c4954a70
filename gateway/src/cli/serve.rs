//! `docket serve`: the server.

use super::{Failed, StoreArgs, say};
use crate::app::{App, Founding};
use crate::{demo, http};
use clap::Args;
use docket_core::StoreUrl;
use docket_core::journal::Purpose;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
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
    /// The address to listen on; port 0 picks a free one. Default 127.0.0.1:8080.
    #[arg(long, env = "DOCKET_LISTEN")]
    listen: Option<SocketAddr>,
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
        let listen = self
            .listen
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let mut options = self.store.options()?;
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
            if self.store.store.is_none() {
                options.url = StoreUrl::Sqlite(DEMO_STORE.into());
            }
            founding = demo::founding();
            demo::seed(&options).await?;
        }
        let keys_url = options.keys.clone().unwrap_or_else(|| options.url.clone());
        let app = App::start(options, &founding).await?;
        if let Err(error) = self.ledger.keep(&app.store, &keys_url).await {
            tracing::error!(%error, "the ledger of erasures is not kept: a restore would miss some; mend or name it");
        }
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|e| format!("{listen}: {e}"))?;
        // Before anybody is told where the server listens, and so may stop it.
        let stop = stop()?;
        say(&format!("listening on http://{}", listener.local_addr()?));
        let demo = if self.demo {
            Some(demo::introduce(&app).await?)
        } else {
            None
        };
        if demo.is_none() {
            advise_first_account(&app).await?;
        }
        http::serve(listener, http::router(app, demo, &self.proxies), stop).await?;
        Ok(ExitCode::SUCCESS)
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
