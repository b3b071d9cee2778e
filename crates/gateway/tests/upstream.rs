//! Calls to providers over real sockets: what is reused, what is sent twice (nothing), and what each failure is called.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use switchback_gateway::tasks::Tasks;
use switchback_gateway::tls;
use switchback_gateway::upstream::{BodyError, Endpoint, LeasedBody, SendError, Upstream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// An upper bound for what must happen, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A provider whose connections are played by a test.
struct Provider {
    address: SocketAddr,
    seen: Seen,
    _tasks: Arc<Tasks>,
}

/// What a provider saw.
#[derive(Clone, Default)]
struct Seen {
    connections: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Provider {
    async fn start<A>(play: impl Fn(TcpStream, Seen) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, tasks) = (Seen::default(), Arc::new(Tasks::new()));
        let (counted, inner) = (seen.clone(), Arc::downgrade(&tasks));
        tasks.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let played = play(socket, counted.clone());
                let Some(tasks) = inner.upgrade() else { return };
                tasks.spawn(async move {
                    // A caller that goes away is part of many scenes.
                    let _ = played.await;
                });
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    /// Answers every request with the same bytes.
    async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut socket, seen| async move {
            while read_request(&mut socket, &seen).await?.is_some() {
                socket.write_all(answer.as_bytes()).await?;
            }
            Ok(())
        })
        .await
    }

    fn upstream(&self) -> Upstream {
        upstream(&format!("http://{}", self.address), None)
    }

    fn seen(&self) -> (usize, usize) {
        (self.seen.connections.load(Ordering::SeqCst), self.seen.calls.load(Ordering::SeqCst))
    }
}

fn upstream(base: &str, ca: Option<&str>) -> Upstream {
    let tls = tls::client_config(ca).unwrap();
    Upstream::new(Endpoint::parse(base).unwrap(), SOON, Some(tls), 4, Duration::from_secs(50))
}

/// Reads one request with its body. `None` at the end of the connection.
async fn read_request(io: &mut (impl AsyncRead + Unpin), seen: &Seen) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|it| it.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                seen.calls.fetch_add(1, Ordering::SeqCst);
                return Ok(Some(text));
            }
        }
        if io.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"{\"ask\":1}")));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/v1/chat/completions".parse().unwrap();
    request
}

async fn send(upstream: &Upstream, lane: usize) -> Result<Response<LeasedBody>, SendError> {
    let by = Instant::now() + SOON;
    timeout(SOON, upstream.send(lane, request(), by, &mut false)).await.expect("an answer or an error in time")
}

async fn read(mut body: LeasedBody) -> Result<Vec<u8>, BodyError> {
    let mut whole = Vec::new();
    while let Some(frame) = timeout(SOON, body.frame()).await.expect("the body goes on") {
        whole.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok(whole)
}

async fn call(upstream: &Upstream, lane: usize) -> Vec<u8> {
    read(send(upstream, lane).await.unwrap().into_body()).await.unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, waited).await.expect("the condition comes true");
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given_with_the_endpoints_host() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let provider = Provider::start(move |mut socket, seen| {
        let tell = tell.clone();
        async move {
            while let Some(request) = read_request(&mut socket, &seen).await? {
                tell.send(request).unwrap();
                socket.write_all(OK.as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await;
    let mut sent = false;
    let response = provider.upstream().send(0, request(), Instant::now() + SOON, &mut sent).await.unwrap();
    assert!(sent);
    assert_eq!(response.status(), 200);
    let seen = told.recv().await.unwrap();
    assert!(seen.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("host: {}\r\n", provider.address)), "{seen}");
    assert!(seen.ends_with("\r\n\r\n{\"ask\":1}"), "{seen}");
}

#[tokio::test]
async fn a_connection_whose_answer_was_read_to_its_end_is_used_again() {
    let answers = [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ];
    for answer in answers {
        let provider = Provider::answering(answer).await;
        let upstream = provider.upstream();
        for _ in 0..5 {
            call(&upstream, 0).await;
        }
        assert_eq!(provider.seen(), (1, 5), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_says_its_end_gives_the_connection_back_with_its_last_bytes() {
    let provider = Provider::answering(OK).await;
    let upstream = provider.upstream();
    let mut body = send(&upstream, 0).await.unwrap().into_body();
    assert!(!body.is_end_stream());
    let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!((data.as_ref(), body.is_end_stream()), (&b"hello"[..], true));
    call(&upstream, 0).await;
    assert_eq!(provider.seen(), (1, 2));
}

#[tokio::test]
async fn lanes_never_share_a_connection() {
    let provider = Provider::answering(OK).await;
    let upstream = provider.upstream();
    for lane in [0, 1, 0, 1, 2] {
        call(&upstream, lane).await;
    }
    assert_eq!(provider.seen(), (3, 5));
}

#[tokio::test]
async fn requests_at_the_same_time_have_a_connection_each_and_only_so_many_are_kept() {
    let provider = Provider::answering(OK).await;
    let upstream = provider.upstream();
    for connections in [6, 8] {
        let mut bodies = Vec::new();
        for _ in 0..6 {
            bodies.push(send(&upstream, 0).await.unwrap().into_body());
        }
        for body in bodies {
            read(body).await.unwrap();
        }
        // Four of six are kept, so the second round opens two.
        assert_eq!(provider.seen().0, connections);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_connection_that_waited_too_long_is_not_used_again() {
    let provider = Provider::answering(OK).await;
    let endpoint = Endpoint::parse(&format!("http://{}", provider.address)).unwrap();
    let upstream = Upstream::new(endpoint, SOON, None, 4, Duration::ZERO);
    call(&upstream, 0).await;
    call(&upstream, 0).await;
    assert_eq!(provider.seen(), (2, 2));
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_an_error_and_without_a_second_call() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let provider = Provider::start(move |mut socket, seen| {
        let tell = tell.clone();
        async move {
            read_request(&mut socket, &seen).await?;
            socket.write_all(OK.as_bytes()).await?;
            drop(socket);
            tell.send(()).unwrap();
            Ok(())
        }
    })
    .await;
    let upstream = provider.upstream();
    for n in 1..=5 {
        assert_eq!(call(&upstream, 0).await, b"hello");
        told.recv().await.unwrap();
        // The end of the connection travels to this side.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(provider.seen(), (n, n));
    }
}

#[tokio::test]
async fn an_answer_that_says_close_ends_its_connection() {
    let provider = Provider::answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello").await;
    let upstream = provider.upstream();
    call(&upstream, 0).await;
    call(&upstream, 0).await;
    assert_eq!(provider.seen(), (2, 2));
}

#[tokio::test]
async fn a_provider_that_says_more_than_its_answer_is_not_listened_to_again() {
    let provider =
        Provider::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n").await;
    let upstream = provider.upstream();
    assert_eq!(call(&upstream, 0).await, b"hello");
    assert_eq!(call(&upstream, 0).await, b"hello");
    assert_eq!(provider.seen(), (2, 2));
}

#[tokio::test]
async fn a_reset_before_the_head_is_reported_and_the_request_is_seen_exactly_once() {
    let provider = Provider::start(|mut socket, seen| async move {
        // The first answer is sound, so that the connection is a used one when it breaks.
        read_request(&mut socket, &seen).await?;
        socket.write_all(OK.as_bytes()).await?;
        read_request(&mut socket, &seen).await?;
        Ok(())
    })
    .await;
    let upstream = provider.upstream();
    call(&upstream, 0).await;
    assert_eq!(send(&upstream, 0).await.unwrap_err(), SendError::Reset);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(provider.seen(), (1, 2));
}

#[tokio::test]
async fn half_a_head_is_a_reset() {
    let provider = Provider::start(|mut socket, seen| async move {
        read_request(&mut socket, &seen).await?;
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await
    })
    .await;
    assert_eq!(send(&provider.upstream(), 0).await.unwrap_err(), SendError::Reset);
    assert_eq!(provider.seen(), (1, 1));
}

#[tokio::test]
async fn a_truncated_body_is_never_a_whole_one() {
    let cut = [
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ];
    for answer in cut {
        let provider = Provider::start(move |mut socket, seen| async move {
            read_request(&mut socket, &seen).await?;
            socket.write_all(answer.as_bytes()).await
        })
        .await;
        let upstream = provider.upstream();
        let body = send(&upstream, 0).await.unwrap().into_body();
        assert_eq!(read(body).await, Err(BodyError::Reset), "{answer}");
        // And such a connection is not used again.
        assert!(send(&upstream, 0).await.is_ok());
        assert_eq!(provider.seen(), (2, 2), "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let wide = Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000)).into_boxed_str());
    let many = Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101)).into_boxed_str());
    for answer in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 two hundred\r\n\r\n", wide, many] {
        let provider = Provider::answering(answer).await;
        let error = send(&provider.upstream(), 0).await.unwrap_err();
        assert!(matches!(error, SendError::Protocol(_)), "{answer:.40}: {error:?}");
        assert_eq!(provider.seen(), (1, 1));
    }
    let provider = Provider::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n").await;
    let body = send(&provider.upstream(), 0).await.unwrap().into_body();
    assert!(matches!(read(body).await, Err(BodyError::Protocol(_))));
}

/// Answers with a stream that does not end, and tells when the caller closed the connection.
async fn endless() -> (Provider, mpsc::UnboundedReceiver<()>) {
    let (tell, told) = mpsc::unbounded_channel();
    let provider = Provider::start(move |mut socket, seen| {
        let tell = tell.clone();
        async move {
            read_request(&mut socket, &seen).await?;
            let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
            socket.write_all(begun.as_bytes()).await?;
            // Ends with the connection, in whichever way it is closed.
            while socket.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
            tell.send(()).unwrap();
            Ok(())
        }
    })
    .await;
    (provider, told)
}

#[tokio::test]
async fn dropping_a_body_closes_the_connection_and_so_cancels_the_call() {
    let (provider, mut closed) = endless().await;
    let upstream = provider.upstream();
    let mut body = send(&upstream, 0).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    assert!(closed.try_recv().is_err());
    drop(body);
    timeout(SOON, closed.recv()).await.unwrap().unwrap();
    // The next request does not find the broken one.
    assert!(send(&upstream, 0).await.is_ok());
    assert_eq!(provider.seen(), (2, 2));
}

#[tokio::test]
async fn giving_up_before_the_head_closes_the_connection_and_tells_that_the_request_was_sent() {
    let (tell, mut closed) = mpsc::unbounded_channel();
    let provider = Provider::start(move |mut socket, seen| {
        let tell = tell.clone();
        async move {
            read_request(&mut socket, &seen).await?;
            while socket.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
            tell.send(()).unwrap();
            Ok(())
        }
    })
    .await;
    let upstream = provider.upstream();
    let mut sent = false;
    {
        let mut sending = pin!(upstream.send(0, request(), Instant::now() + SOON, &mut sent));
        let arrived = until(|| provider.seen.calls.load(Ordering::SeqCst) == 1);
        tokio::select! { _ = &mut sending => unreachable!("nobody answers"), () = arrived => {} }
    }
    assert!(sent);
    timeout(SOON, closed.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = upstream(&format!("http://{address}"), None);
    assert_eq!(send(&refused, 0).await.unwrap_err(), SendError::Connect(io::ErrorKind::ConnectionRefused));
    let unknown = upstream("http://no-such-host.invalid", None);
    let error = send(&unknown, 0).await.unwrap_err();
    assert!(matches!(error, SendError::Dns(_)), "{error:?}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connect_timeout_by_whichever_clock_is_shorter() {
    let provider = Provider::start(|mut socket, _| async move {
        while socket.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    })
    .await;
    let short = Duration::from_millis(100);
    for (own, deadline) in [(short, SOON), (SOON, short)] {
        let tls = tls::client_config(None).unwrap();
        let endpoint = Endpoint::parse(&format!("https://{}", provider.address)).unwrap();
        let upstream = Upstream::new(endpoint, own, Some(tls), 4, SOON);
        let mut sent = false;
        let sending = upstream.send(0, request(), Instant::now() + deadline, &mut sent);
        assert_eq!(timeout(SOON, sending).await.unwrap().unwrap_err(), SendError::ConnectTimeout);
        assert!(!sent);
    }
}

/// A provider with a certificate for `localhost` from an authority of its own.
async fn encrypted(alpn: &[&str], answer: &'static str) -> Provider {
    let pem = include_bytes!("fixtures/tls/localhost.pem");
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/tls/localhost.key")).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Provider::start(move |socket, seen| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(socket).await?;
            play_encrypted(&mut stream, &seen, answer).await
        }
    })
    .await
}

async fn play_encrypted(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    seen: &Seen,
    answer: &str,
) -> io::Result<()> {
    while read_request(stream, seen).await?.is_some() {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

const CA: &str = include_str!("fixtures/tls/ca.pem");

#[tokio::test]
async fn an_authority_from_the_configuration_is_trusted_and_the_connection_is_reused() {
    let provider = encrypted(&["http/1.1"], OK).await;
    let upstream = upstream(&format!("https://localhost:{}", provider.address.port()), Some(CA));
    for _ in 0..3 {
        assert_eq!(call(&upstream, 0).await, b"hello");
    }
    assert_eq!(provider.seen(), (1, 3));
}

#[tokio::test]
async fn who_cannot_prove_its_name_gets_no_request() {
    let provider = encrypted(&[], OK).await;
    let port = provider.address.port();
    // An authority nobody trusts, and a certificate for another name.
    for (base, ca) in [(format!("https://localhost:{port}"), None), (format!("https://127.0.0.1:{port}"), Some(CA))] {
        let error = send(&upstream(&base, ca), 0).await.unwrap_err();
        let SendError::Tls(text) = error else { panic!("{error:?}") };
        assert!(text.contains("certificate"), "{text}");
    }
    assert_eq!(provider.seen().1, 0);
}

#[tokio::test]
async fn a_provider_that_speaks_only_http_2_or_no_tls_is_a_tls_error() {
    let modern = encrypted(&["h2"], OK).await;
    let plain = Provider::start(|mut socket, _| async move {
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        while socket.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    })
    .await;
    for provider in [modern, plain] {
        let upstream = upstream(&format!("https://localhost:{}", provider.address.port()), Some(CA));
        let error = send(&upstream, 0).await.unwrap_err();
        assert!(matches!(error, SendError::Tls(_)), "{error:?}");
        assert_eq!(provider.seen().1, 0);
    }
}

#[tokio::test]
async fn a_large_encrypted_answer_is_whole() {
    let body = "0123456789abcdef".repeat(20_000);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let provider = encrypted(&["http/1.1"], Box::leak(answer.into_boxed_str())).await;
    let upstream = upstream(&format!("https://localhost:{}", provider.address.port()), Some(CA));
    for _ in 0..2 {
        assert_eq!(call(&upstream, 0).await, body.as_bytes());
    }
    assert_eq!(provider.seen(), (1, 2));
}
