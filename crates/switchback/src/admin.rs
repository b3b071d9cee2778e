//! The operator's side of a running gateway, as the verbs see it.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchback_gateway::upstream::{Endpoint, Upstream};
use tokio::time::Instant;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::say;

/// Largest answer that is read.
const MOST: usize = 64 * 1024 * 1024;

/// A gateway that may be running.
pub(crate) struct Admin {
    upstream: Upstream,
    url: String,
    token: Option<String>,
}

/// An answer, or why there is none.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Admin {
    pub(crate) fn new(cli: &Cli) -> Result<Self, Exit> {
        let endpoint = Endpoint::parse(&cli.admin).map_err(|error| {
            say::talk(&format!("--admin {}: {error}", cli.admin));
            Exit::Usage
        })?;
        let tls = switchback_gateway::tls::client_config(None).ok();
        let upstream = Upstream::new(endpoint, Duration::from_secs(3), tls, 1, Duration::from_secs(1));
        Ok(Self { upstream, url: cli.admin.clone(), token: cli.admin_token.clone() })
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

    async fn ask(&self, method: &str, path: &str, body: String) -> Result<Answer, Exit> {
        let endpoint = self.upstream.endpoint();
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", endpoint.base_path()))
            .header("host", endpoint.authority())
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::from(body)).map_err(|_| Exit::Usage)?;
        let unreachable = |why: String| {
            say::talk(&format!("no gateway answers at {}: {why}", self.url));
            say::talk("fix: start one with `switchback serve` or `switchback demo`, or name it with --admin URL");
            Exit::Unreachable
        };
        let by = Instant::now() + Duration::from_secs(3);
        let response =
            self.upstream.send(0, request, by, &mut false).await.map_err(|error| unreachable(error.to_string()))?;
        let status = response.status().as_u16();
        let body = bounded(response.into_body()).await.map_err(unreachable)?;
        Ok(Answer { status, body })
    }
}

#[expect(clippy::disallowed_methods, reason = "the body is limited")]
async fn bounded(body: switchback_gateway::upstream::LeasedBody) -> Result<String, String> {
    let read = tokio::time::timeout(Duration::from_secs(30), Limited::new(body, MOST).collect()).await;
    let whole = read.map_err(|_| "the answer did not come within 30 s".to_owned())?.map_err(|it| it.to_string())?;
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
        let message = serde_json::from_str::<Value>(&self.body)
            .ok()
            .and_then(|it| it.get("error")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("the gateway answered {}", self.status));
        say::talk(&message);
        Err(match self.status {
            404 => Exit::NotFound,
            401 | 403 | 409 | 422 => Exit::Refused,
            _ => Exit::Bad,
        })
    }
}
