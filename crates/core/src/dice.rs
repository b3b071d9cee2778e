//! Randomness as an argument: a small seeded generator (SplitMix64, Steele, Lea and Flood 2014).
//!
//! Good enough for jitter; never used for anything that must be hard to guess.

use std::time::Duration;

/// A seeded source of jitter.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A source that always gives the same sequence for the same seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Dice(seed)
    }

    /// Sixty-four random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero when the bound is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.bits() % bound }
    }

    /// A span between zero and `most`, in steps of a microsecond.
    pub fn span(&mut self, most: Duration) -> Duration {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.below(micros + 1))
    }
}
