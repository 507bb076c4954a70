//! Which request the running task works for: an id that goes with it from the gateway through desk, journal and
//! projections, and stands in the log as the correlation of what the request did.
//!
//! It must *not* know where the id comes from, nor carry anything else.

use uuid::Uuid;

tokio::task_local! {
    static TRACE: Uuid;
}

/// The id of what the running task works for, if it has one.
#[must_use]
pub fn current() -> Option<Uuid> {
    TRACE.try_with(|id| *id).ok()
}

/// Does something on behalf of an id.
pub fn on_behalf<F: Future>(id: Uuid, does: F) -> impl Future<Output = F::Output> {
    TRACE.scope(id, does)
}

/// Does something at once on behalf of an id.
pub fn on_behalf_now<T>(id: Uuid, does: impl FnOnce() -> T) -> T {
    TRACE.sync_scope(id, does)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_id_goes_with_what_is_done_for_it_and_no_further() {
        let id = Uuid::from_u128(7);
        let deep = async {
            tokio::task::yield_now().await;
            current()
        };
        assert_eq!(on_behalf(id, deep).await, Some(id));
        assert_eq!(current(), None);
        assert_eq!(on_behalf_now(id, current), Some(id));
        let other = on_behalf(id, async { tokio::spawn(async { current() }).await });
        assert_eq!(
            other.await.unwrap(),
            None,
            "another task is told by whoever starts it"
        );
    }
}
