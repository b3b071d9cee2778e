//! Reload: the whole configuration or nothing.
//!
//! A file with errors changes nothing and is announced; requests in flight finish under the configuration they began
//! with. What needs a restart is refused whole, so that no running gateway is half of two files.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use switchback_config::Config;
use tokio::time::sleep;

use crate::file::{ConfigFile, is_refused};
use crate::overrides;
use crate::state::{Shared, Snapshot};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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
    named: Mutex<Vec<String>>,
    last: Mutex<Option<LastReload>>,
}

/// What a running gateway cannot change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fixed {
    listen: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    records: std::path::PathBuf,
    keep: (Duration, u64),
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.server.listen,
            admin: config.server.admin,
            records: config.store.records.clone(),
            keep: (config.store.keep_for, config.store.keep_bytes),
        }
    }

    fn differs(&self, new: &Self) -> Option<&'static str> {
        if self.listen != new.listen {
            Some("server.listen")
        } else if self.admin != new.admin {
            Some("server.admin")
        } else if (&self.records, self.keep) != (&new.records, new.keep) {
            Some("[store]")
        } else {
            None
        }
    }
}

impl Reloader {
    pub(crate) fn new(shared: Arc<Shared>, file: ConfigFile, fixed: Fixed, named: Vec<String>) -> Self {
        Self { shared, file, fixed, named: Mutex::new(named), last: Mutex::new(None) }
    }

    /// What cannot be changed once this configuration serves.
    pub(crate) fn fixed(config: &Config) -> Fixed {
        Fixed::of(config)
    }

    /// How the last reload went; `None` before the first.
    pub(crate) fn last(&self) -> Option<LastReload> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the file as it is now. The hash of the configuration that serves afterwards.
    ///
    /// # Errors
    ///
    /// Why nothing was changed, as text for a terminal.
    pub(crate) fn reload(&self) -> Result<String, String> {
        let result = self.take();
        let at_ms = self.shared.clock.unix_ms(self.shared.clock.now());
        let why = result.as_ref().err().cloned();
        if let Some(why) = &why {
            tracing::error!("reload refused, still running {}\n{why}", self.shared.snapshot.load().hash);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastReload { ok: why.is_none(), at_ms, why });
        result
    }

    fn take(&self) -> Result<String, String> {
        let loaded = self.file.load()?;
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = loaded.compiled.files.clone();
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
        overrides::apply(&self.shared, &snapshot);
        let hash = snapshot.hash.to_string();
        self.shared.snapshot.store(Arc::new(snapshot));
        self.shared.next_revision();
        tracing::info!("reloaded: configuration {hash}");
        Ok(hash)
    }

    /// Reloads whenever the file, or one it names, has changed and then stayed the same for half a second.
    pub(crate) async fn watch(self: Arc<Self>) {
        let named = || self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut taken = self.file.look(&named());
        let mut before = taken.clone();
        let mut n_quiet = 0;
        loop {
            sleep(LOOK_EVERY).await;
            let now = self.file.look(&named());
            n_quiet = if now == before { n_quiet + 1 } else { 0 };
            before.clone_from(&now);
            if now != taken && n_quiet >= 2 {
                // A refused file is said once, and looked at again when it changes.
                let _ = self.reload();
                taken = self.file.look(&named());
                before.clone_from(&taken);
            }
        }
    }
}
