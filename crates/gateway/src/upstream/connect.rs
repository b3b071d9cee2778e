//! From an endpoint to a connection that speaks HTTP/1.1: look the name up, dial, prove who is there.
//!
//! Every step runs under one deadline, and the step that failed is told apart from the others. Takes no proxy and
//! nothing else from the environment, and asks for no protocol but HTTP/1.1.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::lease::Wire;
use super::{Endpoint, SendError};

/// Addresses of a name that are tried, so that a name with hundreds cannot eat the deadline in slices of nothing.
const MOST_ADDRESSES: usize = 8;
/// Longest response head in bytes; headers are capped by hyper at 100.
const MOST_HEAD: usize = 64 * 1024;

/// The bytes below HTTP.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    /// Boxed: a TLS session is ten times the size of a socket.
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// Opens a connection.
///
/// # Errors
///
/// The step that failed, [`SendError::ConnectTimeout`] whichever step it was that took too long.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: Option<&Arc<ClientConfig>>,
    by: Instant,
) -> Result<Wire, SendError> {
    let opened = timeout_at(by, async {
        let socket = dial(endpoint, by).await?;
        let transport = match (endpoint.is_encrypted(), tls) {
            (false, _) => Transport::Plain(socket),
            (true, Some(tls)) => Transport::Encrypted(Box::new(handshake(endpoint, tls, socket).await?)),
            (true, None) => return Err(SendError::Tls("no trusted certificates are configured".to_owned())),
        };
        let mut http = http1::Builder::new();
        http.max_header_size(MOST_HEAD);
        let (sender, connection) = http
            .handshake::<_, Full<Bytes>>(TokioIo::new(transport))
            .await
            .map_err(|it| SendError::Protocol(it.to_string()))?;
        Ok(Wire::new(sender, connection))
    });
    opened.await.unwrap_or(Err(SendError::ConnectTimeout))
}

/// Tries the addresses of the host in the resolver's order, each with its share of the time that is left: one that
/// swallows packets must not take all of it.
async fn dial(endpoint: &Endpoint, by: Instant) -> Result<TcpStream, SendError> {
    let found = lookup_host((endpoint.host(), endpoint.port())).await.map_err(|it| SendError::Dns(it.kind()))?;
    let addresses: Vec<SocketAddr> = found.take(MOST_ADDRESSES).collect();
    let mut failed = SendError::Dns(io::ErrorKind::NotFound);
    for (tried, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let n_left = u32::try_from(addresses.len() - tried).unwrap_or(1);
        let share = now + by.saturating_duration_since(now) / n_left;
        failed = match timeout_at(share, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => {
                // A request is written in one piece and waited for: holding back its last packet only delays it.
                socket.set_nodelay(true).map_err(|it| SendError::Connect(it.kind()))?;
                return Ok(socket);
            }
            Ok(Err(error)) => SendError::Connect(error.kind()),
            Err(_) => SendError::ConnectTimeout,
        };
    }
    Err(failed)
}

async fn handshake(
    endpoint: &Endpoint,
    tls: &Arc<ClientConfig>,
    socket: TcpStream,
) -> Result<TlsStream<TcpStream>, SendError> {
    let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|it| SendError::Tls(it.to_string()))?;
    TlsConnector::from(Arc::clone(tls)).connect(name, socket).await.map_err(|error| {
        let cause = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
        SendError::Tls(cause.map_or_else(|| error.kind().to_string(), ToString::to_string))
    })
}

// === impl Transport ===

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Encrypted(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Encrypted(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Encrypted(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Encrypted(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Encrypted(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Encrypted(io) => io.is_write_vectored(),
        }
    }
}
