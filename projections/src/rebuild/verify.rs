//! Verifying the views: a fresh fold beside them, compared row by row, and what of the journal they lack.

use super::compare::compare_table;
use super::{Build, Progress};
use crate::projection::{self, ProjectionError};
use crate::runner::{check_log, checkpoint, prepare};
use docket_core::Store;
use std::time::Duration;
use tokio::time::Instant;

/// Most differences named.
pub const DIFFERENCES_MAX: usize = 1_000;
/// Views that are behind the journal are waited for as long as they catch up, at most so long in all.
const CATCHES_UP_WITHIN: Duration = Duration::from_mins(1);
/// After so long without a move nobody moves them.
const STALLS_AFTER: Duration = Duration::from_secs(3);
/// How often they are looked at meanwhile.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// A way in which a stored view differs from a fresh fold of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// What is wrong with it.
    pub kind: DifferenceKind,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// These columns differ.
    Changed(Vec<&'static str>),
    /// The row should be there.
    Missing,
    /// The row should not be there.
    Extra,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// The position verified up to: where the views are.
    pub position: u64,
    /// How many records that were in the journal at the beginning are not in the views, though they were given some time
    /// to come in.
    pub behind: u64,
    /// Rows compared.
    pub rows: u64,
    /// What differs, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
}

impl Verification {
    /// Whether everything that was in the journal is in the views, as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.behind == 0
    }
}

/// Folds the log afresh up to the views' checkpoint, compares every row of every table, and tells what the views still
/// lack of the journal as it was at the beginning.
pub async fn verify(
    store: &Store,
    progress: Progress<'_>,
) -> Result<Verification, ProjectionError> {
    prepare(store).await?;
    check_log(store).await?;
    let head = store.journal.head().await?;
    caught_up(store, head).await?;
    let projections = projection::all();
    let mut build = Build::start(store, &projections).await?;
    let outcome = compare_undisturbed(store, &mut build, progress).await;
    build.discard().await?;
    let mut verification = outcome?;
    verification.behind = head.saturating_sub(verification.position);
    Ok(verification)
}

/// Waits until the views are at a position, as long as somebody moves them on.
async fn caught_up(store: &Store, wanted: u64) -> Result<(), ProjectionError> {
    let started = Instant::now();
    let (mut at, mut moved) = (checkpoint(&store.views).await?, started);
    while at < wanted && moved.elapsed() < STALLS_AFTER && started.elapsed() < CATCHES_UP_WITHIN {
        tokio::time::sleep(LOOKS_EVERY).await;
        let now_at = checkpoint(&store.views).await?;
        if now_at != at {
            (at, moved) = (now_at, Instant::now());
        }
    }
    Ok(())
}

/// Compares again when a rebuild took the tables' place meanwhile: on PostgreSQL the new tables are seen,
/// but not their rows, which are younger than what is read.
async fn compare_undisturbed(
    store: &Store,
    build: &mut Build<'_>,
    progress: Progress<'_>,
) -> Result<Verification, ProjectionError> {
    loop {
        let before = build.serving_tables().await?;
        let found = compare_with(store, build, progress).await?;
        if build.serving_tables().await? == before {
            return Ok(found);
        }
    }
}

async fn compare_with(
    store: &Store,
    build: &mut Build<'_>,
    progress: Progress<'_>,
) -> Result<Verification, ProjectionError> {
    // From here on, `live` sees the views as they are at one checkpoint.
    let mut live = store.views.begin_read().await?;
    let rows = live
        .fetch_all("SELECT position FROM checkpoint", vec![])
        .await?;
    let position = rows.first().map(|r| r.int(0)).transpose()?.unwrap_or(0);
    let position = u64::try_from(position).unwrap_or(0);
    build.advance(position, progress).await?;
    let mut verification = Verification {
        position,
        ..Verification::default()
    };
    for table in build.projections.iter().flat_map(|p| p.tables()) {
        compare_table(
            &mut live,
            &store.views,
            &build.prefix,
            table,
            &mut verification,
        )
        .await?;
    }
    Ok(verification)
}
