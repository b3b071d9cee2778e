//! "Did you mean": the model of a provider whose name is nearest to one that the catalogue does not have.
//!
//! A slip of the hand is told apart from a newer version by its digits: they must be the same. `gpt-5.6` is no mistyped
//! `gpt-5.5`, and the catalogue is always older than the newest model.

use super::{digits, models_of};

/// Longest name that is compared, in bytes.
const LONGEST: usize = 128;
/// Most letters that may differ.
const MOST: usize = 3;

/// The id of the provider's model that was probably meant: the same but for letter case, or with another owner before
/// the slash (`gpt-oss-120b` for `openai/gpt-oss-120b`), or with at most a quarter of its letters and no more than three
/// different. The digits must be the same. Of equally near ones the first wins.
#[must_use]
pub fn near(provider: &str, model: &str) -> Option<&'static str> {
    if model.len() > LONGEST {
        return None;
    }
    let wanted = model.to_ascii_lowercase();
    let mut best: Option<(usize, &'static str)> = None;
    for id in models_of(provider).filter(|it| it.len() <= LONGEST && digits(it).eq(digits(model))) {
        if let Some(away) = away(&wanted, &id.to_ascii_lowercase())
            && best.is_none_or(|(least, _)| away < least)
        {
            best = Some((away, id));
        }
    }
    best.map(|(_, id)| id)
}

/// How far apart two names in lower case are; `None` is too far.
fn away(wanted: &str, id: &str) -> Option<usize> {
    if wanted == id {
        return Some(0);
    }
    let own = |name: &str| name.rsplit('/').next().map(str::len).unwrap_or_default();
    let shorter = own(wanted).min(own(id));
    if own(wanted) == own(id) && shorter > 0 && wanted.bytes().rev().take(shorter).eq(id.bytes().rev().take(shorter)) {
        return Some(1);
    }
    let allowed = (wanted.len() / 4).clamp(1, MOST);
    (wanted.len().abs_diff(id.len()) <= allowed).then(|| distance(wanted, id)).filter(|it| *it <= allowed)
}

/// Edits between two names: insertion, deletion, replacement.
fn distance(from: &str, to: &str) -> usize {
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, here) in from.bytes().enumerate() {
        let mut left = row + 1;
        let mut current = vec![left];
        for (there, pair) in to.bytes().zip(above.windows(2)) {
            let &[diagonal, upper] = pair else { continue };
            left = (diagonal + usize::from(here != there)).min(upper + 1).min(left + 1);
            current.push(left);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}
