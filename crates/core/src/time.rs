//! Time as an argument: an instant on a clock that the caller owns.
//!
//! The engine never reads a clock. The gateway passes time since its start, the simulation passes virtual time, and
//! both drive the same code. Never add a way to ask for the current time here.

use std::ops::{Add, Sub};
use std::time::Duration;

/// An instant, as time since an origin that the caller chose (the gateway: its start; a simulation: zero).
///
/// Monotonic by contract: a caller never passes a smaller value after a larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Now(Duration);

impl Now {
    /// The origin of the caller's clock.
    pub const ZERO: Now = Now(Duration::ZERO);

    /// An instant this long after the origin.
    #[must_use]
    pub const fn from_origin(since: Duration) -> Self {
        Now(since)
    }

    /// Time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Now) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Time until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Now) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

impl Add<Duration> for Now {
    type Output = Now;

    fn add(self, span: Duration) -> Now {
        Now(self.0.saturating_add(span))
    }
}

impl Sub<Duration> for Now {
    type Output = Now;

    fn sub(self, span: Duration) -> Now {
        Now(self.0.saturating_sub(span))
    }
}

/// Whole milliseconds of a span, saturating; the unit of records and headers.
#[must_use]
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
