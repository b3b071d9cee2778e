//! The arithmetic: percentiles of one measurement, and the spread of several. Knows nothing of what was measured.

use std::time::Duration;

use serde::Serialize;

/// Lowest, middle and highest of several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without values. The median of an even number is the mean of the two in the middle.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let lower = if sorted.len().is_multiple_of(2) { *sorted.get(middle - 1)? } else { upper };
        Some(Self { min: *sorted.first()?, median: f64::midpoint(lower, upper), max: *sorted.last()? })
    }
}

/// The value that so many percent are at or below (nearest rank), in microseconds. Sorts; 0 without values.
pub(crate) fn percentile_us(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times.get(rank - 1).map_or(0.0, |it| it.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_micros).collect()
    }

    #[test]
    fn a_percentile_is_a_value_that_was_seen_whatever_the_order() {
        let mut times = micros((1..=100).rev());
        assert_eq!((percentile_us(&mut times, 50), percentile_us(&mut times, 99)), (50.0, 99.0));
        assert_eq!(percentile_us(&mut times, 100), 100.0);
        let mut few = micros([7, 3, 5]);
        assert_eq!((percentile_us(&mut few, 50), percentile_us(&mut few, 99)), (5.0, 7.0));
        assert_eq!(percentile_us(&mut micros([4]), 1), 4.0);
        assert_eq!(percentile_us(&mut [], 50), 0.0);
    }

    #[test]
    fn one_slow_call_in_a_hundred_is_above_the_99th_percentile_and_two_are_in_it() {
        let mut one = micros(std::iter::repeat_n(1, 99).chain([900]));
        assert_eq!(percentile_us(&mut one, 99), 1.0);
        let mut two = micros(std::iter::repeat_n(1, 98).chain([900, 900]));
        assert_eq!(percentile_us(&mut two, 99), 900.0);
    }

    #[test]
    fn a_spread_has_the_extremes_and_the_middle() {
        assert_eq!(Spread::of(&[3.0, -1.0, 2.0]), Some(Spread { min: -1.0, median: 2.0, max: 3.0 }));
        assert_eq!(Spread::of(&[1.0, 4.0]).map(|it| it.median), Some(2.5));
        assert_eq!(Spread::of(&[]), None);
    }
}
