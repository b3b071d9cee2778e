//! What is not in the file: other files and the environment, read through the shell's [`Source`].

use crate::Source;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};
use crate::raw::tree::At;
use crate::secret::{Reference, Secret};

/// Reads files and variables, and remembers which files were named.
pub(crate) struct Outside<'a> {
    source: &'a dyn Source,
    /// Whether secrets are left where they are.
    offline: bool,
    files: Vec<String>,
}

/// Largest secret, in bytes; a signed token has some thousand.
const LARGEST_SECRET: usize = 64 * 1024;

impl<'a> Outside<'a> {
    pub(crate) fn new(source: &'a dyn Source) -> Self {
        Self { source, offline: false, files: Vec::new() }
    }

    /// One that reads no secret: each is stood in for by its reference.
    pub(crate) fn offline(source: &'a dyn Source) -> Self {
        Self { offline: true, ..Self::new(source) }
    }

    pub(crate) const fn is_offline(&self) -> bool {
        self.offline
    }

    /// Every file that was named, once, in the order of the naming.
    pub(crate) fn into_files(self) -> Vec<String> {
        self.files
    }

    /// The text of a file that `user` needs.
    pub(crate) fn file(&mut self, path: &At<String>, user: &str, report: &mut Report<'_>) -> Option<String> {
        match self.read(&path.value) {
            Ok(text) => Some(text),
            Err(problem) => {
                report.add(
                    Diagnostic::error(
                        codes::MISSING_FILE,
                        &path.span,
                        format!("{} cannot be read", shown(&path.value)),
                    )
                    .label(problem)
                    .effect(format!("Used by {user}. Paths are relative to the configuration file."))
                    .fix("create the file, or correct the path"),
                );
                None
            }
        }
    }

    /// A text value: itself, or the content of `"file:PATH"` without the last line break.
    pub(crate) fn text(&mut self, text: &At<String>, user: &str, report: &mut Report<'_>) -> Option<String> {
        let Some(path) = text.value.strip_prefix("file:") else { return Some(text.value.clone()) };
        let path = At { value: path.to_owned(), span: text.span.clone() };
        let content = self.file(&path, user, report)?;
        Some(without_last_break(&content).to_owned())
    }

    /// A secret; `effect` says who is hurt without it.
    pub(crate) fn secret(
        &mut self,
        reference: &At<Reference>,
        effect: impl FnOnce() -> String,
        report: &mut Report<'_>,
    ) -> Option<Secret> {
        if self.offline {
            return Some(Secret::new(reference.value.to_string()));
        }
        match self.look_up(&reference.value) {
            Ok(Some(text)) => sound(&reference.value, &reference.span, text, report),
            missing => {
                let (message, fix) = missing_words(&reference.value, missing.err());
                report.add(
                    Diagnostic::error(codes::MISSING_SECRET, &reference.span, message)
                        .label("needed here")
                        .effect(effect())
                        .fix(fix),
                );
                None
            }
        }
    }

    fn look_up(&mut self, reference: &Reference) -> Result<Option<String>, String> {
        match reference {
            Reference::Variable(name) => Ok(self.source.variable(name)),
            Reference::File(path) => self.read(path).map(Some),
        }
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        if !self.files.iter().any(|it| it == path) {
            self.files.push(path.to_owned());
        }
        self.source.file(path)
    }
}

fn missing_words(reference: &Reference, problem: Option<String>) -> (String, String) {
    match reference {
        Reference::Variable(name) => (format!("env:{name} is not set"), format!("export {name}=…")),
        Reference::File(path) => (
            format!("file:{path} cannot be read: {}", problem.unwrap_or_default()),
            "mount the secret, or correct the path".to_owned(),
        ),
    }
}

/// Takes a secret that can be sent; the last line break of a file is not part of it.
fn sound(reference: &Reference, span: &Span, text: String, report: &mut Report<'_>) -> Option<Secret> {
    let secret = Secret::new(text);
    let trimmed = Secret::new(without_last_break(secret.expose()).to_owned());
    let value = trimmed.expose();
    let problem = if value.is_empty() {
        "is empty"
    } else if value.len() > LARGEST_SECRET {
        "is larger than 64 KiB"
    } else if value.chars().any(char::is_control) {
        "has line breaks or control characters"
    } else if value.trim() != value {
        "begins or ends with a space"
    } else {
        return Some(trimmed);
    };
    let fix = match reference {
        Reference::Variable(name) => format!("export {name}=… with the secret alone"),
        Reference::File(_) => "put the secret alone into the file, on one line".to_owned(),
    };
    report.add(
        Diagnostic::error(codes::BAD_SECRET, span, format!("{reference} {problem}"))
            .label("no credential looks so")
            .fix(fix),
    );
    None
}

fn without_last_break(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}
