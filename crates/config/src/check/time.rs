//! Whether the slowest path through a ladder fits its task's deadline.
//!
//! Per rung: the timeout, and for each retry the longest wait and the timeout again, as far as `max-attempts` goes
//! (retries never take the attempts that rungs below need). Of a rung whose timeout nobody set, retries are not
//! counted: the built-in value is generous, and with it every file would be warned of. Repairs are counted where their
//! contract gives them a timeout, by the same reasoning.

use std::fmt::Write as _;
use std::time::Duration;

use switchback_core::policy::{RetryWait, Surface, Task};

use super::{Case, ModelRung};
use crate::codes;
use crate::raw::rung::RawKind;
use crate::raw::tree::At;
use crate::units::{in_seconds, written};

/// One rung on the slowest path.
struct Leg {
    number: usize,
    name: String,
    terms: Vec<Term>,
    ends: Duration,
}

/// A part of the time of a rung.
struct Term {
    time: Duration,
    is_repair: bool,
}

/// Warns once per task, of the first world and surface that does not fit.
pub(super) fn check(case: &mut Case<'_, '_, '_>) {
    let own_timeout = case.ladder.written.settings.timeout.is_some();
    for world in case.worlds {
        let deadline = case.task.deadline.of(world.surface);
        let models = world.model_rungs();
        let legs = legs(case.task, &models, own_timeout, true);
        let needed = legs.last().map_or(Duration::ZERO, |it| it.ends);
        if needed <= deadline {
            continue;
        }
        let without_retries = self::legs(case.task, &models, own_timeout, false).last().map_or(needed, |it| it.ends);
        let both = case.task.deadline.interactive == case.task.deadline.background;
        let on = if both { String::new() } else { format!(" on surface {}", world.surface.name()) };
        let message = format!(
            "{} cannot always finish{on}: the slowest path needs {}, the deadline is {}",
            case.task.name,
            in_seconds(needed),
            in_seconds(deadline)
        );
        let name = &case.ladder.written.name;
        let given = given_deadline(case, world.surface);
        let label = if given.is_some() { "the deadline" } else { "the deadline is the usual one" };
        let span = given.map_or_else(|| name.span.clone(), |it| it.span.clone());
        let effect = table(&legs, deadline);
        let fix = fix(needed, deadline, without_retries);
        case.warn(codes::DEADLINE_SHORT, &span, message, |it| it.label(label).effect(effect).fix(fix));
        return;
    }
}

fn given_deadline<'a>(case: &Case<'a, '_, '_>, surface: Surface) -> Option<&'a At<Duration>> {
    let of = |deadline: &'a crate::raw::task::RawDeadline| match surface {
        Surface::Interactive => deadline.interactive.as_ref(),
        Surface::Background => deadline.background.as_ref(),
    };
    of(&case.ladder.written.settings.deadline)
}

fn legs(task: &Task, models: &[ModelRung<'_>], own_timeout: bool, with_retries: bool) -> Vec<Leg> {
    let mut left = task.max_attempts;
    let repair = task.repair.timeout.filter(|_| task.contract.is_some());
    let mut repairs = if repair.is_some() { task.repair.tries } else { 0 };
    let mut ends = Duration::ZERO;
    let mut legs = Vec::new();
    for (at, model) in models.iter().enumerate() {
        if left == 0 {
            break;
        }
        let RawKind::Try(written) = &model.written.kind else { continue };
        let below = u32::try_from(models.len() - at - 1).unwrap_or(u32::MAX);
        let counted = with_retries && (own_timeout || written.timeout.is_some());
        let retries = if counted { model.call.retries.min(left.saturating_sub(below + 1)) } else { 0 };
        left -= 1 + retries;
        let call = |time: Duration| Term { time, is_repair: false };
        let mut terms = vec![call(model.call.timeout)];
        for n in 1..=retries {
            terms.extend([call(longest_wait(task.retry_wait, n)), call(model.call.timeout)]);
        }
        let mended = repairs.min(left.saturating_sub(below));
        repairs -= mended;
        left -= mended;
        terms.extend((0..mended).filter_map(|_| Some(Term { time: repair?, is_repair: true })));
        ends += terms.iter().map(|it| it.time).sum::<Duration>();
        legs.push(Leg { number: model.written.number, name: model.rung.name.to_string(), terms, ends });
    }
    legs
}

/// The longest that wait `n` of a rung can be: `min(high, low·2ⁿ)`.
fn longest_wait(wait: RetryWait, n: u32) -> Duration {
    wait.low.saturating_mul(2_u32.saturating_pow(n.min(31))).min(wait.high).max(wait.low)
}

/// The arithmetic, one rung per line.
fn table(legs: &[Leg], deadline: Duration) -> String {
    let widest = legs.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let term = |it: &Term| format!("{}{}", if it.is_repair { "repair " } else { "" }, in_seconds(it.time));
    let sums: Vec<String> = legs.iter().map(|leg| leg.terms.iter().map(term).collect::<Vec<_>>().join(" + ")).collect();
    let widest_sum = sums.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut begins = Duration::ZERO;
    for (leg, sum) in legs.iter().zip(&sums) {
        let remark = if begins >= deadline {
            "  ← never gets to run on this path".to_owned()
        } else if leg.ends > deadline {
            format!("  ← past {}: it would be cut off", in_seconds(deadline))
        } else {
            String::new()
        };
        let line_break = if text.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{line_break}rung {}  {:widest$}  {:widest_sum$}  ends at {}{remark}",
            leg.number,
            leg.name,
            sum,
            in_seconds(leg.ends)
        );
        begins = leg.ends;
    }
    text
}

fn fix(needed: Duration, deadline: Duration, without_retries: Duration) -> String {
    let whole = Duration::from_secs(needed.as_secs() + u64::from(needed.subsec_nanos() > 0));
    let retries = if without_retries >= needed {
        String::new()
    } else if without_retries <= deadline {
        " (retries = 0 is enough)".to_owned()
    } else {
        format!(" (retries = 0 alone still needs {})", in_seconds(without_retries))
    };
    format!("raise deadline to \"{}\", or shorten the timeouts{retries}", written(whole))
}
