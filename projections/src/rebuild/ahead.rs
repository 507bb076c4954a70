//! Reading and folding ahead of whoever writes, in the order of streams.
//!
//! A ticket's records lie all over the log, but by stream they come together: each ticket is folded once, from
//! its first record to its last, and each of its rows written once, nearly in the order of their keys.

use crate::fold::Fold;
use crate::known::Known;
use crate::projection::{Projection, ProjectionError};
use crate::write::Write;
use docket_core::journal::READ_MAX;
use docket_core::{Journal, Record};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

/// Tasks that fold at one time. They read in turn.
const FOLDING: usize = 2;
/// Batches that wait for whoever writes.
const WAITING: usize = 2;

/// Whole streams, folded.
pub(super) struct Streams {
    /// How many records they are.
    pub(super) records: u64,
    /// What each projection wants written for them.
    pub(super) writes: Vec<Vec<Write>>,
}

/// Every record up to a position.
pub(super) fn by_stream(
    journal: &Journal,
    projections: &[&'static dyn Projection],
    until: u64,
) -> mpsc::Receiver<Result<Streams, ProjectionError>> {
    let (sender, batches) = mpsc::channel(WAITING);
    let read_up_to = Arc::new(Mutex::new((Uuid::nil(), 0)));
    for _ in 0..FOLDING {
        let mut folding = Folding {
            journal: journal.clone(),
            projections: projections.to_vec(),
            fold: Fold::new(journal.clone(), Known::new()),
            until,
            read_up_to: read_up_to.clone(),
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(batch) = folding.next().await.transpose() {
                let failed = batch.is_err();
                // Ends when nobody receives any more.
                if sender.send(batch).await.is_err() || failed {
                    return;
                }
            }
        });
    }
    batches
}

/// One of the tasks that fold.
struct Folding {
    journal: Journal,
    projections: Vec<&'static dyn Projection>,
    fold: Fold,
    until: u64,
    /// The last record that any of them has read, by stream and version.
    read_up_to: Arc<Mutex<(Uuid, u64)>>,
}

impl Folding {
    async fn next(&mut self) -> Result<Option<Streams>, ProjectionError> {
        let records = {
            let mut read_up_to = self.read_up_to.lock().await;
            let records = next(&self.journal, *read_up_to, self.until).await?;
            let Some(last) = records.last() else {
                return Ok(None);
            };
            *read_up_to = (last.stream, last.version);
            records
        };
        let folded = self.fold.fold(&records).await?;
        let batch = folded.batch(&records);
        let projections = self.projections.iter();
        let writes = projections.map(|projection| projection.writes(&batch));
        Ok(Some(Streams {
            records: records.len() as u64,
            writes: writes.collect::<Result<_, _>>()?,
        }))
    }
}

/// The streams that come next, each of them whole; none when all were read.
async fn next(
    journal: &Journal,
    after: (Uuid, u64),
    until: u64,
) -> Result<Vec<Record>, ProjectionError> {
    let mut records = journal.read_by_stream(after, until, READ_MAX).await?;
    // The page may have cut the last stream off: it comes with the next, unless it is longer than a page.
    while let Some(last) = records.last()
        && records.len().is_multiple_of(READ_MAX as usize)
    {
        let last = (last.stream, last.version);
        let whole = records.partition_point(|record| record.stream != last.0);
        if whole > 0 {
            records.truncate(whole);
            break;
        }
        let rest = journal.read_by_stream(last, until, READ_MAX).await?;
        let of_last = rest
            .into_iter()
            .take_while(|record| record.stream == last.0);
        let before = records.len();
        records.extend(of_last);
        if records.len() == before {
            break;
        }
    }
    Ok(records)
}
