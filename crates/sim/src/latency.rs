//! How long a simulated provider takes: three distributions, read from short text and drawn from a seeded source.
//!
//! Delays are drawn, never measured: the same seed gives the same delays on every machine. This file never sleeps.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;

/// No delay is longer, whatever the distribution draws; ten minutes, the default timeout of OpenAI's own clients.
pub const LONGEST: Duration = Duration::from_secs(600);

/// A distribution of delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same. Text: `40ms`.
    Fixed(Duration),
    /// Evenly spread between two delays, both included. Text: `20ms..80ms`.
    Uniform {
        /// The shortest delay.
        low: Duration,
        /// The longest delay.
        high: Duration,
    },
    /// The natural logarithm of the delay is normally distributed: most calls near the median, a long tail of slow ones,
    /// which is what providers look like. Text: `lognormal 80ms 0.4`.
    Lognormal {
        /// Half of the delays are shorter.
        median: Duration,
        /// Spread of the logarithm, 0 to 3. At 0.4 one call in twenty takes about twice the median.
        sigma: f64,
    },
}

/// A text that is no latency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no latency: {why}; write `40ms`, `20ms..80ms` or `lognormal 80ms 0.4`")]
pub struct BadLatency {
    /// What was given, shortened to 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

// === impl Latency ===

impl Latency {
    /// No delay at all.
    pub const NONE: Latency = Latency::Fixed(Duration::ZERO);

    /// Draws one delay; at most [`LONGEST`].
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> Duration {
        let drawn = match *self {
            Latency::Fixed(delay) => delay,
            Latency::Uniform { low, high } => low + high.saturating_sub(low).mul_f64(rng.f64()),
            Latency::Lognormal { median, sigma } => {
                let seconds = median.as_secs_f64() * (sigma * standard_normal(rng)).exp();
                Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST)
            }
        };
        drawn.min(LONGEST)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Latency::Fixed(delay) => write!(f, "{delay:?}"),
            Latency::Uniform { low, high } => write!(f, "{low:?}..{high:?}"),
            Latency::Lognormal { median, sigma } => write!(f, "lognormal {median:?} {sigma}"),
        }
    }
}

impl FromStr for Latency {
    type Err = BadLatency;

    fn from_str(text: &str) -> Result<Latency, BadLatency> {
        read(text.trim()).map_err(|why| BadLatency { text: text.chars().take(64).collect(), why })
    }
}

fn read(text: &str) -> Result<Latency, &'static str> {
    if let Some(rest) = text.strip_prefix("lognormal") {
        let mut words = rest.split_whitespace();
        let (Some(median), Some(sigma), None) = (words.next(), words.next(), words.next()) else {
            return Err("lognormal takes a median and a spread");
        };
        let sigma: f64 = sigma.parse().map_err(|_| "the spread is not a number")?;
        if !(0.0..=3.0).contains(&sigma) {
            return Err("the spread must be between 0 and 3");
        }
        return Ok(Latency::Lognormal { median: duration(median)?, sigma });
    }
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (duration(low.trim())?, duration(high.trim())?);
        return if low <= high { Ok(Latency::Uniform { low, high }) } else { Err("it ends before it begins") };
    }
    duration(text).map(Latency::Fixed)
}

/// `250us`, `40ms`, `1.5s`, `2m`, or a bare `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let units = [("ns", 1e-9), ("µs", 1e-6), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)];
    let found = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, unit) = found.ok_or("a time needs a unit: ns, us, ms, s or m")?;
    let number: f64 = number.trim().parse().map_err(|_| "the time is not a number")?;
    let delay = Duration::try_from_secs_f64(number * unit).map_err(|_| "the time is negative or far too long")?;
    if delay > LONGEST { Err("no delay may be longer than 10 minutes") } else { Ok(delay) }
}

/// Box-Muller: two even draws make one draw of the normal distribution with mean 0 and spread 1.
fn standard_normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_read_and_shown_alike() {
        for (text, latency) in [
            ("40ms", Latency::Fixed(Duration::from_millis(40))),
            ("0", Latency::NONE),
            ("1.5s", Latency::Fixed(Duration::from_millis(1500))),
            ("20ms..80ms", Latency::Uniform { low: Duration::from_millis(20), high: Duration::from_millis(80) }),
            ("lognormal 80ms 0.4", Latency::Lognormal { median: Duration::from_millis(80), sigma: 0.4 }),
        ] {
            assert_eq!(text.parse::<Latency>(), Ok(latency));
            assert_eq!(latency.to_string().parse::<Latency>(), Ok(latency));
        }
    }

    #[test]
    fn a_text_that_is_no_latency_says_what_is_wrong() {
        for text in
            ["", "40", "-1ms", "80ms..20ms", "lognormal 80ms", "lognormal 80ms 9", "lognormal 1s NaN", "11m", "inf s"]
        {
            let error = text.parse::<Latency>().unwrap_err().to_string();
            assert!(error.contains("20ms..80ms"), "{error}");
        }
    }

    #[test]
    fn draws_repeat_with_the_seed_and_stay_in_their_bounds() {
        let spread: Latency = "20ms..80ms".parse().unwrap();
        let tail: Latency = "lognormal 80ms 0.4".parse().unwrap();
        let draw = |latency: &Latency, seed| {
            let mut rng = Rng::with_seed(seed);
            (0..2000).map(|_| latency.sample(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(&tail, 7), draw(&tail, 7));
        assert_ne!(draw(&tail, 7), draw(&tail, 8));
        let even = draw(&spread, 7);
        assert!(even.iter().all(|d| (Duration::from_millis(20)..=Duration::from_millis(80)).contains(d)));
        let below = draw(&tail, 7).iter().filter(|d| **d < Duration::from_millis(80)).count();
        assert!((800..1200).contains(&below), "the median is not in the middle: {below} of 2000 below it");
    }

    #[test]
    fn no_draw_is_longer_than_the_longest() {
        let wild = Latency::Lognormal { median: LONGEST, sigma: 3.0 };
        let mut rng = Rng::with_seed(1);
        assert!((0..1000).all(|_| wild.sample(&mut rng) <= LONGEST));
    }
}
