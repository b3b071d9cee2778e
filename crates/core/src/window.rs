//! A sliding window of counts: ten buckets in a ring, exact at bucket boundaries.
//!
//! Reading does not write: a count at an instant is computed from the buckets that are still inside the window.

use std::time::Duration;

use crate::time::Now;

const N_BUCKETS: usize = 10;

/// Counts of one bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Successes.
    pub ok: u32,
    /// Failures of the hard kind.
    pub hard: u32,
    /// Failures of the soft kind.
    pub soft: u32,
}

impl Counts {
    /// All calls.
    #[must_use]
    pub fn total(self) -> u32 {
        self.ok.saturating_add(self.hard).saturating_add(self.soft)
    }

    /// All failures.
    #[must_use]
    pub fn failed(self) -> u32 {
        self.hard.saturating_add(self.soft)
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// A success.
    Ok,
    /// A hard failure.
    Hard,
    /// A soft failure.
    Soft,
}

/// The ring.
#[derive(Debug, Clone)]
pub struct Window {
    bucket: Duration,
    buckets: [(u64, Counts); N_BUCKETS],
}

impl Window {
    /// A window of this width; at least ten nanoseconds.
    #[must_use]
    pub fn new(width: Duration) -> Self {
        let bucket = (width / 10).max(Duration::from_nanos(1));
        Self { bucket, buckets: [(0, Counts::default()); N_BUCKETS] }
    }

    /// Adds one event at an instant.
    pub fn add(&mut self, now: Now, what: Count) {
        let number = self.number(now);
        let place = usize::try_from(number % N_BUCKETS as u64).unwrap_or(0);
        if let Some((of, counts)) = self.buckets.get_mut(place) {
            if *of != number {
                *of = number;
                *counts = Counts::default();
            }
            let count = match what {
                Count::Ok => &mut counts.ok,
                Count::Hard => &mut counts.hard,
                Count::Soft => &mut counts.soft,
            };
            *count = count.saturating_add(1);
        }
    }

    /// The counts inside the window at an instant.
    #[must_use]
    pub fn at(&self, now: Now) -> Counts {
        let number = self.number(now);
        let oldest = (number + 1).saturating_sub(N_BUCKETS as u64);
        let inside = self.buckets.iter().filter(|(of, _)| (oldest..=number).contains(of));
        inside.fold(Counts::default(), |sum, (_, it)| Counts {
            ok: sum.ok.saturating_add(it.ok),
            hard: sum.hard.saturating_add(it.hard),
            soft: sum.soft.saturating_add(it.soft),
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets = [(0, Counts::default()); N_BUCKETS];
    }

    /// Bucket numbers start at one, so that an untouched bucket (zero) is never inside a window of counts.
    fn number(&self, now: Now) -> u64 {
        let number = now.since_origin().as_nanos() / self.bucket.as_nanos().max(1);
        u64::try_from(number).unwrap_or(u64::MAX - 1).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_equal_a_recount_of_the_events_inside(steps in prop::collection::vec((0u64..3_000, 0u8..3), 1..200)) {
            let mut window = Window::new(Duration::from_secs(10));
            let mut events = Vec::new();
            let mut ms = 0;
            for (gap, what) in steps {
                ms += gap;
                let now = Now::from_origin(Duration::from_millis(ms));
                let what = [Count::Ok, Count::Hard, Count::Soft][usize::from(what)];
                window.add(now, what);
                events.push((ms / 1_000, what));
                let first = (ms / 1_000 + 1).saturating_sub(10);
                let inside = |kind| u32::try_from(events.iter().filter(|(at, it)| *at >= first && *it == kind).count()).unwrap();
                let seen = window.at(now);
                prop_assert_eq!((seen.ok, seen.hard, seen.soft), (inside(Count::Ok), inside(Count::Hard), inside(Count::Soft)));
            }
        }
    }
}
