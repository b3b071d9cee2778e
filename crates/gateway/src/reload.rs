//! Reload: the whole configuration or nothing.
//!
//! A file with errors changes nothing and is announced; requests in flight finish under the configuration they began
//! with. What needs a restart is refused whole, so that no running gateway is half of two files.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use switchback_config::Config;

use crate::file::{ConfigFile, Loaded, Seen, is_refused};
use crate::overrides::Changing;
use crate::state::{Shared, Snapshot};

/// How often the file is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most times that a file is read for one reload, where what it names changes meanwhile.
const MOST_READS: usize = 3;

/// How the last reload went.
#[derive(Debug, Clone, Serialize)]
pub struct LastReload {
    /// Whether it was taken.
    pub ok: bool,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Reloads a file into a running gateway.
#[derive(Debug)]
pub(crate) struct Reloader {
    shared: Arc<Shared>,
    file: ConfigFile,
    fixed: Fixed,
    /// What the file that was read last looked like before it was read, and which files it names.
    read: Mutex<Read>,
    watched: Mutex<Watched>,
    last: Mutex<Option<LastReload>>,
}

#[derive(Debug)]
struct Read {
    named: Vec<String>,
    seen: Seen,
}

/// What the look before saw, and how many looks in a row saw the same.
#[derive(Debug, Default)]
struct Watched {
    before: Seen,
    n_quiet: u32,
}

/// What a running gateway cannot change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fixed {
    listen: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    drain: Duration,
    records: std::path::PathBuf,
    keep: (Duration, u64),
}

// === impl Fixed ===

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.server.listen,
            admin: config.server.admin,
            drain: config.server.drain,
            records: config.store.records.clone(),
            keep: (config.store.keep_for, config.store.keep_bytes),
        }
    }

    fn differs(&self, new: &Self) -> Option<&'static str> {
        if self.listen != new.listen {
            Some("server.listen")
        } else if self.admin != new.admin {
            Some("server.admin")
        } else if self.drain != new.drain {
            Some("server.drain")
        } else if (&self.records, self.keep) != (&new.records, new.keep) {
            Some("[store]")
        } else {
            None
        }
    }
}

// === impl Reloader ===

impl Reloader {
    pub(crate) fn new(shared: Arc<Shared>, file: ConfigFile, fixed: Fixed, named: Vec<String>) -> Self {
        let seen = file.look(&named);
        let read = Mutex::new(Read { named, seen });
        Self { shared, file, fixed, read, watched: Mutex::default(), last: Mutex::new(None) }
    }

    /// What cannot be changed once this configuration serves.
    pub(crate) fn fixed(config: &Config) -> Fixed {
        Fixed::of(config)
    }

    /// How the last reload went; `None` before the first.
    pub(crate) fn last(&self) -> Option<LastReload> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the file as it is now. The hash of the configuration that serves afterwards. Reads files and waits for
    /// the store: call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// Why nothing was changed, as text for a terminal.
    pub(crate) fn reload(&self, changing: &mut Changing<'_>, by: &str, reason: &str) -> Result<String, String> {
        let result = self.take(changing, by, reason);
        let at_ms = self.shared.clock.unix_ms(self.shared.clock.now());
        let why = result.as_ref().err().cloned();
        if let Some(why) = &why {
            tracing::error!("reload refused, still running {}\n{why}", self.shared.snapshot.load().hash);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastReload { ok: why.is_none(), at_ms, why });
        result
    }

    fn take(&self, changing: &mut Changing<'_>, by: &str, reason: &str) -> Result<String, String> {
        let loaded = self.read()?;
        let shown = self.file.path().to_string_lossy().into_owned();
        let render = |it| switchback_config::render(it, &[(shown.as_str(), loaded.text.as_str())], false);
        let (false, Some(config)) = (is_refused(&loaded.compiled.diagnostics), loaded.compiled.config) else {
            return Err(render(&loaded.compiled.diagnostics));
        };
        if let Some(what) = self.fixed.differs(&Fixed::of(&config)) {
            return Err(format!("{what} has changed, which needs a restart; nothing of the file was taken"));
        }
        let before = self.shared.snapshot.load();
        let snapshot = Snapshot::new(config, Some(&before)).map_err(|it| it.to_string())?;
        let hash = snapshot.hash.to_string();
        let unkept = |error| format!("the audit cannot be kept, so nothing was changed: the store: {error}");
        changing.reload(snapshot, by, reason).map_err(unkept)?;
        tracing::info!("reloaded: configuration {hash}");
        Ok(hash)
    }

    /// Reads the file. What it looks like is noted before, so that a change while it is read is seen afterwards; where
    /// it names other files than before, it is read again with those looked at, too.
    fn read(&self) -> Result<Loaded, String> {
        let mut named = self.known().named.clone();
        let mut n_reads = 0;
        loop {
            let seen = self.file.look(&named);
            let loaded = self.file.load();
            let names = loaded.as_ref().map_or_else(|_| named.clone(), |it| it.compiled.files.clone());
            n_reads += 1;
            if names == named || n_reads == MOST_READS {
                *self.known() = Read { named: names, seen };
                return loaded;
            }
            named = names;
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the files are as they were when they were read last.
    fn is_read(&self) -> bool {
        let known = self.known();
        known.seen == self.file.look(&known.named)
    }

    /// One look at the files: reloads when one of them has changed and then stayed the same for half a second. Blocks
    /// like [`Self::reload`]; called every [`LOOK_EVERY`].
    pub(crate) fn look(&self) {
        let named = self.known().named.clone();
        let now = self.file.look(&named);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.n_quiet = if now == watched.before { watched.n_quiet + 1 } else { 0 };
        watched.before = now;
        if watched.n_quiet < 2 || self.is_read() {
            return;
        }
        let mut changing = Changing::begin(&self.shared);
        // Somebody may have reloaded while this waited for its turn.
        if !self.is_read() {
            // A refused file is said once, and looked at again when it changes.
            let _ = self.reload(&mut changing, "watch", "the file has changed");
        }
    }
}
