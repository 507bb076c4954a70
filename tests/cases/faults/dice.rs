//! Chance that can be had again: a linear congruential generator whose seed is printed, or given in the
//! variable `DOCKET_TEST_SEED`.

use docket_core::clock::random_bytes;

/// The next numbers follow from the seed alone.
pub struct Dice(u64);

impl Dice {
    /// Seeds it, and says how.
    pub fn new(what: &str) -> Self {
        let given = std::env::var("DOCKET_TEST_SEED");
        let seed = given.map_or_else(
            |_| u64::from(u32::from_be_bytes(random_bytes())),
            |seed| seed.parse().expect("DOCKET_TEST_SEED is a number"),
        );
        println!("{what}: DOCKET_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number under a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX constants; the upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
