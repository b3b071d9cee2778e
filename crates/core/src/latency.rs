//! What a route usually takes: the median of its last calls, per workload bucket.
//!
//! Only used to not start what cannot finish; a route with fewer than five samples predicts nothing.

use std::time::Duration;

const N_SAMPLES: usize = 32;

/// Samples needed before anything is predicted.
pub const MIN_SAMPLES: usize = 5;

/// A ring of the last durations.
#[derive(Debug, Clone)]
pub struct Latency {
    samples: [u32; N_SAMPLES],
    n_seen: usize,
}

impl Default for Latency {
    fn default() -> Self {
        Self { samples: [0; N_SAMPLES], n_seen: 0 }
    }
}

impl Latency {
    /// Adds the duration of a call that ended well.
    pub fn add(&mut self, took: Duration) {
        let ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        if let Some(slot) = self.samples.get_mut(self.n_seen % N_SAMPLES) {
            *slot = ms;
        }
        self.n_seen = self.n_seen.saturating_add(1);
    }

    /// The median, from five samples on.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        let n = self.n_seen.min(N_SAMPLES);
        if n < MIN_SAMPLES {
            return None;
        }
        let mut sorted = self.samples;
        let known = sorted.get_mut(..n)?;
        let (_, median, _) = known.select_nth_unstable(n / 2);
        Some(Duration::from_millis(u64::from(*median)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_samples_predict_nothing_and_five_predict_the_median() {
        let mut latency = Latency::default();
        for ms in [10, 20, 9_000, 30] {
            latency.add(Duration::from_millis(ms));
        }
        assert_eq!(latency.median(), None);
        latency.add(Duration::from_millis(40));
        assert_eq!(latency.median(), Some(Duration::from_millis(30)));
    }
}
