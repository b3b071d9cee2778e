//! A provider simulator with a fault catalogue: every way in which a language model API fails, on demand and repeatable.
//!
//! Used in-process by `switchback demo`, tests and the benchmark, and alone by `switchback sim`. It speaks OpenAI's shape
//! (`POST /v1/chat/completions`) and Anthropic's (`POST /v1/messages`) over plain HTTP/1.1, on the same port. Which fault a call meets is
//! decided, in this order, by
//!
//! 1. a rule switched at run time ([`Sim::set_fault`], or `POST /_sim/faults`): a glob over model names and a sequence of faults,
//!    one per call, the last one for ever; `ok` is a call that succeeds, whatever the model name says;
//! 2. the model name: `gpt-sim+500` fails as `500` does;
//! 3. nothing: the answer is normal.
//!
//! A normal answer keeps what was asked: text echoes the last user message; a promised JSON Schema is filled in; tools are called
//! when demanded, or when the last user message contains the word "tool" ("two tools": two calls). Both shapes say the same. Everything is
//! determined by the seed and the order of calls, clocks included; only `at_ms` of the log and what is said of limits are measured.
//!
//! Any key is accepted but the literal `wrong`; OpenAI's shape needs none, Anthropic's does. Keys can have limits
//! ([`Sim::set_limits`]). It never contacts anybody, and every answer of it carries `x-switchback-simulated: true`.
//!
//! OpenAI's shape ignores what it does not know. Anthropic's refuses it with 400 as the real API does, so that a request that was
//! translated wrongly does not pass.

mod ask;
mod control;
mod desk;
mod fault;
mod front;
mod latency;
mod limits;
mod playback;
mod provider;
mod said;
mod schema;
mod script;
mod shape;
mod shape_anthropic;
mod shape_openai;
mod turn;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use desk::Desk;
use front::Front;

pub use desk::SeenCall;
pub use fault::{Elsewhere, Fault, FaultRow, UnknownFault};
pub use latency::{BadLatency, LONGEST as LONGEST_LATENCY, Latency};
pub use limits::Limits;
pub use script::Rule;
pub use shape::Shape;

/// How a simulator is started.
#[derive(Debug, Clone, PartialEq)]
pub struct SimSettings {
    /// Where the provider listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What all chance is drawn from.
    pub seed: u64,
    /// The time to the first token.
    pub first_token: Latency,
    /// The time between tokens. An answer in one body comes after the time that its tokens would have taken.
    pub between_tokens: Latency,
    /// The provider's name, which its texts mention.
    pub name: String,
}

/// A running simulator. Dropping it ends it abruptly; [`Sim::stop`] waits until its ports are closed.
pub struct Sim {
    desk: Arc<Desk>,
    control_addr: SocketAddr,
    stop: watch::Sender<bool>,
    ports: JoinSet<()>,
}

/// A simulator that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the simulator cannot listen on {addr}: {source}")]
pub struct SimError {
    /// The address it wanted.
    pub addr: SocketAddr,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

// === impl SimSettings ===

impl Default for SimSettings {
    /// A free port of this machine, seed 1, no delays, the name `sim`.
    fn default() -> SimSettings {
        SimSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            first_token: Latency::NONE,
            between_tokens: Latency::NONE,
            name: "sim".to_owned(),
        }
    }
}

// === impl Sim ===

impl Sim {
    /// Starts listening: the provider on the address of the settings, control on the port after it (any free one, if that port is
    /// taken or the settings leave the port open). Must be called inside a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`SimError`] if an address cannot be had.
    #[expect(clippy::unused_async, reason = "starting a server belongs to a runtime; the signature says so")]
    pub async fn start(settings: SimSettings) -> Result<Sim, SimError> {
        let addr = settings.listen;
        let front = Front::listen(addr).map_err(|source| SimError { addr, source })?;
        let control = Arc::new(listen_for_control(addr)?);
        let control_addr = control.addr();
        let desk = Arc::new(Desk::new(settings, front));
        let (stop, stopped) = watch::channel(false);
        let mut ports = JoinSet::new();
        ports.spawn(provider::serve_port(desk.clone(), None, stopped.clone()));
        ports.spawn(provider::serve_port(desk.clone(), Some(control), stopped));
        Ok(Sim { desk, control_addr, stop, ports })
    }

    /// Where the provider listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.desk.front.addr()
    }

    /// Where control listens, also while the provider refuses connections.
    #[must_use]
    pub fn control_addr(&self) -> SocketAddr {
        self.control_addr
    }

    /// The base URL for an OpenAI client: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr())
    }

    /// The base URL for an Anthropic client: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn anthropic_base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Switches the faults of all models that match a glob (`*` any text, `?` one character): one entry per call, the last one
    /// repeats, none at all removes the rule. The newest rule that matches a model wins; 256 are kept. In force on return.
    ///
    /// While any rule stands at [`Fault::Refused`], the provider does not listen, for no model: a refused connection has not named
    /// one. No call uses such an entry up; only a change of rules ends it. Connections open at that moment are reset, unless a call
    /// brought its sequence there: then they finish their answers.
    pub fn set_fault(&self, model_glob: &str, faults: Vec<Fault>) {
        self.desk.set_fault(model_glob, faults);
    }

    /// Removes all rules; model names still count.
    pub fn clear_faults(&self) {
        self.desk.clear_faults();
    }

    /// Sets what each key may use in a window, for all keys whose last four characters match a glob. The newest rule that matches
    /// a key wins; 64 are kept. Limits without any number remove the rule. In force on return. Calls without a key count as one
    /// key that only `*` matches.
    ///
    /// A call beyond its limits is answered with 429, says when to come back, and uses no fault up. Other answers carry the truth
    /// about what is left, instead of the roomy figures of a key without limits.
    pub fn set_limits(&self, key_glob: &str, limits: Limits) {
        self.desk.set_limits(key_glob, limits);
    }

    /// Removes all limits and forgets what was used.
    pub fn clear_limits(&self) {
        self.desk.clear_limits();
    }

    /// The calls seen so far, newest last; at most the last 10 000. A refused connection is no call.
    #[must_use]
    pub fn calls(&self) -> Vec<SeenCall> {
        self.desk.calls()
    }

    /// How many calls are being answered right now. Falls when a caller hangs up.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.desk.open_calls()
    }

    /// Ends all connections and closes both ports.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.ports.join_next().await.is_some() {}
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("addr", &self.addr())
            .field("control_addr", &self.control_addr)
            .finish_non_exhaustive()
    }
}

/// The port after the provider's if there is one and it is free, else any.
fn listen_for_control(provider: SocketAddr) -> Result<Front, SimError> {
    let any = SocketAddr::new(provider.ip(), 0);
    let next = provider.port().checked_add(1).filter(|port| *port > 1);
    let next = next.map(|port| SocketAddr::new(provider.ip(), port));
    let front = next.and_then(|next| Front::listen(next).ok()).map_or_else(|| Front::listen(any), Ok);
    front.map_err(|source| SimError { addr: any, source })
}
