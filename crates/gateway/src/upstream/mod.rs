//! Calls to providers: one HTTP/1.1 client per endpoint, with its own pool.
//!
//! Connections are polled by whoever waits for the answer, never by a task of their own: a hop between tasks costs three
//! times the rest of a relay. A request is written at most once: it is sent
//! again only where hyper hands it back unwritten. Never follows a redirect, takes no proxy, reads no environment, and
//! judges nothing: what an error means for a ladder is decided elsewhere.

mod connect;
mod endpoint;
mod lease;
mod pool;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{Entry, HOST};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use tokio::time::Instant;

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::lease::LeasedBody;

use self::lease::{Failed, Lease};
use self::pool::Pool;

/// A client for one endpoint.
#[derive(Debug)]
pub struct Upstream {
    endpoint: Endpoint,
    host: Option<HeaderValue>,
    connect_timeout: Duration,
    tls: Option<Arc<ClientConfig>>,
    pool: Arc<Pool>,
}

/// Why there is no response head. The texts hold no header, no body and no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The name was not found, or the resolver failed.
    #[error("the host name could not be resolved: {0}")]
    Dns(io::ErrorKind),
    /// No TCP connection. Nothing was sent.
    #[error("no connection could be made: {0}")]
    Connect(io::ErrorKind),
    /// Name, TCP and TLS together took longer than allowed. Nothing was sent.
    #[error("no connection was made in time")]
    ConnectTimeout,
    /// The peer did not prove who it is, or does not speak TLS as it should. Nothing was sent.
    #[error("no secure connection could be made: {0}")]
    Tls(String),
    /// The connection ended after the request was written, at least in part, and before the head of an answer.
    #[error("the connection was closed before an answer began")]
    Reset,
    /// What came back is not HTTP/1.1, or has a head beyond 100 headers or 64 KiB.
    #[error("the answer is not valid HTTP: {0}")]
    Protocol(String),
}

/// Why a body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The connection ended in the middle.
    #[error("the connection was closed before the answer ended")]
    Reset,
    /// The framing of the body is broken.
    #[error("the answer is not valid HTTP: {0}")]
    Protocol(String),
}

// === impl Upstream ===

impl Upstream {
    /// A client that has not connected yet.
    ///
    /// `connect_timeout` covers name, TCP and TLS. `tls` is needed where the endpoint is https. At most `max_idle`
    /// connections per lane wait for their next request, each for at most `idle_for`.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        connect_timeout: Duration,
        tls: Option<Arc<ClientConfig>>,
        max_idle: usize,
        idle_for: Duration,
    ) -> Self {
        let host = HeaderValue::try_from(endpoint.authority()).ok();
        Self { endpoint, host, connect_timeout, tls, pool: Arc::new(Pool::new(max_idle, idle_for)) }
    }

    /// Where requests go.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one request and resolves at the response head.
    ///
    /// `lane` is the credential's place: connections of one lane never carry requests of another. The request's URI is
    /// the path with its query, as it goes on the wire; `Host` is added where it is missing. A new connection must stand
    /// by `connect_by`, or sooner as this client's own timeout has it. `sent` becomes true when a connection stands and
    /// the request is on its way, so that a caller who gives up knows which of its clocks ran out. Dropping the future
    /// cancels the call.
    ///
    /// # Errors
    ///
    /// Why there is no head. After [`SendError::Reset`] and [`SendError::Protocol`] the provider may have seen the
    /// request, once; after the others it has not.
    pub async fn send(
        &self,
        lane: usize,
        mut request: Request<Full<Bytes>>,
        connect_by: Instant,
        sent: &mut bool,
    ) -> Result<Response<LeasedBody>, SendError> {
        if let (Entry::Vacant(missing), Some(host)) = (request.headers_mut().entry(HOST), &self.host) {
            missing.insert(host.clone());
        }
        if let Some(lease) = self.idle(lane).await {
            *sent = true;
            match lease.exchange(request).await {
                Ok(response) => return Ok(response),
                Err(Failed::Sent(error)) => return Err(error),
                // The connection closed in the moment it was taken. Nothing was sent.
                Err(Failed::Unsent(back)) => request = *back,
            }
            *sent = false;
        }
        let lease = self.connect(lane, connect_by).await?;
        *sent = true;
        lease.exchange(request).await.map_err(|failed| match failed {
            Failed::Sent(error) => error,
            Failed::Unsent(_) => SendError::Connect(io::ErrorKind::ConnectionAborted),
        })
    }

    /// A connection that waits and that its peer has not closed.
    async fn idle(&self, lane: usize) -> Option<Lease> {
        while let Some(mut wire) = self.pool.take(lane) {
            if wire.is_still_open().await {
                return Some(Lease::new(wire, Arc::clone(&self.pool), lane));
            }
        }
        None
    }

    async fn connect(&self, lane: usize, connect_by: Instant) -> Result<Lease, SendError> {
        let by = connect_by.min(Instant::now() + self.connect_timeout);
        // Boxed: a TLS handshake is large, and most requests never come here.
        let wire = Box::pin(connect::connect(&self.endpoint, self.tls.as_ref(), by)).await?;
        Ok(Lease::new(Box::new(wire), Arc::clone(&self.pool), lane))
    }
}
