//! Turns the look-ahead that Pydantic and Zod write into patterns that match in linear time.
//!
//! Both export look-ahead for everyday types: Pydantic for `Decimal`, Zod for e-mail addresses, host names and
//! durations. Refusing those would refuse their users. A look-ahead right after `^` says the same as a second pattern
//! that must, or must not, match, and is split off so; the few known ones that stand elsewhere are rewritten by hand.
//! Everything else that needs a backtracking engine is refused: back-references, look-behind, look-ahead further in.

/// Zod's ISO duration, as `z.iso.duration()` exports it.
const ZOD_DURATION: &str =
    r"^P(?:(\d+W)|(?!.*W)(?=\d|T\d)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$";
/// The same without look-ahead; what it forbids is [`EMPTY_DURATION`].
const PLAIN_DURATION: &str = r"^P(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:[.,]\d+)?S)?)?)$";
/// A duration that names no amount, or none after its `T`.
const EMPTY_DURATION: &str = r"^P$|T$";
/// How Pydantic's pattern for a `Decimal` with bounded digits goes on after its leading look-ahead.
const PYDANTIC_DIGITS: &str = r"^[+-]?0*(?:\d{0,";

/// Why a pattern is refused.
pub(crate) const BACK_REFERENCE: &str = "uses a back-reference, which cannot be matched in linear time";
/// Why a pattern is refused.
pub(crate) const LOOK_AROUND: &str = "uses look-around, which cannot be matched in linear time";
/// Why a pattern is refused.
pub(crate) const NOT_COMPILED: &str = "is not a regular expression, or is too large a one";

/// A pattern as patterns without look-around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    /// Must match.
    pub(crate) main: String,
    /// Must match too.
    pub(crate) also: Vec<String>,
    /// Must not match.
    pub(crate) never: Vec<String>,
}

/// What a scan over a pattern met outside of classes.
#[derive(Default)]
struct Scan {
    look_around: bool,
    back_reference: bool,
    top_level_branch: bool,
}

/// Splits the look-ahead off a pattern; `None` when there is none and the pattern can stay as it is.
///
/// # Errors
/// Why the pattern cannot be matched in linear time.
pub(crate) fn split(pattern: &str) -> Result<Option<Split>, &'static str> {
    let scan = scan(pattern);
    if scan.back_reference {
        return Err(BACK_REFERENCE);
    }
    if !scan.look_around {
        return Ok(None);
    }
    if pattern == ZOD_DURATION {
        return Ok(Some(Split {
            main: PLAIN_DURATION.to_owned(),
            also: Vec::new(),
            never: vec![EMPTY_DURATION.to_owned()],
        }));
    }
    match pattern.strip_prefix('^') {
        Some(rest) if !scan.top_level_branch => split_leading(rest).map(Some),
        _ => Err(LOOK_AROUND),
    }
}

fn split_leading(mut rest: &str) -> Result<Split, &'static str> {
    let (mut also, mut never) = (Vec::new(), Vec::new());
    while let Some((negative, tail)) = look_ahead(rest) {
        let end = closing(tail).ok_or(LOOK_AROUND)?;
        let (inner, after) = (tail.get(..end).unwrap_or_default(), tail.get(end + 1..).unwrap_or_default());
        // `(?=x)*` or `(?!x)?` would make the condition optional.
        if scan(inner).look_around || after.starts_with(['*', '?', '+', '{']) {
            return Err(LOOK_AROUND);
        }
        let list = if negative { &mut never } else { &mut also };
        list.push(format!("^(?:{inner})"));
        rest = after;
    }
    let mut main = format!("^{rest}");
    if scan(&main).look_around {
        // The first branch of Pydantic's bounded `Decimal` can be empty and has no `$`: it takes every text, so that
        // only the leading look-ahead ever refuses one.
        let takes_everything = main.starts_with(PYDANTIC_DIGITS) && main.contains("}|(?=") && main.ends_with("0*$)");
        if !takes_everything {
            return Err(LOOK_AROUND);
        }
        main = "^".to_owned();
    }
    Ok(Split { main, also, never })
}

/// Whether the text starts with a look-ahead: if it is a negative one, and what follows its opening.
fn look_ahead(text: &str) -> Option<(bool, &str)> {
    let negative = text.strip_prefix("(?!").map(|tail| (true, tail));
    negative.or_else(|| text.strip_prefix("(?=").map(|tail| (false, tail)))
}

/// Where the parenthesis closes whose inside the text starts with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut found = None;
    outside_classes(text, |at, rest| match (rest.chars().next(), depth) {
        (Some('('), _) => depth += 1,
        (Some(')'), 0) => found = found.or(Some(at)),
        (Some(')'), _) => depth -= 1,
        _ => (),
    });
    found
}

fn scan(pattern: &str) -> Scan {
    let mut met = Scan::default();
    let mut depth = 0_usize;
    outside_classes(pattern, |_, rest| {
        met.look_around |= ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|open| rest.starts_with(open));
        match rest.chars().next() {
            Some('(') => depth += 1,
            Some(')') => depth = depth.saturating_sub(1),
            Some('|') => met.top_level_branch |= depth == 0,
            Some('\\') => {
                met.back_reference |= rest.starts_with("\\k") || matches!(rest.as_bytes().get(1), Some(b'1'..=b'9'));
            }
            _ => (),
        }
    });
    met
}

/// Calls `each` with every character outside of `[…]` (an escape counts as one) and the pattern from there on.
fn outside_classes(pattern: &str, mut each: impl FnMut(usize, &str)) {
    let mut in_class = false;
    let mut characters = pattern.char_indices();
    while let Some((at, character)) = characters.next() {
        let rest = pattern.get(at..).unwrap_or_default();
        if !in_class && character != '[' {
            each(at, rest);
        }
        match character {
            '\\' => _ = characters.next(),
            '[' => in_class = true,
            ']' => in_class = false,
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zods_email_keeps_its_meaning() {
        let email = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$";
        let split = split(email).unwrap().unwrap();
        assert_eq!(split.never, [r"^(?:\.)", r"^(?:.*\.\.)"]);
        assert!(split.main.starts_with("^([A-Za-z0-9_'+") && split.also.is_empty());
    }

    #[test]
    fn a_look_ahead_that_is_not_at_the_start_is_refused() {
        for pattern in ["a(?=b)c", "^a(?!b)", "(?<=a)b", "^(?<!a)b", "^(?!a)b|c", "^(?=(?!a)b)c", "^(?!a)*b", "^(?!a"] {
            assert_eq!(split(pattern), Err(LOOK_AROUND), "{pattern}");
        }
    }

    #[test]
    fn a_back_reference_is_refused_and_its_look_alikes_are_not() {
        assert_eq!(split(r"^(a+)\1$"), Err(BACK_REFERENCE));
        assert_eq!(split(r"(?<x>a)\k<x>"), Err(BACK_REFERENCE));
        for plain in [r"\\1", r"[(?=]+", r"\(\?!", r"^\d{3}$", r"[\]\1]", "(?:a|b)", "(?<x>a)"] {
            assert_eq!(split(plain), Ok(None), "{plain}");
        }
    }
}
