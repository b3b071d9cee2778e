//! `switchback.toml` to a policy, or to diagnostics that a person can act on.
//!
//! Pure: text goes in; secrets and other files come through a [`Source`] that the shell gives. One run finds every
//! error of a file: first all of its grammar, then all of its meaning. Nothing is ever ignored: a key is enforced,
//! or refused as unknown or as not supported yet. Begin with [`compile`].
//!
//! The rooms: `raw` reads tables with places and knows every key; `compile` resolves names, fills in defaults and
//! reads secrets; `check` finds ladders that cannot do what they seem to; [`render`] shows the findings.

mod check;
mod codes;
mod compile;
mod diagnostic;
pub mod glob;
mod raw;
mod render;
mod secret;
pub mod select;
mod settings;
mod show;
mod suggest;
mod suppose;
mod units;

pub use codes::CODES;
pub use compile::with_model;
pub use diagnostic::{Code, Diagnostic, Severity};
pub use raw::{KEY_FAMILIES, Key, KeyFamily};
pub use render::render;
pub use secret::Secret;
pub use settings::{AppKey, AppSecret, Config, HeaderMode, ProviderSettings, Server, Store, Test};
pub use show::{Origin, Setting, render_settings, settings};
pub use suppose::{Supposed, Unsupposed};

/// What the configuration needs from outside of its text; the shell implements it.
pub trait Source {
    /// The text of a file; the path is as written, relative to the configuration file.
    ///
    /// # Errors
    /// Why it cannot be read, in a few words for people, without the path.
    fn file(&self, path: &str) -> Result<String, String>;

    /// The value of an environment variable; `None` when it is not set.
    fn variable(&self, name: &str) -> Option<String>;
}

/// What came of a text.
#[derive(Debug)]
pub struct Compiled {
    /// The configuration; `None` when any diagnostic is an error.
    pub config: Option<Config>,
    /// All findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that the text names, as written, so that a change of one can cause a reload.
    pub files: Vec<String>,
}

/// Compiles a configuration. `file_name` is how diagnostics call the file; it is not read.
#[must_use]
pub fn compile(file_name: &str, text: &str, source: &dyn Source) -> Compiled {
    compiled(file_name, text, compile::Outside::new(source))
}

/// Compiles a configuration without reading any secret, to ask what it would do where its keys are not set: each secret is
/// stood in for by its reference, and keys of `app-keys` are unknown. Never to be served.
#[must_use]
pub fn compile_offline(file_name: &str, text: &str, source: &dyn Source) -> Compiled {
    compiled(file_name, text, compile::Outside::offline(source))
}

fn compiled(file_name: &str, text: &str, mut outside: compile::Outside<'_>) -> Compiled {
    let mut report = diagnostic::Report::new(file_name, text);
    let raw = raw::read(text, &mut report);
    let draft = compile::draft(&raw, &mut outside, &mut report);
    report.set_once(true);
    check::run(&raw, &draft, &mut report);
    let failed = report.n_errors() > 0;
    let contracts = draft.contracts.into_iter().collect::<Option<Vec<_>>>().filter(|_| !failed);
    let config = contracts.map(|contracts| Config {
        policy: draft.policy,
        server: draft.server,
        store: draft.store,
        providers: draft.providers,
        contracts,
        keys: draft.keys,
        tests: draft.tests,
        floor: raw.defaults.require.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
        hash: hash(text),
    });
    Compiled { config, diagnostics: report.finish(), files: outside.into_files() }
}

/// A time with its unit, as the configuration writes it: `"8s"`, `"500ms"`, `"1.5h"`. Command lines and headers read
/// times by the same rule.
///
/// # Errors
/// What is wrong with it, and what was probably meant, in one sentence.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    units::duration(text).map_err(|problem| {
        let meant = problem.meant.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        format!("`{text}` {}{meant}", problem.what)
    })
}

/// FNV-1a, 64 bits, the first seven hexadecimal digits: to recognise a text by, not to protect it.
fn hash(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{:07x}", hash >> 36)
}

#[cfg(test)]
mod tests;
