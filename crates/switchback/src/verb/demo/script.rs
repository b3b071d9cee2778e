//! The outage of the demo: what breaks when, in which words, and the configuration that meets it.

use std::time::Duration;

use switchback_config::Source;
use switchback_sim::{Fault, Sim};
use tokio::time::{Instant, sleep_until};

use crate::say;

/// The three simulated providers.
pub(super) struct Providers {
    pub(super) a: Sim,
    pub(super) b: Sim,
    pub(super) c: Sim,
}

/// One scene: when, what changes, and what is said of it.
struct Scene {
    at_s: u64,
    provider: Provider,
    fault: Option<Fault>,
    said: &'static str,
}

#[derive(Clone, Copy)]
enum Provider {
    A,
    B,
}

/// The scenes, from the beginning of the outage. The last one ends it; after a pause it begins again.
const SCENES: &[Scene] = &[
    Scene { at_s: 0, provider: Provider::A, fault: Some(Fault::Hang), said: "sim-a takes requests and never answers" },
    Scene {
        at_s: 15,
        provider: Provider::B,
        fault: Some(Fault::Overloaded),
        said: "sim-b is overloaded, too: only the small sim-c is left",
    },
    Scene { at_s: 25, provider: Provider::B, fault: None, said: "sim-b is well again" },
    Scene {
        at_s: 30,
        provider: Provider::A,
        fault: None,
        said: "sim-a is well again; its breaker finds out by a probe",
    },
    Scene {
        at_s: 45,
        provider: Provider::A,
        fault: Some(Fault::BrokenJson),
        said: "sim-a answers, but its JSON is broken beyond repair",
    },
    Scene { at_s: 55, provider: Provider::A, fault: None, said: "sim-a is well again" },
];
/// From the end of one outage to the next.
const PAUSE_S: u64 = 90;

/// The script as it is played.
pub(super) struct Script<'a> {
    providers: &'a Providers,
    started: Instant,
    first: Duration,
}

impl<'a> Script<'a> {
    pub(super) fn new(providers: &'a Providers, first: Duration) -> Self {
        Self { providers, started: Instant::now(), first }
    }

    /// Plays the scenes, over and over.
    pub(super) async fn play(&self) {
        for round in 0_u64.. {
            let begins = self.started + self.first + Duration::from_secs(round * PAUSE_S);
            for scene in SCENES {
                sleep_until(begins + Duration::from_secs(scene.at_s)).await;
                self.change(scene);
                let at = self.started.elapsed().as_secs_f64();
                say::data(&format!("{at:>6.1} s  ▶ SCRIPT     {}", scene.said));
            }
        }
    }

    fn change(&self, scene: &Scene) {
        let sim = match scene.provider {
            Provider::A => &self.providers.a,
            Provider::B => &self.providers.b,
        };
        match scene.fault {
            Some(fault) => sim.set_fault("*", vec![fault]),
            None => sim.clear_faults(),
        }
    }
}

/// The configuration of the demo: what a user would write, with the simulators' addresses.
pub(super) fn configuration(port: u16, providers: &Providers) -> String {
    let admin = port.saturating_add(1);
    let (a, b, c) = (providers.a.base_url(), providers.b.anthropic_base_url(), providers.c.base_url());
    format!(
        r#"version = 1

[server]
listen = "127.0.0.1:{port}"
admin  = "127.0.0.1:{admin}"

[store]
records = "sqlite::memory:"

[provider.sim-a]
api      = "openai-compatible"
base-url = "{a}"
[provider.sim-b]                       # another vendor, another shape
api      = "anthropic"
base-url = "{b}"
keys     = ["env:SIM_B"]
[provider.sim-c]
api      = "openai-compatible"
base-url = "{c}"

[route.sim-a]
call = "sim-a/large"
usd-per-mtok = {{ in = 2.00, out = 8.00 }}
[route.sim-b]
call = "sim-b/large"
usd-per-mtok = {{ in = 3.00, out = 15.00 }}
[route.sim-c]
call = "sim-c/small"
usd-per-mtok = {{ in = 0.10, out = 0.40 }}

[defaults]
deadline   = "5s"
retry-wait = "50ms..300ms"

[task.hello]
about  = "Small talk. Any answer is better than none."
ladder = [
  {{ try = "sim-a", timeout = "600ms", retries = 0 }},
  {{ try = "sim-b", timeout = "2s" }},
  {{ try = "sim-c", timeout = "2s", as = "cheaper" }},
  {{ answer = "We are a little busy. Please ask again in a minute." }},
]
[task.extract]
about  = "Text to JSON. A broken answer is worse than a late one."
ladder = [
  {{ try = "sim-a", timeout = "600ms", retries = 0 }},
  {{ try = "sim-b", timeout = "2s" }},
  {{ try = "sim-c", timeout = "2s", as = "cheaper" }},
  {{ fail = "We could not read this text. Nothing was booked." }},
]
"#
    )
}

/// The demo has no files, and of variables only what stands for a key.
pub(super) struct Simulated;

impl Source for Simulated {
    fn file(&self, _path: &str) -> Result<String, String> {
        Err("the demo has no files".to_owned())
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "SIM_B").then(|| "simulated".to_owned())
    }
}
