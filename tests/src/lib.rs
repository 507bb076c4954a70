//! What the tests share: stores that clean up after themselves, commits, a small city, golden files.
//!
//! It must *not* hold expectations: those belong to the cases.
#![allow(
    clippy::missing_panics_doc,
    reason = "a test's helper panics where the test has failed"
)]

pub mod city;
pub mod clients;
pub mod collector;
pub mod commits;
pub mod golden;
pub mod load;
pub mod postgres;
pub mod search;
pub mod server;
pub mod staff;
pub mod store;

pub use store::TestStore;

/// Instantiates each async test function, generic over the store, on both stores.
#[macro_export]
macro_rules! on_both_stores {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::store::run($crate::TestStore::sqlite(), super::$test).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::store::run($crate::TestStore::postgres().await, super::$test).await;
                }
            )+
        }
    };
}
