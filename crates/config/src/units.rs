//! Values with units: `"8s"`, `"32MiB"`, `"50%"`, `"200ms..2s"`, and how messages write them.
//!
//! A number without a unit is refused and the likely unit is offered; nothing is ever guessed silently.

use std::time::Duration;

/// Why a value is not what its key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitProblem {
    /// What is wrong with it, to follow the quoted value.
    pub(crate) what: String,
    /// The value that was probably meant.
    pub(crate) meant: Option<String>,
}

/// Units of time in milliseconds.
const TIME: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// Units of size in bytes.
const SIZE: [(&str, u64); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// What people write instead, and the unit that they mean.
const TIME_MEANT: [(&str, &str); 15] = [
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
];
const SIZE_MEANT: [(&str, &str); 10] = [
    ("bytes", "B"),
    ("k", "KiB"),
    ("kb", "KiB"),
    ("kib", "KiB"),
    ("m", "MiB"),
    ("mb", "MiB"),
    ("mib", "MiB"),
    ("g", "GiB"),
    ("gb", "GiB"),
    ("gib", "GiB"),
];

/// Longest time that any key takes: ten years.
const LONGEST_MS: u64 = 3_650 * 86_400_000;

/// A time such as `"8s"`, `"200ms"`, `"1.5h"`.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitProblem> {
    let ms = quantity(text, &TIME, &TIME_MEANT, "a time", "s")?;
    if ms > LONGEST_MS {
        return Err(problem("is longer than ten years", None));
    }
    Ok(Duration::from_millis(ms))
}

/// A size such as `"32MiB"`, in bytes.
pub(crate) fn size(text: &str) -> Result<u64, UnitProblem> {
    quantity(text, &SIZE, &SIZE_MEANT, "a size", "MiB")
}

/// A share such as `"50%"`, as a number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, UnitProblem> {
    let Some(number) = text.strip_suffix('%') else {
        let meant = text.trim().parse::<f64>().ok().map(|it| if it <= 1.0 { it * 100.0 } else { it });
        return Err(problem("has no `%`", meant.map(|it| format!("{it}%"))));
    };
    match number.trim_end().parse::<f64>() {
        Ok(it) if (0.0..=100.0).contains(&it) => Ok(it / 100.0),
        Ok(_) => Err(problem("is not between 0% and 100%", None)),
        Err(_) => Err(problem("is not a number with `%`", None)),
    }
}

/// A span of times such as `"200ms..2s"`.
pub(crate) fn range(text: &str) -> Result<(Duration, Duration), UnitProblem> {
    let Some((low, high)) = text.split_once("..") else {
        let meant = duration(text).ok().map(|_| format!("{text}..{text}"));
        return Err(problem("is not a range `low..high`", meant));
    };
    let both = |low: &str, high: &str| format!("{low}..{high}");
    let from = duration(low).map_err(|it| UnitProblem {
        meant: it.meant.map(|meant| both(&meant, high)),
        what: format!("is not a range: its lower end {}", it.what),
    })?;
    let to = duration(high).map_err(|it| UnitProblem {
        meant: it.meant.map(|meant| both(low, &meant)),
        what: format!("is not a range: its upper end {}", it.what),
    })?;
    if from > to {
        return Err(problem("runs backwards", Some(both(high, low))));
    }
    Ok((from, to))
}

/// Time and size to keep, such as `"14d, 50GiB"`.
pub(crate) fn keep(text: &str) -> Result<(Duration, u64), UnitProblem> {
    let Some((time, bytes)) = text.split_once(',') else {
        let meant = if duration(text.trim()).is_ok() { format!("{}, 50GiB", text.trim()) } else { "14d, 50GiB".into() };
        return Err(problem("is not `time, size`", Some(meant)));
    };
    let (time, bytes) = (time.trim(), bytes.trim());
    let kept = duration(time).map_err(|it| UnitProblem {
        meant: it.meant.map(|meant| format!("{meant}, {bytes}")),
        what: format!("is not `time, size`: its time {}", it.what),
    })?;
    let size = size(bytes).map_err(|it| UnitProblem {
        meant: it.meant.map(|meant| format!("{time}, {meant}")),
        what: format!("is not `time, size`: its size {}", it.what),
    })?;
    Ok((kept, size))
}

/// A time as messages write it: `48.5 s`, `400 ms`.
pub(crate) fn in_seconds(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 1_000 && ms > 0 {
        return format!("{ms} ms");
    }
    let tenths = (ms + 50) / 100;
    if tenths.is_multiple_of(10) { format!("{} s", tenths / 10) } else { format!("{}.{} s", tenths / 10, tenths % 10) }
}

/// A time as the file writes it, in the largest unit that keeps it whole: `48500ms`, `49s`, `5m`.
pub(crate) fn written(time: Duration) -> String {
    let ms = time.as_millis();
    let unit = TIME.iter().rev().find(|(_, size)| ms > 0 && ms.is_multiple_of(u128::from(*size)));
    let (unit, size) = unit.copied().unwrap_or(("ms", 1));
    format!("{}{unit}", ms / u128::from(size))
}

fn problem(what: &str, meant: Option<String>) -> UnitProblem {
    UnitProblem { what: what.to_owned(), meant }
}

fn quantity(
    text: &str,
    units: &[(&str, u64)],
    meant: &[(&str, &str)],
    what: &str,
    usual: &str,
) -> Result<u64, UnitProblem> {
    let split = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let names = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some(value) = number.parse::<f64>().ok().filter(|_| !number.is_empty() && number.len() <= 18) else {
        return Err(problem(&format!("is not {what} (a number and one of {})", names()), None));
    };
    if let Some((_, size)) = units.iter().find(|(name, _)| *name == unit) {
        let whole = number.parse::<u64>().ok().and_then(|it| it.checked_mul(*size));
        // Fractions are exact enough: a few parts in 10^15 of a time or a size.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded, positive"
        )]
        return Ok(whole.unwrap_or((value * *size as f64) as u64));
    }
    if unit.is_empty() {
        return Err(problem("has no unit", Some(format!("{number}{usual}"))));
    }
    let written = unit.trim().to_ascii_lowercase();
    let known = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(&written)).map(|(name, _)| *name);
    let known = known.or_else(|| meant.iter().find(|(name, _)| *name == written).map(|(_, unit)| *unit));
    Err(problem(&format!("is not {what} (units are {})", names()), known.map(|unit| format!("{number}{unit}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant<T: std::fmt::Debug>(result: Result<T, UnitProblem>) -> String {
        result.unwrap_err().meant.unwrap_or_default()
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("0.1s"), Ok(Duration::from_millis(100)));
    }

    #[test]
    fn a_slip_in_a_unit_is_told_with_what_was_meant() {
        assert_eq!(meant(duration("8")), "8s");
        assert_eq!(meant(duration("8 s")), "8s");
        assert_eq!(meant(duration("8 Seconds")), "8s");
        assert_eq!(meant(duration("5min")), "5m");
        assert_eq!(meant(size("32MB")), "32MiB");
        assert_eq!(meant(size("32")), "32MiB");
        assert_eq!(meant(share("50")), "50%");
        assert_eq!(meant(share("0.5")), "50%");
        assert_eq!(meant(range("200..2s")), "200s..2s");
        assert_eq!(meant(range("2s..200ms")), "200ms..2s");
        assert_eq!(meant(keep("14d")), "14d, 50GiB");
        assert_eq!(meant(keep("14d, 50GB")), "14d, 50GiB");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "s", "-8s", "8e3s", "..", "1.2.3s", "99999999999999999999s", "4000d", "∞s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        assert_eq!(in_seconds(Duration::from_millis(48_500)), "48.5 s");
        assert_eq!(in_seconds(Duration::from_secs(8)), "8 s");
        assert_eq!(in_seconds(Duration::from_millis(400)), "400 ms");
        assert_eq!(written(Duration::from_secs(49)), "49s");
        assert_eq!(written(Duration::from_secs(300)), "5m");
        assert_eq!(written(Duration::from_millis(1_500)), "1500ms");
    }
}
