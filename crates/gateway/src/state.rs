//! What requests share: one immutable snapshot of the whole configuration, and the few things that outlive it.
//!
//! A request takes the snapshot once and finishes under it, whatever is reloaded meanwhile. Health is carried from
//! snapshot to snapshot; records, sticky decisions and overrides belong to the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use switchback_config::{Config, ProviderSettings, Server};
use switchback_contract::Schema;
use switchback_core::dice::Dice;
use switchback_core::failure::ClassSet;
use switchback_core::health::Health;
use switchback_core::id::{Name, RouteId};
use switchback_core::policy::{
    PerSurface, Policy, Repair, Require, RetryWait, Role, Rung, RungKind, Surface, Task, Try,
};
use switchback_core::record::DecisionRecord;
use switchback_core::route::Deployment;
use switchback_store::Store;
use switchback_wire::dialect::{Api, Credential};
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::keys::KeyRing;
use crate::names::{self, Found, Names};
use crate::overrides::{self, Overrides};
use crate::promises::Promises;
use crate::reject::Rejected;
use crate::relays::Relays;
use crate::sticky::Sticky;
use crate::telemetry::Metrics;
use crate::tls;
use crate::upstream::{Endpoint, Upstream};

/// Idle upstream connections kept per credential.
const MAX_IDLE: usize = 64;
/// How long an idle upstream connection is kept: below the 60 s after which common front ends close theirs.
const IDLE_FOR: Duration = Duration::from_secs(50);
/// Finished requests that a follower may lag behind.
const EVENTS: usize = 1_024;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) store: Store,
    pub(crate) sticky: Sticky,
    pub(crate) overrides: Overrides,
    pub(crate) rejected: Rejected,
    pub(crate) metrics: Metrics,
    pub(crate) draining: AtomicBool,
    pub(crate) events: broadcast::Sender<Arc<DecisionRecord>>,
    pub(crate) in_flight: AtomicU64,
    /// Grows with every change that an operator or a reload makes.
    pub(crate) revision: AtomicU64,
}

/// One configuration, ready to serve.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) policy: Arc<Policy>,
    pub(crate) names: Names,
    pub(crate) health: Health,
    /// What stays as it is while names are added.
    fixed: Arc<Fixed>,
}

/// What of a configuration never changes while it serves.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) server: Server,
    pub(crate) contracts: Vec<Schema>,
    /// The same as providers are given them.
    pub(crate) natives: Vec<Native>,
    pub(crate) promises: Promises,
    pub(crate) keys: KeyRing,
    pub(crate) providers: Vec<Provider>,
    pub(crate) relays: Relays,
    pub(crate) hash: Name,
    /// How metrics name the promise that a request makes by itself.
    pub(crate) own_contract: Name,
}

impl std::ops::Deref for Snapshot {
    type Target = Fixed;

    fn deref(&self) -> &Fixed {
        &self.fixed
    }
}

/// A contract's schema for providers.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) name: Name,
    pub(crate) text: Arc<str>,
    pub(crate) strict: bool,
}

/// How a provider is called.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) api: Api,
    pub(crate) upstream: Upstream,
    pub(crate) uri: Uri,
    pub(crate) connect_timeout: Duration,
    /// Whether it takes being asked for the usage of a stream; learned when it does not.
    pub(crate) tells_usage: AtomicBool,
    /// As it was configured: what a star's model needs to be made.
    settings: ProviderSettings,
    /// Complete headers per key.
    pub(crate) headers: Vec<HeaderMap>,
}

/// Why a configuration that compiled cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A base URL that is none.
    #[error("provider {provider}: {why}")]
    Provider {
        /// Its name.
        provider: Name,
        /// What is wrong.
        why: String,
    },
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Two application keys with one secret.
    #[error("application key {0} has the secret of another key")]
    SameKey(Name),
    /// The store cannot be opened.
    #[error("the store: {0}")]
    Store(#[from] switchback_store::StoreError),
}

// === impl Shared ===

impl Shared {
    pub(crate) fn new(snapshot: Snapshot, store: Store, overrides: Overrides, clock: Clock) -> Self {
        Self {
            overrides,
            clock,
            snapshot: ArcSwap::from_pointee(snapshot),
            store,
            sticky: Sticky::new(),
            rejected: Rejected::default(),
            metrics: Metrics::new(),
            draining: AtomicBool::new(false),
            events: broadcast::Sender::new(EVENTS),
            in_flight: AtomicU64::new(0),
            revision: AtomicU64::new(1),
        }
    }

    /// Chance for what is not a request's.
    pub(crate) fn dice(&self) -> Dice {
        Dice::seeded(self.clock.unix_ms(self.clock.now()))
    }

    /// The configuration that serves, with a task made for the model that `named` stands for. What operators have done to
    /// the star holds for the model.
    pub(crate) fn starred(&self, named: &str) -> Arc<Snapshot> {
        let mut made = None;
        self.snapshot.rcu(|current| {
            let grown = current.with_starred(named).map_or_else(|| Arc::clone(current), Arc::new);
            let from = u32::try_from(current.policy.routes.len()).unwrap_or(u32::MAX);
            overrides::apply(self, &grown, from);
            overrides::trip_again(self, &grown, from);
            made = Some(Arc::clone(&grown));
            grown
        });
        made.unwrap_or_else(|| self.snapshot.load_full())
    }

    /// The number of the next change.
    pub(crate) fn next_revision(&self) -> u64 {
        self.revision.fetch_add(1, Ordering::AcqRel) + 1
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// A snapshot of a configuration; health is carried over from `before`.
    ///
    /// # Errors
    ///
    /// A provider that cannot be called as configured.
    pub(crate) fn new(config: Config, before: Option<&Snapshot>) -> Result<Self, StartError> {
        let relays = relays(&config);
        let mut policy = config.policy;
        add_direct_tasks(&mut policy, &config.floor);
        let providers = config.providers.iter().map(Provider::new).collect::<Result<_, _>>()?;
        let contracts = policy.contracts.iter().zip(&config.contracts);
        let natives = contracts.map(|(name, schema)| Native {
            name: Name::clone(name),
            text: Arc::clone(schema.text()),
            strict: schema.fits_strict(),
        });
        let natives = natives.collect();
        let fixed = Fixed {
            server: config.server,
            natives,
            contracts: config.contracts,
            promises: Promises::new(),
            keys: KeyRing::new(&config.keys).map_err(StartError::SameKey)?,
            providers,
            relays: Relays::new(relays),
            hash: config.hash.into(),
            own_contract: "request".into(),
        };
        // Last, because it changes what both share: nothing may fail after it.
        let health = before.map_or_else(|| Health::new(&policy), |it| it.health.carried_over(&it.policy, &policy));
        Ok(Self { names: Names::new(&policy), policy: Arc::new(policy), health, fixed: Arc::new(fixed) })
    }

    /// The same with a task made for the model that a star of its names matched. `None` where the name means something
    /// else by now.
    fn with_starred(&self, named: &str) -> Option<Self> {
        let Found::Starred { task, model } = self.names.find(&self.policy, named) else { return None };
        let for_model = |star: &Deployment| {
            let provider = self.providers.get(star.provider.index())?;
            Some(switchback_config::with_model(star, &provider.settings, &model))
        };
        let (policy, made) = names::starred(&self.policy, task, &model, for_model)?;
        let mut names = self.names.clone();
        names.keep(named, made);
        let health = self.health.grown(&policy);
        Some(Self { policy: Arc::new(policy), names, health, fixed: Arc::clone(&self.fixed) })
    }
}

/// Which paths are passed on, to providers that satisfy what every call must.
fn relays(config: &Config) -> Vec<(Name, usize)> {
    let mut relays = Vec::new();
    for (place, (settings, provider)) in config.providers.iter().zip(&config.policy.providers).enumerate() {
        if config.floor.is_met(provider.region.as_deref(), &settings.tags) {
            relays.extend(settings.relay.iter().map(|glob| (Name::from(glob.as_str()), place)));
        }
    }
    relays
}

/// Every route can be asked for by its own name where the key permits it: one rung, one call, no ladder.
fn add_direct_tasks(policy: &mut Policy, floor: &Require) {
    let named = policy.routes.iter().enumerate().filter(|(_, route)| !route.name.contains('*'));
    let tasks = named.map(|(place, route)| {
        let id = RouteId(u32::try_from(place).unwrap_or(u32::MAX));
        let it = Try {
            route: id,
            role: Role::Primary,
            retries: 0,
            timeout: Duration::from_secs(60),
            first_token: None,
            idle: Duration::from_secs(20),
            with: Vec::new(),
            instruction: None,
        };
        let rung = Rung {
            kind: RungKind::Try(it),
            name: Name::clone(&route.name),
            segments: None,
            surface: None,
            when: ClassSet::usual(),
            place: None,
        };
        Task {
            name: Name::clone(&route.name),
            names: Vec::new(),
            about: None,
            kind: "chat".into(),
            contract: None,
            native: false,
            repair: Repair::default(),
            require: floor.clone(),
            surface: Surface::Interactive,
            deadline: PerSurface::both(Duration::from_secs(60)),
            max_attempts: 1,
            retry_wait: RetryWait { low: Duration::ZERO, high: Duration::ZERO },
            stream: None,
            stream_deadline: Duration::from_secs(600),
            ladder: vec![rung],
            direct: true,
        }
    });
    let tasks: Vec<Task> = tasks.collect();
    policy.tasks.extend(tasks);
}

// === impl Provider ===

impl Provider {
    /// Whether it carries each of these tags.
    pub(crate) fn carries(&self, tags: &[Name]) -> bool {
        tags.iter().all(|it| self.settings.tags.contains(it))
    }

    fn new(settings: &ProviderSettings) -> Result<Self, StartError> {
        let wrong = |why: String| StartError::Provider { provider: Name::clone(&settings.name), why };
        let endpoint = Endpoint::parse(&settings.base_url).map_err(|it| wrong(it.to_string()))?;
        let tls = tls::client_config(settings.tls_ca.as_deref()).map_err(|it| wrong(it.to_string()))?;
        let path = format!("{}{}", endpoint.base_path(), settings.api.path());
        let uri = path.parse::<Uri>().map_err(|it| wrong(format!("the path {path} cannot be requested: {it}")))?;
        let common = common_headers(settings, &endpoint).map_err(wrong)?;
        let headers = settings.keys.iter().map(|key| {
            let mut headers = common.clone();
            if !key.expose().is_empty() {
                let (name, text) = match settings.api.credential() {
                    Credential::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
                    Credential::Header(name) => (HeaderName::from_static(name), key.expose().to_owned()),
                };
                let mut value = HeaderValue::from_str(&text)
                    .map_err(|_| wrong("a key has characters that cannot stand in a header".to_owned()))?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            Ok::<_, StartError>(headers)
        });
        Ok(Self {
            api: settings.api,
            headers: headers.collect::<Result<_, _>>()?,
            upstream: Upstream::new(endpoint, settings.connect_timeout, Some(tls), MAX_IDLE, IDLE_FOR),
            uri,
            tells_usage: AtomicBool::new(true),
            settings: settings.clone(),
            connect_timeout: settings.connect_timeout,
        })
    }
}

fn common_headers(settings: &ProviderSettings, endpoint: &Endpoint) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let host =
        HeaderValue::from_str(&endpoint.authority()).map_err(|_| "the host cannot stand in a header".to_owned())?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("switchback/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in settings.api.fixed_headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in &settings.headers {
        let parsed = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        let (Ok(name), Ok(value)) = parsed else { return Err(format!("header {name} cannot be sent")) };
        headers.insert(name, value);
    }
    Ok(headers)
}
