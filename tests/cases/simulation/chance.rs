//! Chance that can be had again: everything drawn follows from the seed.

/// A splitmix64 generator.
pub struct Chance(u64);

impl Chance {
    /// The chance of one part of a simulation.
    pub fn of(seed: u64, part: u64) -> Self {
        let mut chance = Self(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number under a bound, which is above zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is of no account here.
        self.next() % bound
    }

    /// A number under a bound, of something signed.
    pub fn up_to(&mut self, bound: i64) -> i64 {
        i64::try_from(self.below(bound.unsigned_abs())).expect("it is under an i64")
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// An index into a list that is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is under a usize")
    }

    /// One of a list that is not empty.
    pub fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.index(list.len())]
    }

    /// An id.
    pub fn id<T: From<uuid::Uuid>>(&mut self) -> T {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        T::from(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
    }
}
