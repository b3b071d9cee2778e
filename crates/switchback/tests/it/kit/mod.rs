//! What every test needs: a gateway process in a folder of its own, the command line, a client, a recording
//! provider and an operators' side that says what it was told.

pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod metrics;
pub(crate) mod operators;
pub(crate) mod scripted;
pub(crate) mod upstream;

use std::time::Duration;

use switchback_sim::{Latency, Sim, SimSettings};
use tokio::time::{Instant, sleep};

pub(crate) use gateway::{Gateway, Ran, command, run};
pub(crate) use http::{Seen, chat, chat_with, open, read, send};

/// An upper bound for what must happen, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A provider that answers at once.
pub(crate) async fn sim() -> Sim {
    Sim::start(SimSettings::default()).await.unwrap()
}

/// A provider that thinks for this long before its first token.
pub(crate) async fn slow_sim(first_token: Duration) -> Sim {
    let settings = SimSettings { first_token: Latency::Fixed(first_token), ..SimSettings::default() };
    Sim::start(settings).await.unwrap()
}

/// A configuration file: free ports, one provider called `sim`, two routes `primary` and `backup` and a task `chat` that
/// walks them. `server` is put into `[server]`, `rung` into both rungs, `rest` at the end.
pub(crate) fn file(base_url: &str, model: &str, rung: &str) -> File {
    File {
        base_url: base_url.to_owned(),
        model: model.to_owned(),
        rung: rung.to_owned(),
        server: String::new(),
        task: String::new(),
        rest: String::new(),
    }
}

/// The parts of a configuration file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    base_url: String,
    model: String,
    rung: String,
    server: String,
    task: String,
    rest: String,
}

impl File {
    pub(crate) fn server(mut self, lines: &str) -> File {
        self.server = lines.to_owned();
        self
    }

    pub(crate) fn task(mut self, lines: &str) -> File {
        self.task = lines.to_owned();
        self
    }

    pub(crate) fn rest(mut self, lines: &str) -> File {
        self.rest = lines.to_owned();
        self
    }

    pub(crate) fn text(&self) -> String {
        let File { base_url, model, rung, server, task, rest } = self;
        format!(
            r#"version = 1
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
{server}
[store]
records = "sqlite:records.db"
[provider.sim]
api = "openai-compatible"
base-url = "{base_url}"
keys = ["env:TEST_PROVIDER_KEY"]
[route.primary]
call = "sim/{model}"
[route.backup]
call = "sim/spare"
[defaults]
retry-wait = "20ms..60ms"
[task.chat]
{task}
ladder = [{{ try = "primary"{rung} }}, {{ try = "backup"{rung} }}]
{rest}
"#
        )
    }
}

/// Asks again until it holds.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let by = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < by, "it never came to pass that {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A chat request as JSON text.
pub(crate) fn ask(model: &str, stream: bool, said: &str) -> String {
    format!(r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"{said}"}}]}}"#)
}

/// The same with further members, as they end the object: `,"tools":[…]}`; none for an empty text.
pub(crate) fn ask_with(model: &str, stream: bool, said: &str, more: &str) -> String {
    let mut body = ask(model, stream, said);
    if !more.is_empty() {
        body.pop();
        body.push_str(more);
    }
    body
}

/// A tool, as the further members of a request.
pub(crate) const TOOLS: &str = r#","tools":[{"type":"function","function":{"name":"look_up","parameters":{"type":"object","properties":{"word":{"type":"string"}},"required":["word"],"additionalProperties":false}}}]}"#;

/// A configuration file of its own: free ports, a store, and `rest`.
pub(crate) fn page(rest: &str) -> String {
    let server = "[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
    format!("version = 1\n{server}[store]\nrecords = \"sqlite:records.db\"\n{rest}\n")
}

/// A provider in OpenAI's shape, with the usual key.
pub(crate) fn provider(name: &str, base_url: &str) -> String {
    format!(
        "[provider.{name}]\napi = \"openai-compatible\"\nbase-url = \"{base_url}\"\nkeys = [\"env:TEST_PROVIDER_KEY\"]\n"
    )
}

/// One in Anthropic's shape.
pub(crate) fn anthropic(name: &str, root: &str) -> String {
    format!("[provider.{name}]\napi = \"anthropic\"\nbase-url = \"{root}\"\nkeys = [\"env:TEST_PROVIDER_KEY\"]\n")
}

/// A value from its text.
pub(crate) fn value(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}
