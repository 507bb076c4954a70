//! `/metrics`: the figures as a page, on a listener of its own.

use super::{Meters, Word};
use crate::app::App;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use docket_projections::State as Following;
use std::time::Duration;

/// How long the store may take to be asked; then its figures stay as they were.
const PATIENCE: Duration = Duration::from_secs(1);
const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The one route of the metrics' listener.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    look(&app).await;
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &app.meters.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, MEDIA)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the figures could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Looks at what nobody counts as it happens.
async fn look(app: &App) {
    let Meters { looked_at, .. } = &*app.meters;
    let journal = app.desk.journal();
    let (commits, reads) = journal.waiting();
    let operations = app.admission.waiting();
    for (what, waiting) in [
        ("commits", commits),
        ("reads", reads),
        ("operations", operations),
    ] {
        looked_at
            .queued
            .get_or_create(&Word { what })
            .set(whole(waiting as u64));
    }
    let under_way = app.admission.under_way();
    looked_at.under_way.set(whole(under_way as u64));
    let (head, position) = (*journal.watch().borrow(), app.views.position());
    let lag = head.saturating_sub(position);
    let following = *app.projections.borrow() == Following::Following;
    // Looked at a few times a second: who follows and has everything has had it just now.
    let behind_for = if following && lag == 0 {
        Duration::ZERO
    } else {
        app.views.behind_for()
    };
    looked_at.head.set(whole(head));
    looked_at.position.set(whole(position));
    looked_at.lag.set(whole(lag));
    looked_at.lag_seconds.set(behind_for.as_secs_f64());
    looked_at.following.set(following.into());
    looked_at.ready.set((!app.drain.has_begun()).into());
    if let Ok(Ok(open)) = tokio::time::timeout(PATIENCE, app.store.ops.sessions_open()).await {
        looked_at.sessions.set(whole(open));
    }
    if let Some(memory) = resident_memory() {
        looked_at.memory.set(whole(memory));
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        looked_at.files.set(whole(files.count() as u64));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Resident memory in bytes, where the system tells.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
