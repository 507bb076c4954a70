//! Stopping: first readiness goes, then the door is shut, then what is open ends, and at last what does not end is
//! cut off. A command that was acknowledged is on disk before it is; none is lost by that.
//!
//! It must *not* know what is served.

use crate::connections::Connections;
use crate::settings::Limits;
use axum::Router;
use axum::serve::Listener;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;

/// How far a stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nobody told it to stop.
    Serving,
    /// Not ready any more, and still open to who has not noticed.
    Notice,
    /// Nothing new is taken, and what would go on for ever ends.
    Closing,
}

/// A handle on how a server stops. Cheap to clone.
#[derive(Clone)]
pub struct Drain {
    phase: Arc<watch::Sender<Phase>>,
    held: Arc<watch::Sender<usize>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            phase: Arc::new(watch::Sender::new(Phase::Serving)),
            held: Arc::default(),
        }
    }
}

/// Keeps the server from stopping until it is dropped, or time is up.
pub struct Held(Arc<watch::Sender<usize>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Drain {
    /// Whether it has been told to stop.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.phase.borrow() > Phase::Serving
    }

    /// Whether what would go on for ever is to end. True for everybody before anybody's [`Self::closing`] resolves:
    /// those resolve one after the other.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        *self.phase.borrow() == Phase::Closing
    }

    /// Resolves when what would go on for ever is to end: subscriptions and sockets.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut phase = self.phase.subscribe();
        async move {
            // This handle keeps the sender: it cannot be gone.
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
        }
    }

    /// For what the HTTP server does not wait for by itself: upgraded connections.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.held.send_modify(|count| *count += 1);
        Held(self.held.clone())
    }

    async fn all_let_go(&self) {
        let _ = self.held.subscribe().wait_for(|count| *count == 0).await;
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }
}

/// Serves until `stop` resolves, then stops step by step. `proxies` are the reverse proxies on other machines.
pub async fn serve<L>(
    listener: L,
    router: Router,
    drain: Drain,
    limits: Limits,
    proxies: &[IpAddr],
    stop: impl Future<Output = ()> + Send + 'static,
) where
    L: Listener<Addr = SocketAddr>,
{
    let connections = Connections::new(limits, proxies);
    let stopping = async {
        stop.await;
        drain.enter(Phase::Notice);
        tracing::info!("stopping: not ready any more");
        tokio::time::sleep(limits.drain_notice).await;
        drain.enter(Phase::Closing);
    };
    let ((), ()) = tokio::join!(connections.take(listener, router, &drain), stopping);
    if tokio::time::timeout(limits.drain, drain.all_let_go())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time, and are cut off");
    }
}
