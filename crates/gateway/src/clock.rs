//! The gateway's clock: the only place where engine time and the world's time meet.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use switchback_core::time::Now;
use tokio::time::Instant;

/// A monotonic clock with a known wall-clock origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
    origin_unix: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let origin_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Instant::now(), origin_unix }
    }

    /// Time for the engine.
    pub(crate) fn now(&self) -> Now {
        Now::from_origin(self.origin.elapsed())
    }

    /// Unix milliseconds of an engine instant.
    pub(crate) fn unix_ms(&self, at: Now) -> u64 {
        u64::try_from((self.origin_unix + at.since_origin()).as_millis()).unwrap_or(u64::MAX)
    }

    /// The engine instant of Unix milliseconds; the origin for what lies before it.
    pub(crate) fn at_unix_ms(&self, unix_ms: u64) -> Now {
        Now::from_origin(Duration::from_millis(unix_ms).saturating_sub(self.origin_unix))
    }

    /// The instant for timers.
    pub(crate) fn instant(&self, at: Now) -> Instant {
        self.origin + at.since_origin()
    }
}

/// Unix milliseconds as people read them, in UTC.
pub(crate) fn shown(unix_ms: u64) -> String {
    let stamp = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| format!("{unix_ms} ms"), |it| it.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
