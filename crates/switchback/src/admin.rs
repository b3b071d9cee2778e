//! The operator's side of a running gateway, as the verbs see it.

use std::time::Duration;

use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchback_gateway::upstream::{Endpoint, LeasedBody, Upstream};
use tokio::time::Instant;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::say;

/// Largest answer that is read.
const MOST: usize = 64 * 1024 * 1024;
/// Longest wait for the head of an answer, and then for the rest of it.
const LONGEST: Duration = Duration::from_secs(30);

/// A gateway that may be running.
pub(crate) struct Admin {
    upstream: Upstream,
    url: String,
    token: Option<HeaderValue>,
}

/// An answer, or why there is none.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Why there is nothing to follow.
pub(crate) enum NoStream {
    /// Nobody answers.
    Unreachable(String),
    /// The gateway will not.
    Refused(Answer),
}

/// A text as one part of a path or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.~".contains(&it);
    text.bytes().map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
}

// === impl Admin ===

impl Admin {
    pub(crate) fn new(cli: &Cli) -> Result<Self, Exit> {
        let endpoint = Endpoint::parse(&cli.admin).map_err(|error| {
            say::talk(&format!("--admin {}: {error}", cli.admin));
            Exit::Usage
        })?;
        let token = cli.admin_token.as_ref().map(|it| HeaderValue::try_from(format!("Bearer {it}")));
        let token = token.transpose().map_err(|_| {
            say::talk("--admin-token holds characters that no token holds");
            Exit::Usage
        })?;
        let tls = switchback_gateway::tls::client_config(None).ok();
        let upstream = Upstream::new(endpoint, Duration::from_secs(3), tls, 1, Duration::from_secs(1));
        Ok(Self { upstream, url: cli.admin.clone(), token })
    }

    /// What stands under a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Exit> {
        self.ask("GET", path, String::new()).await
    }

    /// Asks for a change.
    pub(crate) async fn post<T: Serialize>(&self, path: &str, body: &T) -> Result<Answer, Exit> {
        let body = serde_json::to_string(body).map_err(|_| Exit::Usage)?;
        self.ask("POST", path, body).await
    }

    /// Begins to follow a stream of events.
    ///
    /// # Errors
    ///
    /// No gateway, or its refusal. Nothing has been said yet: whoever follows may try again.
    pub(crate) async fn follow(&self, path: &str) -> Result<LeasedBody, NoStream> {
        let response = self.send("GET", path, String::new()).await.map_err(NoStream::Unreachable)?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response.into_body());
        }
        let body = bounded(response.into_body()).await.map_err(NoStream::Unreachable)?;
        Err(NoStream::Refused(Answer { status, body }))
    }

    async fn ask(&self, method: &str, path: &str, body: String) -> Result<Answer, Exit> {
        let response = self.send(method, path, body).await.map_err(|why| self.unreachable(&why))?;
        let status = response.status().as_u16();
        let body = bounded(response.into_body()).await.map_err(|why| self.unreachable(&why))?;
        Ok(Answer { status, body })
    }

    /// Says that nobody answers.
    pub(crate) fn unreachable(&self, why: &str) -> Exit {
        say::talk(&format!("no gateway answers at {}: {why}", self.url));
        say::talk("fix: start one with `switchback serve` or `switchback demo`, or name it with --admin URL");
        Exit::Unreachable
    }

    /// Where it is asked.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn send(&self, method: &str, path: &str, body: String) -> Result<Response<LeasedBody>, String> {
        let endpoint = self.upstream.endpoint();
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", endpoint.base_path()))
            .header("host", endpoint.authority())
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let (by, mut sent) = (Instant::now() + Duration::from_secs(3), false);
        match tokio::time::timeout(LONGEST, self.upstream.send(0, request, by, &mut sent)).await {
            Ok(answered) => answered.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer began within {} s", LONGEST.as_secs())),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the body is limited")]
async fn bounded(body: LeasedBody) -> Result<String, String> {
    let read = tokio::time::timeout(LONGEST, Limited::new(body, MOST).collect()).await;
    let late = |_| format!("the answer did not come within {} s", LONGEST.as_secs());
    let whole = read.map_err(late)?.map_err(|it| it.to_string())?;
    String::from_utf8(whole.to_bytes().to_vec()).map_err(|_| "the answer is not text".to_owned())
}

impl Answer {
    /// The answer as a type, or the exit that its status stands for, with its message said.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Exit> {
        if self.status == 200 {
            return serde_json::from_str(&self.body).map_err(|error| {
                say::talk(&format!("the gateway's answer is not understood (another version?): {error}"));
                Exit::Bad
            });
        }
        Err(self.refusal())
    }

    /// The exit that a status other than 200 stands for, with its message said.
    pub(crate) fn refusal(&self) -> Exit {
        let message = serde_json::from_str::<Value>(&self.body)
            .ok()
            .and_then(|it| it.get("error")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("the gateway answered {}", self.status));
        say::talk(&message);
        match self.status {
            404 => Exit::NotFound,
            401 | 403 | 409 | 422 => Exit::Refused,
            _ => Exit::Bad,
        }
    }
}
