//! Secrets and the references to them.
//!
//! A secret is wiped from memory when dropped and never printed: its `Debug` and `Display` are `***`. In the file
//! only references stand (`env:NAME`, `file:path`); the shell resolves them through [`Source`](crate::Source).

use std::fmt;

use zeroize::Zeroizing;

use crate::diagnostic::looks_secret;

/// A credential.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the credential.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The credential itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none: an upstream without keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Enough to recognise it by: `sk-…w3Q, 51 characters`. Of short ones only the length.
    #[must_use]
    pub fn hint(&self) -> String {
        let n_characters = self.0.chars().count();
        if n_characters < 20 {
            return format!("{n_characters} characters");
        }
        let head: String = self.0.chars().take(3).collect();
        let tail: String = self.0.chars().skip(n_characters - 3).collect();
        format!("{head}…{tail}, {n_characters} characters")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `env:NAME`.
    Variable(String),
    /// `file:path`.
    File(String),
}

impl Reference {
    /// Reads `env:NAME` or `file:path`; anything else is not a reference, and neither is a key typed behind `env:`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) if is_variable(name) => Some(Reference::Variable(name.to_owned())),
            ("file", path) if !path.is_empty() && !path.contains('\0') => Some(Reference::File(path.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Variable(name) => write!(f, "env:{name}"),
            Reference::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// Whether a shell could set a variable of this name.
fn is_variable(name: &str) -> bool {
    let sound = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    sound && name.bytes().next().is_some_and(|it| !it.is_ascii_digit()) && !looks_secret(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("sk-proj-abcdefghijklmnopqrstuvw3Q".into());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.hint(), "sk-…w3Q, 33 characters");
        assert_eq!(Secret::new("hunter2".into()).hint(), "7 characters");
    }

    #[test]
    fn only_references_are_references() {
        assert_eq!(Reference::parse("env:A"), Some(Reference::Variable("A".into())));
        assert_eq!(Reference::parse("file:/run/a"), Some(Reference::File("/run/a".into())));
        for text in
            ["", "env:", "A", "sk-abc", "ENV:A", "env", "env:1A", "env:sk-abc", "env:sk_live_0123456789", "file:"]
        {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
