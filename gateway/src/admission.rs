//! Admission: how much is under way at one time, in all and of each account and address. What is more waits a little, in a
//! queue that is bounded, or is refused before it costs anything: so those that are taken are served as fast as ever.
//!
//! It must *not* know what is asked for.

use crate::settings::Limits;
use docket_core::ops::network;
use docket_domain::ids::AccountId;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why something is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too much is under way in all.
    Overloaded,
    /// Too much of one account or address is.
    TooMany,
}

/// How many there are of each, where there is a limit. Only those with any are kept.
pub struct Counts<K: Eq + Hash + Copy>(Arc<Counting<K>>);

struct Counting<K> {
    /// 0 for no limit.
    most: usize,
    of: Mutex<HashMap<K, usize>>,
}

impl<K: Eq + Hash + Copy> Counts<K> {
    /// At most so many of each; 0 for no limit.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let of = Mutex::default();
        Self(Arc::new(Counting { most, of }))
    }

    /// One more, until what is given is dropped.
    pub fn enter(&self, key: K) -> Result<Counted<K>, Full> {
        if self.0.most > 0 {
            let mut of = self.0.of.lock().unwrap_or_else(PoisonError::into_inner);
            let count = of.entry(key).or_default();
            if *count >= self.0.most {
                return Err(Full::TooMany);
            }
            *count += 1;
        }
        Ok(Counted {
            counting: self.0.clone(),
            key,
        })
    }
}

/// One that is counted while this is held.
pub struct Counted<K: Eq + Hash + Copy> {
    counting: Arc<Counting<K>>,
    key: K,
}

impl<K: Eq + Hash + Copy> Drop for Counted<K> {
    fn drop(&mut self) {
        if self.counting.most == 0 {
            return;
        }
        let of = self.counting.of.lock();
        let mut of = of.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = of.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                of.remove(&self.key);
            }
        }
    }
}

/// A place among the operations under way.
pub struct Place(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// What an operation holds while it goes on.
#[derive(Default)]
pub struct Held {
    place: Option<Place>,
    account: Option<Counted<AccountId>>,
    subscription: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// With a place among the operations under way.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self {
            place: Some(place),
            ..Self::default()
        }
    }
}

/// What a WebSocket holds while it is open.
pub type Socket = (OwnedSemaphorePermit, Counted<Option<IpAddr>>);

/// The admission of a server process.
pub struct Admission {
    running: Arc<Semaphore>,
    running_max: usize,
    queue: Semaphore,
    queue_max: usize,
    wait: Duration,
    accounts: Counts<AccountId>,
    subscriptions: Arc<Semaphore>,
    subscribers: Counts<AccountId>,
    sockets: Arc<Semaphore>,
    addresses: Counts<Option<IpAddr>>,
}

impl Admission {
    /// Nothing under way.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.operations_max)),
            running_max: limits.operations_max,
            queue: Semaphore::new(limits.queue_max),
            queue_max: limits.queue_max,
            wait: limits.queue_wait,
            accounts: Counts::new(limits.operations_account_max),
            subscriptions: Arc::new(Semaphore::new(limits.subscriptions_max)),
            subscribers: Counts::new(limits.subscriptions_account_max),
            sockets: Arc::new(Semaphore::new(limits.sockets_max)),
            addresses: Counts::new(limits.sockets_address_max),
        }
    }

    /// Whether there is no place, nor one in the queue: then nothing more need be read of a request.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.running.available_permits() == 0 && self.queue.available_permits() == 0
    }

    /// A place among the operations under way, perhaps after a short wait.
    pub async fn operation(&self) -> Result<Place, Full> {
        if let Ok(place) = self.running.clone().try_acquire_owned() {
            return Ok(Place(place));
        }
        let _waiting = self.queue.try_acquire().map_err(|_| Full::Overloaded)?;
        let place = tokio::time::timeout(self.wait, self.running.clone().acquire_owned()).await;
        match place {
            Ok(Ok(place)) => Ok(Place(place)),
            Ok(Err(_)) | Err(_) => Err(Full::Overloaded),
        }
    }

    /// Counts an operation at its account.
    pub fn of_account(&self, account: AccountId, held: &mut Held) -> Result<(), Full> {
        held.account = Some(self.accounts.enter(account)?);
        Ok(())
    }

    /// A place among the subscriptions, in place of one among the operations: those go on and mostly wait.
    pub fn subscription(&self, account: Option<AccountId>, held: &mut Held) -> Result<(), Full> {
        let place = self.subscriptions.clone().try_acquire_owned();
        held.subscription = Some(place.map_err(|_| Full::Overloaded)?);
        if let Some(account) = account {
            held.account = Some(self.subscribers.enter(account)?);
        }
        held.place = None;
        Ok(())
    }

    /// A place among the WebSockets.
    pub fn socket(&self, address: Option<IpAddr>) -> Result<Socket, Full> {
        let place = self.sockets.clone().try_acquire_owned();
        let place = place.map_err(|_| Full::Overloaded)?;
        Ok((place, self.addresses.enter(address.map(network))?))
    }

    /// How many operations have a place.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.running_max - self.running.available_permits()
    }

    /// How many operations wait for a place.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue_max - self.queue.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(operations_max: usize, queue_max: usize, wait: Duration) -> Admission {
        Admission::new(&Limits {
            operations_max,
            queue_max,
            queue_wait: wait,
            subscriptions_max: 2,
            subscriptions_account_max: 1,
            sockets_max: 3,
            sockets_address_max: 2,
            operations_account_max: 2,
            ..Limits::default()
        })
    }

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn what_is_more_waits_and_what_is_more_than_that_is_refused() {
        let admission = Arc::new(admission(1, 1, LONG));
        let first = admission.operation().await.ok().unwrap();
        let waits = tokio::spawn({
            let admission = admission.clone();
            async move { admission.operation().await.is_ok() }
        });
        while admission.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(admission.is_full());
        assert_eq!(admission.operation().await.err(), Some(Full::Overloaded));
        drop(first);
        assert!(waits.await.unwrap(), "its turn came");
        assert!(admission.operation().await.is_ok());
        assert_eq!(admission.waiting(), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_long() {
        let admission = admission(1, 1, Duration::from_millis(1));
        let _first = admission.operation().await.ok().unwrap();
        assert_eq!(admission.operation().await.err(), Some(Full::Overloaded));
        assert_eq!(
            admission.waiting(),
            0,
            "its place in the queue is free again"
        );
    }

    #[tokio::test]
    async fn an_account_and_an_address_have_their_share_and_get_it_back() {
        let admission = admission(9, 0, LONG);
        let (one, other) = (
            AccountId(uuid::Uuid::from_u128(1)),
            AccountId(uuid::Uuid::from_u128(2)),
        );
        let operation = |account| {
            let mut held = Held::default();
            admission.of_account(account, &mut held).map(|()| held)
        };
        let held = [operation(one).ok().unwrap(), operation(one).ok().unwrap()];
        assert_eq!(operation(one).err(), Some(Full::TooMany));
        assert!(operation(other).is_ok());
        drop(held);
        assert!(operation(one).is_ok());
        let subscription = |account| {
            let mut held = Held::default();
            admission
                .subscription(Some(account), &mut held)
                .map(|()| held)
        };
        let held = subscription(one).ok().unwrap();
        assert_eq!(subscription(one).err(), Some(Full::TooMany));
        let more = subscription(other).ok().unwrap();
        assert_eq!(subscription(other).err(), Some(Full::Overloaded));
        drop((held, more));
        assert!(subscription(one).is_ok());
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let held = [
            admission.socket(address(1)).ok().unwrap(),
            admission.socket(address(1)).ok().unwrap(),
        ];
        assert_eq!(admission.socket(address(1)).err(), Some(Full::TooMany));
        let _other = admission.socket(address(2)).ok().unwrap();
        assert_eq!(admission.socket(None).err(), Some(Full::Overloaded));
        drop(held);
        assert!(admission.socket(address(1)).is_ok());
        assert_eq!(
            admission.addresses.0.of.lock().unwrap().len(),
            1,
            "only those with any are kept"
        );
    }
}
