//! What the shell needs beside the policy: addresses, secrets, files, limits. Plain data, complete and checked.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use switchback_contract::Schema;
use switchback_core::id::Name;
use switchback_core::policy::{Policy, Require};
use switchback_core::rehearse::{Expect, Scenario};
use switchback_wire::dialect::Api;

use crate::secret::Secret;

/// A whole configuration that has no errors.
#[derive(Debug)]
pub struct Config {
    /// What the engine decides by.
    pub policy: Policy,
    /// The listeners.
    pub server: Server,
    /// Where records are kept.
    pub store: Store,
    /// How providers are reached, in the order of `policy.providers`.
    pub providers: Vec<ProviderSettings>,
    /// The schemas, in the order of `policy.contracts`.
    pub contracts: Vec<Schema>,
    /// Keys of applications; none: everybody who reaches the listener is let in.
    pub keys: Vec<AppKey>,
    /// What `switchback test` proves, in file order.
    pub tests: Vec<Test>,
    /// The `require` of `[defaults]`: the floor under calls that belong to no task (`direct`, `relay`).
    pub floor: Require,
    /// Short name of this text: seven hexadecimal digits, the same for the same text (FNV-1a, 64 bits).
    pub hash: String,
}

/// `[[test]]`.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it promises; no two share one.
    pub name: Name,
    /// Line of the file where it begins, from one.
    pub line: usize,
    /// The request, and what its calls meet.
    pub scenario: Scenario,
    /// What must come of it; asks something.
    pub expect: Expect,
}

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// For applications.
    pub listen: SocketAddr,
    /// For operators.
    pub admin: SocketAddr,
    /// What an operator must send; always there unless `admin` is a loopback address.
    pub admin_token: Option<Secret>,
    /// Name of the request header that names the segment of keys that have none, in lower case.
    pub segment_from: Option<String>,
    /// Status of an exhausted ladder: 424 or 503.
    pub exhausted_status: u16,
    /// How long the head of a stream is held for the commit point.
    pub hold_head: Duration,
    /// How long a policy decision sticks to a request; `None`: off.
    pub sticky: Option<Duration>,
    /// Which response headers are sent.
    pub headers: HeaderMode,
    /// Longest request body in bytes.
    pub max_body: usize,
    /// How long requests in flight may take after the signal to stop.
    pub drain: Duration,
}

/// Which of our response headers are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMode {
    /// All.
    All,
    /// Only the request's id.
    Off,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct Store {
    /// The SQLite file.
    pub records: PathBuf,
    /// Age at which records are dropped.
    pub keep_for: Duration,
    /// Size in bytes above which the oldest records are dropped.
    pub keep_bytes: u64,
}

/// `[provider.NAME]`.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name.
    pub name: Name,
    /// The shape that it speaks.
    pub api: Api,
    /// Address to which paths such as `/chat/completions` are appended: `http` or `https`, a host, no user, no query,
    /// no slash at the end.
    pub base_url: String,
    /// Pooled credentials; at least one, an empty one where the upstream needs none.
    pub keys: Vec<Secret>,
    /// Headers for every call, with names in lower case. None of them carries a credential.
    pub headers: Vec<(String, String)>,
    /// Longest time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Further certificates (PEM) that are trusted beside the built-in ones.
    pub tls_ca: Option<String>,
    /// Tags of all its deployments.
    pub tags: Vec<Name>,
    /// Paths of other endpoints that are passed on as they are: patterns that begin with `/v1/` (see [`crate::glob`]). No
    /// two providers share a path.
    pub relay: Vec<String>,
}

/// `[key.NAME]`, or an entry of `app-keys`.
#[derive(Debug, Clone)]
pub struct AppKey {
    /// Its name, for records and metrics.
    pub name: Name,
    /// What the application sends.
    pub secret: AppSecret,
    /// Segment of all its requests.
    pub segment: Option<Name>,
    /// Patterns of the tasks that it may ask for (see [`crate::glob`]); `None`: all.
    pub tasks: Option<Vec<String>>,
    /// Whether it may call a route by name, without a ladder.
    pub direct: bool,
}

/// What an application's credential is compared with.
#[derive(Debug, Clone)]
pub enum AppSecret {
    /// The credential.
    Plain(Secret),
    /// Its SHA-256.
    Sha256([u8; 32]),
}
