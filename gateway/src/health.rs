//! Whether the store answers: asked every second, so that a server whose store stands still says so at once, in place of
//! letting everybody wait for it.

use docket_core::Store;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How often it is asked.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How often one that does not answer is asked, beside the time it may take.
const ASKED_AGAIN: Duration = Duration::from_millis(200);
/// How long it may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps asking while this is held.
pub struct Health {
    answers: watch::Sender<bool>,
    asking: JoinHandle<()>,
}

impl Drop for Health {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Health {
    /// Of a store that answers.
    #[must_use]
    pub fn watch(store: &Store) -> Self {
        let answers = watch::Sender::new(true);
        let told = answers.clone();
        let journal = store.journal.clone();
        let asking = async move {
            loop {
                let answered = matches!(timeout(PATIENCE, journal.head()).await, Ok(Ok(_)));
                if told.send_replace(answered) != answered {
                    if answered {
                        tracing::info!("the store answers again");
                    } else {
                        tracing::error!("the store does not answer");
                    }
                }
                let pause = if answered { ASKED_EVERY } else { ASKED_AGAIN };
                tokio::time::sleep(pause).await;
            }
        };
        Self {
            answers,
            asking: tokio::spawn(asking),
        }
    }

    /// It has answered somebody else.
    pub fn answered(&self) {
        self.answers
            .send_if_modified(|answers| !std::mem::replace(answers, true));
    }

    /// Whether it answered when it was last asked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self.answers.borrow()
    }
}
