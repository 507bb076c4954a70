//! Where time comes from. Everything that needs the time is given a clock.

use docket_domain::Timestamp;
use docket_domain::time::to_micros;
use std::sync::Mutex;

/// A source of business time.
pub trait Clock: Send + Sync + 'static {
    /// Now, UTC, to the microsecond.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        to_micros(std::time::SystemTime::now().into())
    }
}

/// A clock that stands where it was set: for simulations and tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock standing at `time`.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Mutex::new(to_micros(time)))
    }

    /// Sets it.
    pub fn set(&self, time: Timestamp) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = to_micros(time);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Random bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing can be sealed or named then.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new UUID of version 7, at the clock's time.
#[must_use]
pub fn new_id<T: From<uuid::Uuid>>(clock: &dyn Clock) -> T {
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    T::from(uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid())
}
