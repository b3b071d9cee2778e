//! Which fault the next call meets: a rule switched at run time, or else the model name.
//!
//! Rules are globs over the model name with a sequence of faults each; one entry per call, the last one for ever after.
//! This file decides only; it never answers, and it knows nothing of sockets.

use serde::Serialize;

use crate::fault::{Fault, UnknownFault};

/// No more rules are kept; setting one more forgets the oldest.
const MOST_RULES: usize = 256;

/// The rules switched at run time.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Rule>,
}

/// One rule: the calls of which models meet which faults. Also what `GET /_sim/state` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Glob over the model name as the caller sent it: `*` is any text, `?` any one character.
    pub model: String,
    /// One fault per call; the last entry repeats.
    pub faults: Vec<Fault>,
    /// Index of the entry that the next matching call meets.
    pub next: usize,
}

// === impl Script ===

impl Script {
    /// Sets the rule of a glob; the newest rule that matches a model wins. No faults at all removes the rule.
    pub(crate) fn set(&mut self, model: &str, faults: Vec<Fault>) {
        self.rules.retain(|rule| rule.model != model);
        if faults.is_empty() {
            return;
        }
        if self.rules.len() >= MOST_RULES {
            self.rules.remove(0);
        }
        self.rules.push(Rule { model: model.to_owned(), faults, next: 0 });
    }

    /// Forgets all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault of the next call for this model, counted as one call of its rule. `Ok(None)`: no fault.
    ///
    /// # Errors
    /// [`UnknownFault`] if no rule matches and the model name asks for a fault that does not exist.
    pub(crate) fn take(&mut self, model: &str) -> Result<Option<Fault>, UnknownFault> {
        let Some(rule) = self.rules.iter_mut().rev().find(|rule| glob(&rule.model, model)) else {
            return Fault::of_model(model).map(real);
        };
        let fault = rule.current();
        // A refused caller never gets this far, so `refused` is not used up by calls: only a new rule ends it.
        if fault != Some(Fault::Refused) && rule.next + 1 < rule.faults.len() {
            rule.next += 1;
        }
        Ok(real(fault))
    }

    /// Whether some rule stands at `refused`: then nothing may listen, because a refused connection has no model name yet.
    pub(crate) fn refuses(&self) -> bool {
        self.rules.iter().any(|rule| rule.current() == Some(Fault::Refused))
    }

    /// The rules, oldest first.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.rules.clone()
    }
}

// === impl Rule ===

impl Rule {
    fn current(&self) -> Option<Fault> {
        self.faults.get(self.next).copied()
    }
}

fn real(fault: Option<Fault>) -> Option<Fault> {
    fault.filter(|fault| *fault != Fault::Ok)
}

/// Glob match with one point of return, so that the time is at most the product of the lengths.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read, mut retry) = (0, 0, None);
    while let Some(&letter) = text.get(read) {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, read));
            }
            Some(&wanted) if wanted == '?' || wanted == letter => {
                at += 1;
                read += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    at = after_star;
                    read = taken + 1;
                    retry = Some((after_star, read));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_a_shell_does() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "gpt-sim", true),
            ("gpt-*", "gpt-sim", true),
            ("*-sim", "gpt-sim-sim", true),
            ("g?t*m", "gpt-sim", true),
            ("gpt-sim", "gpt-sim", true),
            ("gpt", "gpt-sim", false),
            ("gpt-?", "gpt-sim", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("", "gpt", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_sequence_gives_one_fault_per_call_and_repeats_its_last() {
        let mut script = Script::default();
        script.set("gpt-*", vec![Fault::ServerError, Fault::Ok, Fault::Hang]);
        let taken: Vec<_> = (0..4).map(|_| script.take("gpt-sim").unwrap()).collect();
        assert_eq!(taken, [Some(Fault::ServerError), None, Some(Fault::Hang), Some(Fault::Hang)]);
        assert_eq!(script.take("other"), Ok(None));
    }

    #[test]
    fn a_rule_beats_the_model_name_and_the_newest_rule_wins() {
        let mut script = Script::default();
        script.set("*", vec![Fault::Quota]);
        script.set("gpt-*", vec![Fault::Ok]);
        assert_eq!(script.take("gpt-sim+500"), Ok(None));
        assert_eq!(script.take("claude+500"), Ok(Some(Fault::Quota)));
        script.set("*", vec![]);
        assert_eq!(script.take("claude+500"), Ok(Some(Fault::ServerError)));
    }

    #[test]
    fn refused_stays_until_the_rule_changes() {
        let mut script = Script::default();
        script.set("*", vec![Fault::Refused, Fault::Ok]);
        assert!(script.refuses());
        assert_eq!(script.take("gpt"), Ok(Some(Fault::Refused)));
        assert!(script.refuses());
        script.clear();
        assert!(!script.refuses());
    }

    #[test]
    fn rules_are_bounded() {
        let mut script = Script::default();
        for i in 0..1000 {
            script.set(&format!("model-{i}"), vec![Fault::Empty]);
        }
        assert_eq!(script.rules().len(), MOST_RULES);
        assert_eq!(script.take("model-999"), Ok(Some(Fault::Empty)));
    }
}
