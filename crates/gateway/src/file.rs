//! The configuration on disk: the only place that reads its files and the environment.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use switchback_config::{Compiled, Diagnostic, Source, compile, compile_offline};

/// Largest file that is read.
const MOST: u64 = 4 * 1024 * 1024;

/// A configuration file.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
}

/// A configuration file, read and compiled.
#[derive(Debug)]
pub struct Loaded {
    /// The text, for rendering diagnostics.
    pub text: String,
    /// What came of it.
    pub compiled: Compiled,
}

/// What a file looked like, to see that it has changed.
pub(crate) type Seen = Vec<Option<(SystemTime, u64)>>;

impl ConfigFile {
    /// A file at this path.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and compiles the file.
    ///
    /// # Errors
    ///
    /// One sentence, when the file cannot be read.
    pub fn load(&self) -> Result<Loaded, String> {
        let text = read(&self.path).map_err(|why| format!("{}: {why}", self.path.display()))?;
        let compiled = compile(&self.path.to_string_lossy(), &text, &Disk { folder: self.folder() });
        Ok(Loaded { text, compiled })
    }

    /// Reads and compiles the file without reading a secret, to ask what it would do; never to serve it.
    ///
    /// # Errors
    ///
    /// One sentence, when the file cannot be read.
    pub fn load_offline(&self) -> Result<Loaded, String> {
        let text = read(&self.path).map_err(|why| format!("{}: {why}", self.path.display()))?;
        let compiled = compile_offline(&self.path.to_string_lossy(), &text, &Disk { folder: self.folder() });
        Ok(Loaded { text, compiled })
    }

    /// Every value that holds in the text of this file, and where each comes from; none where it has errors.
    #[must_use]
    pub fn settings(&self, text: &str) -> Vec<switchback_config::Setting> {
        switchback_config::settings(&self.path.to_string_lossy(), text, &Disk { folder: self.folder() })
    }

    fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// Times and sizes of the file and those it names.
    pub(crate) fn look(&self, named: &[String]) -> Seen {
        let folder = self.folder();
        let look = |path: &Path| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        std::iter::once(look(&self.path)).chain(named.iter().map(|it| look(&folder.join(it)))).collect()
    }
}

/// Whether diagnostics forbid to serve.
#[must_use]
pub fn is_refused(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|it| it.severity == switchback_config::Severity::Error)
}

struct Disk {
    folder: PathBuf,
}

impl Source for Disk {
    fn file(&self, path: &str) -> Result<String, String> {
        read(&self.folder.join(path))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the source of the configuration")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn read(path: &Path) -> Result<String, String> {
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !data.is_file() {
        return Err("is not a file".to_owned());
    }
    if data.len() > MOST {
        return Err(format!("is larger than {MOST} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
