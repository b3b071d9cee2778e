//! A running gateway: started from a configuration, followed, reloaded, drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use switchback_config::Config;
use switchback_core::record::DecisionRecord;
use switchback_store::{Keep, Store};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::file::ConfigFile;
use crate::listen::{self, Drain, Limits};
use crate::overrides::{self, Changing, Overrides};
use crate::reload::{LOOK_EVERY, Reloader};
use crate::service;
use crate::state::{Shared, Snapshot, StartError};
use crate::tasks::Tasks;

/// What a gateway is started from.
#[derive(Debug)]
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The file it came from, to be watched and reloaded; `None`: it stays as it is.
    pub file: Option<ConfigFile>,
    /// Files that the configuration names.
    pub named: Vec<String>,
    /// Whether all providers are simulated; shown wherever figures are.
    pub simulated: bool,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    listen: SocketAddr,
    admin: SocketAddr,
    shared: Arc<Shared>,
    reloader: Option<Arc<Reloader>>,
    tasks: Arc<Tasks>,
    drain: Drain,
    drain_within: Duration,
}

impl Gateway {
    /// Opens the store, listens on both addresses and serves.
    ///
    /// # Errors
    ///
    /// What keeps it from serving; nothing is left behind then.
    pub async fn start(start: Start) -> Result<Self, StartError> {
        let Start { config, file, named, simulated } = start;
        let keep = Keep { span: config.store.keep_for, bytes: config.store.keep_bytes };
        let (listener, listen) = bind(config.server.listen).await?;
        let (admin_listener, admin) = bind(config.server.admin).await?;
        let store = Store::open(&config.store.records, keep)?;
        let overrides = Overrides::new(store.overrides()?);
        let clock = Clock::start();
        let drain_within = config.server.drain;
        let watched = file.map(|file| (file, Reloader::fixed(&config)));
        let shared = Arc::new(Shared::new(Snapshot::new(config, None)?, store, overrides, clock));
        overrides::apply(&shared, &shared.snapshot.load(), 0);
        overrides::trip_again(&shared, &shared.snapshot.load(), 0);
        let reloader = watched.map(|(file, fixed)| Arc::new(Reloader::new(Arc::clone(&shared), file, fixed, named)));

        let (tasks, drain) = (Arc::new(Tasks::new()), Drain::new());
        let served = Arc::clone(&shared);
        let service = move |request| service::serve(Arc::clone(&served), request);
        tasks.spawn(listen::serve(listener, Limits::default(), service, drain.signal(), drain_within));
        let operators = Admin {
            shared: Arc::clone(&shared),
            reloader: reloader.clone(),
            simulated,
            tasks: Arc::clone(&tasks),
            followers: Arc::default(),
        };
        tasks.spawn_unwaited(admin::serve(admin_listener, operators));
        tasks.spawn_unwaited(keep_house(Arc::clone(&shared)));
        if let Some(reloader) = &reloader {
            tasks.spawn_unwaited(watch(Arc::clone(reloader)));
        }
        Ok(Self { listen, admin, shared, reloader, tasks, drain, drain_within })
    }

    /// The applications' address.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The operators' address.
    #[must_use]
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The short name of the configuration that serves.
    #[must_use]
    pub fn config(&self) -> String {
        self.shared.snapshot.load().hash.to_string()
    }

    /// Overrides that are in force, as sentences.
    #[must_use]
    pub fn overrides(&self) -> Vec<String> {
        let shown = |it: &switchback_store::Override| {
            let until = it
                .until_ms
                .map_or_else(|| "until enabled".to_owned(), |ms| format!("until {}", crate::clock::shown(ms)));
            if it.kind == "trip" {
                return format!("{} is tripped by {} until its probes close it: {}", it.route, it.by, it.reason);
            }
            format!("{} is disabled by {} {until}: {}", it.route, it.by, it.reason)
        };
        self.shared.overrides.all().iter().map(shown).collect()
    }

    /// Every route with its state: `closed`, `open`, `half_open`, `disabled` or `gone`.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, &'static str)> {
        admin::states(&self.shared)
    }

    /// Records of requests from now on, as they finish. A follower that lags loses some.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Arc<DecisionRecord>> {
        self.shared.events.subscribe()
    }

    /// Takes the file as it is now, because a signal asked for it: so the audit says. The short name of the
    /// configuration that serves afterwards. Reads files and waits for the store, so that it blocks: not for a thread
    /// that serves requests.
    ///
    /// # Errors
    ///
    /// Why nothing was changed.
    pub fn reload(&self) -> Result<String, String> {
        let none = || "this gateway does not run from a file".to_owned();
        let reloader = self.reloader.as_ref().ok_or_else(none)?;
        reloader.reload(&mut Changing::begin(&self.shared), "signal", "SIGHUP")
    }

    /// Takes no new requests, lets those in flight finish within the configured time, and writes what is left.
    pub async fn drain(self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.drain.begin();
        self.tasks.wait(self.drain_within + Duration::from_secs(1)).await;
        self.tasks.stop();
        self.shared.store.clone().close().await;
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let wrong = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

/// Ends overrides whose time is over.
async fn keep_house(shared: Arc<Shared>) {
    let mut every = interval(Duration::from_millis(500));
    loop {
        every.tick().await;
        let shared = Arc::clone(&shared);
        // The store's changes block; they get a thread of their own.
        let _ = tokio::task::spawn_blocking(move || Changing::begin(&shared).expire()).await;
    }
}

/// Looks at the file again and again, and takes what has changed.
async fn watch(reloader: Arc<Reloader>) {
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let reloader = Arc::clone(&reloader);
        // Files and the store block.
        let _ = tokio::task::spawn_blocking(move || reloader.look()).await;
    }
}
