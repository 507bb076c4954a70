//! Rates: how many requests an account and an address may make, in memory.
//!
//! Each has a bucket that is full at first and fills up again at its rate. What is forgotten of a bucket that was long
//! not asked for is to nobody's harm: it is full again. It must *not* know what is asked for.

use crate::settings::Limits;
use docket_core::ops::network;
use docket_domain::ids::AccountId;
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Buckets remembered of accounts, and of addresses; the least used are forgotten first.
pub const BUCKETS_MAX: usize = 50_000;
/// A full bucket holds what fills it in so long.
pub const BURST: Duration = Duration::from_secs(10);
/// What checking a password or an answer counts for at its address: it is dear, and what guessers do.
pub const SECRET_COSTS: u32 = 100;
/// A bucket's refusals are told for the security log at the first, and then so often at the most.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// When it may be tried again.
    pub after: Duration,
    /// How many refusals the security log has not been told of, where it is time to.
    pub untold: Option<u32>,
}

impl Slow {
    /// When it may be tried again, in whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.after.as_secs() + 1
    }
}

/// A bucket, by the time at which it is full again: nothing else has to be known of it.
#[derive(Default)]
struct Bucket {
    full_at: AtomicU64,
    refused: AtomicU32,
    tell_at: AtomicU64,
}

impl Bucket {
    /// Takes so much out of it; times are in nanoseconds.
    fn take(&self, now: u64, cost: u64) -> Result<(), Slow> {
        let burst = nanos(BURST);
        let cost = cost.min(burst);
        let taken = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let full_at = full_at.max(now) + cost;
                (full_at - now <= burst).then_some(full_at)
            });
        taken.map(|_| ()).map_err(|full_at| Slow {
            after: Duration::from_nanos((full_at.max(now) + cost).saturating_sub(now + burst)),
            untold: self.untold(now),
        })
    }

    fn untold(&self, now: u64) -> Option<u32> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let next = now + nanos(TOLD_EVERY);
        let due = self
            .tell_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tell_at| {
                (now >= tell_at).then_some(next)
            });
        due.is_ok().then(|| self.refused.swap(0, Ordering::Relaxed))
    }
}

struct Table<K> {
    /// What one request costs, in nanoseconds of filling; `None` where there is no limit.
    cost: Option<u64>,
    buckets: Cache<K, Arc<Bucket>>,
}

impl<K: Eq + Hash + Clone> Table<K> {
    fn new(per_second: usize) -> Self {
        let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
        Self {
            cost: nanos(Duration::from_secs(1)).checked_div(per_second),
            buckets: Cache::new(BUCKETS_MAX),
        }
    }

    fn take(&self, key: &K, now: u64, times: u32) -> Result<(), Slow> {
        let Some(cost) = self.cost else {
            return Ok(());
        };
        let Ok(bucket) = self
            .buckets
            .get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        bucket.take(now, cost.saturating_mul(times.into()))
    }
}

/// The buckets of a server process.
pub struct Rates {
    began: Instant,
    accounts: Table<AccountId>,
    addresses: Table<Option<IpAddr>>,
    /// No limit: only to tell of tokens that were not taken.
    tokens: Cache<Option<IpAddr>, Arc<Bucket>>,
}

impl Rates {
    /// All full.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            began: Instant::now(),
            accounts: Table::new(limits.rate_account),
            addresses: Table::new(limits.rate_address),
            tokens: Cache::new(BUCKETS_MAX),
        }
    }

    /// What counts for so many requests of an account.
    pub fn of_account(&self, account: AccountId, times: u32) -> Result<(), Slow> {
        self.accounts.take(&account, self.now(), times)
    }

    /// What counts for so many requests from an address; those whose address is not known are one.
    pub fn of_address(&self, address: Option<IpAddr>, times: u32) -> Result<(), Slow> {
        self.addresses
            .take(&address.map(network), self.now(), times)
    }

    /// A token that was not taken: how many from its address the security log has not been told of, where it is time to.
    #[must_use]
    pub fn untold_tokens(&self, address: Option<IpAddr>) -> Option<u32> {
        let key = address.map(network);
        let Ok(bucket) = self
            .tokens
            .get_or_insert_with(&key, || Ok::<_, Infallible>(Arc::default()));
        bucket.untold(self.now())
    }

    fn now(&self) -> u64 {
        nanos(self.began.elapsed())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_holds_a_burst_and_fills_up_at_its_rate() {
        let table = Table::new(2);
        let take = |now| table.take(&"me", now, 1);
        for _ in 0..20 {
            take(5 * SECOND).unwrap();
        }
        let slow = take(5 * SECOND).unwrap_err();
        assert_eq!(slow.after, Duration::from_millis(500));
        assert!(take(5 * SECOND + SECOND / 2 - 1).is_err());
        take(5 * SECOND + SECOND / 2).unwrap();
        assert!(take(5 * SECOND + SECOND / 2).is_err());
        table.take(&"other", 5 * SECOND, 1).unwrap();
        for _ in 0..20 {
            take(100 * SECOND).unwrap();
        }
        assert!(take(100 * SECOND).is_err(), "and no more than a burst");
    }

    #[test]
    fn what_is_dear_counts_for_many_and_never_for_more_than_a_burst() {
        let table = Table::new(10);
        table.take(&"me", 0, 99).unwrap();
        table.take(&"me", 0, 1).unwrap();
        assert!(table.take(&"me", 0, 1).is_err());
        table.take(&"dear", 0, 1_000).unwrap();
        let slow = table.take(&"dear", 0, 1_000).unwrap_err();
        assert_eq!(slow.after, BURST);
    }

    #[test]
    fn refusals_are_told_at_once_and_then_once_a_minute() {
        let table = Table::new(1);
        table.take(&"me", 0, 10).unwrap();
        let untold = |now| table.take(&"me", now, 100).unwrap_err().untold;
        assert_eq!(untold(1), Some(1));
        assert_eq!([untold(2), untold(3)], [None, None]);
        table.take(&"me", 60 * SECOND, 10).unwrap();
        assert_eq!(untold(60 * SECOND + 1), Some(3));
        assert_eq!(untold(60 * SECOND + 2), None);
    }

    #[test]
    fn without_a_rate_nothing_is_refused() {
        let table = Table::new(0);
        for _ in 0..1_000 {
            table.take(&"me", 0, u32::MAX).unwrap();
        }
    }
}
