//! Reading and folding ahead of whoever writes, in the order of streams.
//!
//! A ticket's records lie all over the log, but by stream they come together: each ticket is folded once, from
//! its first record to its last, and each of its rows written once, in the order of their keys.

use crate::fold::{Fold, Folded};
use crate::projection::ProjectionError;
use docket_core::journal::READ_MAX;
use docket_core::{Journal, Record};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Batches that wait for whoever writes.
const WAITING: usize = 2;

/// Whole streams, folded.
pub(super) type Streams = Result<(Vec<Record>, Folded), ProjectionError>;

/// Every record up to a position.
pub(super) fn by_stream(journal: Journal, until: u64) -> mpsc::Receiver<Streams> {
    let (sender, batches) = mpsc::channel(WAITING);
    // Ends when nobody receives any more.
    tokio::spawn(async move {
        let mut fold = Fold::new(journal.clone());
        let mut after = (Uuid::nil(), 0);
        loop {
            match next(&journal, &mut fold, after, until).await {
                Ok(Some(batch)) => {
                    after = batch.0.last().map_or(after, |r| (r.stream, r.version));
                    if sender.send(Ok(batch)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        }
    });
    batches
}

async fn next(
    journal: &Journal,
    fold: &mut Fold,
    after: (Uuid, u64),
    until: u64,
) -> Result<Option<(Vec<Record>, Folded)>, ProjectionError> {
    let mut records = journal.read_by_stream(after, until, READ_MAX).await?;
    let Some(last) = records.last().map(|record| record.stream) else {
        return Ok(None);
    };
    // The page may have cut the last stream off: it comes whole with the next, unless it fills a page.
    if records.len() == READ_MAX as usize {
        let whole = records.partition_point(|record| record.stream != last);
        if whole > 0 {
            records.truncate(whole);
        }
    }
    let folded = fold.fold(&records).await?;
    Ok(Some((records, folded)))
}
