//! Numbers, times and marks as people read them. Unknown is `?`, never zero; a mark always comes with its word.

use maud::{Markup, html};
use switchback_core::failure::CLASSES;
use switchback_core::outcome::SKIPS;

/// Most characters of a text that a page shows; records bound their own texts, this bounds the page whatever comes.
const LONGEST: usize = 600;
/// Below this many requests a share says more than it knows.
pub(crate) const ENOUGH: u64 = 30;

/// An outcome's shape and word, and the class of the style sheet for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) shape: &'static str,
    pub(crate) word: &'static str,
    pub(crate) style: &'static str,
}

const fn mark_of(shape: &'static str, word: &'static str, style: &'static str) -> Mark {
    Mark { shape, word, style }
}

/// The outcomes in the order in which pages show them.
pub(crate) const MARKS: [Mark; 5] = [
    mark_of("●", "ok", "ok"),
    mark_of("◐", "recovered", "recovered"),
    mark_of("▼", "degraded", "degraded"),
    mark_of("■", "refused", "refused"),
    mark_of("✕", "failed", "failed"),
];

/// The mark of an outcome; one that this version does not know keeps a mark of its own.
pub(crate) fn mark(outcome: &str) -> Mark {
    MARKS.into_iter().find(|it| it.word == outcome).unwrap_or(mark_of("◇", "other", "other"))
}

/// Shape and word of an outcome.
pub(crate) fn badge(outcome: &str) -> Markup {
    let mark = mark(outcome);
    html! {
        span class={ "mark " (mark.style) } { span class="shape" aria-hidden="true" { (mark.shape) } " " (clip(outcome)) }
    }
}

/// A text, cut where it is longer than any page needs.
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, LONGEST)
}

/// The first `most` characters of a text; `…` says that there was more.
pub(crate) fn clip_to(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `12 ms`, `0.31 s`, `8.00 s`: as `explain` writes them.
pub(crate) fn seconds(ms: u64) -> String {
    if ms < 100 {
        return format!("{ms}\u{a0}ms");
    }
    format!("{}.{:02}\u{a0}s", ms / 1_000, ms % 1_000 / 10)
}

/// [`seconds`], or `?`.
pub(crate) fn seconds_or_unknown(ms: Option<u64>) -> String {
    ms.map_or_else(|| "?".to_owned(), seconds)
}

/// A longer time, to the unit that matters: `9 s`, `44 min`, `6 h`, `3 d`.
pub(crate) fn span(ms: u64) -> String {
    match ms.div_ceil(1_000) {
        s @ 0..=119 => format!("{s}\u{a0}s"),
        s @ 120..=7_199 => format!("{}\u{a0}min", s / 60),
        s @ 7_200..=172_799 => format!("{}\u{a0}h", s / 3_600),
        s => format!("{}\u{a0}d", s / 86_400),
    }
}

/// `3 412`: thousands apart by a narrow space that does not break.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 request`, `3 412 requests`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    format!("{}\u{a0}{one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A share: `12.3 %`, but `2 of 14` where a percentage would pretend to know; `–` of nothing.
pub(crate) fn share(part: u64, all: u64) -> String {
    match all {
        0 => "–".to_owned(),
        1..ENOUGH => format!("{part} of {all}"),
        _ => {
            // Whole tenths, rounded away from both ends: 99.97 % is not "100 %", and a little is not nothing.
            let per_mille = u128::from(part) * 1_000 / u128::from(all);
            let per_mille = if part > 0 && per_mille == 0 { 1 } else { per_mille };
            format!("{}.{}\u{a0}%", per_mille / 10, per_mille % 10)
        }
    }
}

/// Dollars, or `?` where they are not known.
pub(crate) fn dollars(usd: Option<f64>) -> String {
    let Some(usd) = usd.filter(|it| it.is_finite()) else { return "?".to_owned() };
    if usd == 0.0 {
        return "$0".to_owned();
    }
    if usd.abs() < 0.000_001 {
        return "< $0.000001".to_owned();
    }
    let text = format!("{usd:.6}");
    let shown = text.trim_end_matches('0').trim_end_matches('.');
    format!("${shown}")
}

/// What a failure class means, in words; nothing for one that the table does not have.
pub(crate) fn class_words(class: &str) -> Option<&'static str> {
    CLASSES.iter().find(|row| row.name == class).map(|row| row.words)
}

/// Why a rung did not run, in words.
pub(crate) fn reason_words(reason: &str) -> Option<&'static str> {
    SKIPS.iter().find(|row| row.name == reason).map(|row| row.words)
}

/// A moment: the time of day, with the day where it is not that of `now_ms`; UTC.
pub(crate) fn moment(ms: u64, now_ms: u64) -> Markup {
    let it = Civil::of(ms);
    let day = (ms / DAY != now_ms / DAY).then(|| it.day());
    html! {
        time datetime=(it.iso()) { @if let Some(day) = day { (day) " " } (it.time()) }
    }
}

/// `14:06`, for the axis of a chart; UTC.
pub(crate) fn minute(ms: u64) -> String {
    let it = Civil::of(ms);
    format!("{:02}:{:02}", it.hour, it.minute)
}

/// A day and a time of day in UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// === impl Civil ===

impl Civil {
    /// By Hinnant's algorithm: years begin in March, so that the leap day is the last.
    fn of(unix_ms: u64) -> Self {
        let days = (unix_ms / DAY).min(MOST_DAYS) + 719_468;
        let (era, in_era) = (days / 146_097, days % 146_097);
        let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * in_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let second = unix_ms % DAY / 1_000;
        Self {
            year: era * 400 + year + u64::from(month <= 2),
            month,
            day: in_year - (153 * from_march + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    fn time(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    fn day(&self) -> String {
        let month = usize::try_from(self.month).ok().and_then(|it| MONTHS.get(it.checked_sub(1)?));
        format!("{}\u{a0}{}", self.day, month.unwrap_or(&"?"))
    }

    fn iso(&self) -> String {
        format!("{:04}-{:02}-{:02}T{}Z", self.year, self.month, self.day, self.time())
    }
}

/// The last day of the year 9999: a later one is a broken clock.
const MOST_DAYS: u64 = 2_932_896;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right_around_leap_days_and_at_the_ends() {
        for (ms, iso) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_000, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_709_251_199_000, "2024-02-29T23:59:59Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00Z"),
            (1_763_647_600_000, "2025-11-20T14:06:40Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Civil::of(ms).iso(), iso);
        }
        assert!(Civil::of(u64::MAX).iso().starts_with("9999-12-31"));
    }

    #[test]
    fn an_unknown_cost_is_a_question_mark_and_a_small_one_is_not_nothing() {
        assert_eq!(dollars(None), "?");
        assert_eq!(dollars(Some(f64::NAN)), "?");
        assert_eq!(dollars(Some(0.0)), "$0");
        assert_eq!(dollars(Some(0.000_000_01)), "< $0.000001");
        assert_eq!(dollars(Some(0.0183)), "$0.0183");
        assert_eq!(dollars(Some(0.1 + 0.2)), "$0.3");
        assert_eq!(dollars(Some(12.0)), "$12");
    }

    #[test]
    fn a_share_of_few_is_told_as_few_and_a_little_is_not_nothing() {
        assert_eq!(share(0, 0), "–");
        assert_eq!(share(2, 14), "2 of 14");
        assert_eq!(share(1, 100_000), "0.1\u{a0}%");
        assert_eq!(share(99_999, 100_000), "99.9\u{a0}%");
        assert_eq!(share(50, 50), "100.0\u{a0}%");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
