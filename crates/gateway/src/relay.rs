//! Other endpoints of a provider, passed on as they are: no ladder, one attempt, one record.
//!
//! For keys that may call routes directly. The path below `/v1`, the query and the body go up unchanged, with the
//! provider's first key in place of the caller's: files and the like belong to one account. Never rewrites a body, never
//! retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, header, response};
use http_body_util::{BodyExt as _, Full};
use switchback_config::HeaderMode;
use switchback_core::derive::About;
use switchback_core::id::Name;
use switchback_core::relayed::{End, Relayed};
use switchback_core::time::Now;
use tokio::time::{Instant, timeout};

use crate::headers;
use crate::out::Out;
use crate::reject::Reject;
use crate::state::{Provider, Shared, Snapshot};
use crate::telemetry::{self, Beside};

/// Longest silence of a provider while it answers.
const IDLE: Duration = Duration::from_secs(60);
/// Headers of the caller that go up.
const UP: [&str; 7] =
    ["content-type", "accept", "openai-beta", "anthropic-beta", "anthropic-version", "traceparent", "tracestate"];
/// Headers of the provider that come down.
const DOWN: [&str; 6] =
    ["content-type", "content-disposition", "retry-after", "openai-processing-ms", "cache-control", "etag"];

/// A call on its way.
pub(crate) struct Relay {
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) about: About,
    pub(crate) arrived: Now,
    pub(crate) out: Out,
    seen: Relayed,
    place: usize,
    told: bool,
}

/// What is passed on.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Relay {
    pub(crate) fn new(
        shared: Arc<Shared>,
        snapshot: Arc<Snapshot>,
        about: About,
        (glob, place): &(Name, usize),
        method: &Method,
    ) -> Self {
        let policy = snapshot.policy.providers.get(*place);
        let seen = Relayed {
            provider: policy.map_or_else(|| "".into(), |it| Name::clone(&it.name)),
            region: policy.and_then(|it| it.region.clone()),
            what: format!("{method} {glob}").into(),
            status: None,
            // Until something else is known: whoever drops this has gone.
            end: End::Left,
            before: Duration::ZERO,
            total: Duration::ZERO,
            simulated: false,
        };
        let arrived = shared.clock.now();
        Self { shared, snapshot, about, arrived, out: Out::default(), seen, place: *place, told: false }
    }

    /// Passes the call on and its answer back.
    pub(crate) async fn run(mut self, asked: Asked) {
        self.seen.before = self.shared.clock.now().since(self.arrived);
        let snapshot = Arc::clone(&self.snapshot);
        let Some(provider) = snapshot.providers.get(self.place) else { return self.unanswered(End::Broken) };
        let Some(request) = request(provider, asked) else { return self.unanswered(End::Broken) };
        let connect_by = Instant::now() + provider.connect_timeout;
        let mut was_sent = false;
        let answer = provider.upstream.send(0, request, connect_by, &mut was_sent);
        let sent = timeout(provider.connect_timeout + IDLE, answer);
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => return self.unanswered(End::Broken),
            Err(_) => return self.unanswered(End::TimedOut),
        };
        let (parts, mut body) = response.into_parts();
        self.seen.status = Some(parts.status.as_u16());
        self.seen.simulated = parts.headers.contains_key("x-switchback-simulated");
        self.out.head(self.head(&parts));
        loop {
            match timeout(IDLE, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.out.push(data);
                        self.out.taken().await;
                    }
                }
                Ok(None) => {
                    self.seen.end = End::Whole;
                    return;
                }
                // What has left cannot be taken back: the connection must not end as if the answer were whole.
                broken @ (Ok(Some(Err(_))) | Err(_)) => {
                    self.seen.end = if broken.is_err() { End::TimedOut } else { End::Broken };
                    return self.out.break_off();
                }
            }
        }
    }

    fn head(&self, from: &response::Parts) -> response::Parts {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = from.status;
        for name in DOWN {
            if let Some(value) = from.headers.get(name) {
                head.headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
        headers::put(&mut head.headers, "x-request-id", self.about.request_id.as_str());
        if self.snapshot.server.headers == HeaderMode::All {
            headers::put(&mut head.headers, "x-switchback-provider", &self.seen.provider);
            if self.seen.simulated {
                headers::put(&mut head.headers, "x-switchback-simulated", "true");
            }
        }
        head
    }

    fn unanswered(mut self, end: End) {
        self.seen.end = end;
        let reject = Reject::relay_failed(&self.seen.provider);
        let (mut head, body) = reject.response(&self.about.request_id).into_parts();
        head.status = StatusCode::BAD_GATEWAY;
        head.headers.remove(header::CONTENT_LENGTH);
        self.out.head(head);
        self.out.push(body);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.seen.total = self.shared.clock.now().since(self.arrived);
        let record = self.seen.record(&self.about);
        self.shared.metrics.count(&record, &Beside { contract: None, own: self.seen.before });
        telemetry::log(&record);
        if self.shared.events.receiver_count() > 0 {
            let _ = self.shared.events.send(Arc::new(record.clone()));
        }
        self.shared.store.put(record);
    }
}

/// The same request for the provider. `None` where it cannot be written.
fn request(provider: &Provider, asked: Asked) -> Option<Request<Full<Bytes>>> {
    // A base URL that takes the version with each path, as Anthropic's does, is given the whole path.
    let rest = if provider.api.path().starts_with("/v1/") {
        asked.uri.path()
    } else {
        asked.uri.path().strip_prefix("/v1")?
    };
    let query = asked.uri.query().map(|it| format!("?{it}")).unwrap_or_default();
    let mut request = Request::new(Full::new(asked.body));
    *request.method_mut() = asked.method;
    *request.uri_mut() = format!("{}{rest}{query}", provider.upstream.endpoint().base_path()).parse().ok()?;
    let headers = request.headers_mut();
    headers.clone_from(provider.headers.first()?);
    headers.remove(header::CONTENT_TYPE);
    for name in UP {
        // What the operator configured wins over what the caller sent.
        if let Some(value) = asked.headers.get(name)
            && !headers.contains_key(name)
        {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    Some(request)
}
