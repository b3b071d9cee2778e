//! The listener over real sockets: what is let in, what is cut off, and how it ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use switchback_gateway::listen::{self, Drain, Limits};
use switchback_gateway::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// An upper bound for what must happen, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// How the answer to a request without a body ends. With the end of its head: the date above has digits and colons, too.
const EMPTY: &str = "\r\n\r\n0:";
/// Longest body that the test service takes.
const MAX: usize = 100_000;

/// A listener whose service plays what the path asks for.
struct Server {
    address: SocketAddr,
    scene: Arc<Scene>,
    drain: Drain,
    tasks: Tasks,
}

#[derive(Debug, Default)]
struct Scene {
    calls: AtomicUsize,
    /// Futures and bodies that were dropped.
    gone: AtomicUsize,
    go: Notify,
}

/// Counts itself when it is dropped.
struct Witness(Arc<Scene>);

/// A body that comes whole, one that has begun and goes on when the test says so, or one that never ends.
enum Reply {
    Whole(Full<Bytes>),
    Begun { go: Pin<Box<dyn Future<Output = ()> + Send>>, pieces: Vec<&'static [u8]>, _witness: Witness },
    Endless { _witness: Witness },
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::SeqCst);
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Endless { .. } => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024]))))),
            Self::Begun { go, pieces, .. } => {
                if pieces.len() == 1 {
                    std::task::ready!(go.as_mut().poll(cx));
                }
                Poll::Ready(pieces.pop().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Begun { .. } | Self::Endless { .. } => http_body::SizeHint::default(),
        }
    }
}

async fn play(request: Request<Incoming>, scene: Arc<Scene>) -> Result<Response<Reply>, Infallible> {
    scene.calls.fetch_add(1, Ordering::SeqCst);
    let within = if request.uri().path() == "/hasty" { Duration::from_millis(100) } else { SOON };
    let (status, text) = match request.uri().path() {
        "/wait" => {
            let witness = Witness(scene);
            witness.0.go.notified().await;
            (StatusCode::OK, "waited".to_owned())
        }
        "/flood" => return Ok(Response::new(Reply::Endless { _witness: Witness(scene) })),
        "/stream" => {
            let witness = Witness(Arc::clone(&scene));
            let go = Box::pin(async move { scene.go.notified().await });
            return Ok(Response::new(Reply::Begun { go, pieces: vec![b"last", b"first"], _witness: witness }));
        }
        _ => match listen::read_body(request.into_body(), MAX, within).await {
            Ok(body) => (
                StatusCode::OK,
                format!("{}:{}", body.len(), String::from_utf8_lossy(&body.slice(..body.len().min(9)))),
            ),
            Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault:?}")),
        },
    };
    let mut response = Response::new(Reply::Whole(Full::new(text.into())));
    *response.status_mut() = status;
    Ok(response)
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (scene, drain, tasks) = (Arc::new(Scene::default()), Drain::new(), Tasks::new());
        let inner = Arc::clone(&scene);
        let service = move |request| play(request, Arc::clone(&inner));
        tasks.spawn(listen::serve(listener, limits, service, drain.signal(), Duration::from_millis(500)));
        Self { address, scene, drain, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes on a connection of their own and reads until the server closes it.
    async fn all(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        // The server may close before it has taken everything.
        let _ = client.write_all(bytes.as_ref()).await;
        rest(client).await
    }

    fn calls(&self) -> usize {
        self.scene.calls.load(Ordering::SeqCst)
    }

    async fn until_calls(&self, n: usize) {
        until(|| self.calls() == n).await;
    }

    async fn until_gone(&self, n: usize) {
        until(|| self.scene.gone.load(Ordering::SeqCst) == n).await;
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, waited).await.expect("the condition comes true");
}

/// Reads until the server closes; a reset is an error of the test.
async fn rest(mut client: TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(SOON, client.read_to_end(&mut bytes)).await.expect("the server closes").expect("it closes in good order");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until these bytes were seen.
async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&seen).contains(end) {
            assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0, "closed after {}", String::from_utf8_lossy(&seen));
        }
    };
    timeout(SOON, read).await.expect("the answer comes");
    String::from_utf8_lossy(&seen).into_owned()
}

/// Requests that two servers could read differently.
const SMUGGLED: [&str; 9] = [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// Requests that hyper itself refuses.
const MALFORMED: [&str; 7] = [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nx",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
];

#[tokio::test]
async fn smuggling_forms_are_answered_400_and_nothing_behind_them_is_served() {
    let server = Server::start(Limits::default()).await;
    for form in SMUGGLED.iter().chain(&MALFORMED) {
        let answer = server.all(format!("{form}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{form:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{form:?}: {answer}");
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn smuggling_forms_are_refused_also_byte_by_byte_and_behind_a_sound_request() {
    let server = Server::start(Limits::default()).await;
    for (n, form) in SMUGGLED.iter().enumerate() {
        let mut client = server.connect().await;
        client.set_nodelay(true).unwrap();
        for byte in "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab".bytes().chain(form.bytes()) {
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answers = rest(client).await;
        assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("2:ab"), "{form:?}: {answers}");
        assert!(answers.contains("HTTP/1.1 400 "), "{form:?}: {answers}");
        assert_eq!(server.calls(), n + 1, "{form:?}");
    }
}

/// Why `strict.rs` exists. When this fails hyper has become stricter, and the forms it names need no help any more.
#[tokio::test]
async fn hyper_alone_accepts_each_of_these_forms() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    tasks.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = service_fn(|request| play(request, Arc::default()));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        }
    });
    for (forms, status) in [(&SMUGGLED[..], "HTTP/1.1 200 "), (&MALFORMED[..], "HTTP/1.1 400 ")] {
        for form in forms {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(form.as_bytes()).await.unwrap();
            let answer = read_until(&mut client, "\r\n\r\n").await;
            assert!(answer.starts_with(status), "{form:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection_with_every_kind_of_body() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    let large = "z".repeat(MAX);
    let requests = [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), EMPTY),
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\n\n".to_owned(), "3:\n\n\n"),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nt: u\r\n\r\n"
                .to_owned(),
            "5:abcde",
        ),
        (format!("POST / HTTP/1.1\r\nContent-Length: {MAX}\r\n\r\n{large}"), "100000:zzzzzzzzz"),
        ("\r\nGET / HTTP/1.1\r\n\r\n".to_owned(), EMPTY),
    ];
    for (request, answer) in &requests {
        client.write_all(request.as_bytes()).await.unwrap();
        let head = read_until(&mut client, answer).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
    // And all at once.
    let all: String = requests.iter().map(|it| it.0.as_str()).collect();
    let (mut read, mut write) = client.split();
    let mut seen = Vec::new();
    let receive = async {
        while String::from_utf8_lossy(&seen).matches("HTTP/1.1 200 ").count() < requests.len() {
            read.read_buf(&mut seen).await.unwrap();
        }
    };
    timeout(SOON, async { tokio::join!(write.write_all(all.as_bytes()), receive) }).await.unwrap().0.unwrap();
    assert_eq!(server.calls(), 2 * requests.len());
}

#[tokio::test]
async fn a_slow_head_is_cut_off_also_after_a_served_request() {
    let server = Server::start(Limits { head_within: Duration::from_millis(150), ..Limits::default() }).await;
    // Nothing at all, half a head, and a head that drips.
    assert_eq!(rest(server.connect().await).await, "");
    assert_eq!(server.all("GET / HTTP/1.1\r\nHost: a\r\n").await, "");
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, EMPTY).await;
    // Waiting between requests is not slow.
    sleep(Duration::from_millis(400)).await;
    let mut dripped = 0;
    let drip = async {
        while client.write_all(b"G").await.is_ok() {
            dripped += 1;
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, drip).await.expect("the connection is cut although bytes keep coming");
    assert!(dripped > 1);
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let limits =
        Limits { head_within: Duration::from_millis(50), idle_for: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(limits).await;
    assert!(server.all("GET / HTTP/1.1\r\n\r\n").await.ends_with("0:"));
}

#[tokio::test]
async fn a_slow_answer_is_not_an_idle_connection() {
    let limits =
        Limits { head_within: Duration::from_millis(20), idle_for: Duration::from_millis(20), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /wait HTTP/1.1\r\n\r\n").await.unwrap();
    server.until_calls(1).await;
    sleep(Duration::from_millis(200)).await;
    server.scene.go.notify_one();
    read_until(&mut client, "waited").await;
}

#[tokio::test]
async fn a_head_that_is_too_long_or_has_too_many_headers_is_refused() {
    let server = Server::start(Limits::default()).await;
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(33 * 1024));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
    for request in [long, many] {
        let answer = server.all(request).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let fits = format!("GET / HTTP/1.1\r\nConnection: close\r\n{}\r\n", "x: y\r\n".repeat(99));
    assert!(server.all(fits).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_slow_body_is_given_up_and_its_connection_closes() {
    let server = Server::start(Limits::default()).await;
    let answer = server.all("POST /hasty HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert!(answer.ends_with("TooSlow"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_refusal_reaches_the_client() {
    let server = Server::start(Limits::default()).await;
    // More than the sockets of both sides hold.
    let length = 16 * 1024 * 1024;
    let body = "x".repeat(length);
    let declared = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
    let chunked = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
    for request in [declared, chunked] {
        let mut client = server.connect().await;
        // Most clients read only after they have written; a reset on the way would hide the reason from them.
        timeout(SOON, client.write_all(request.as_bytes())).await.unwrap().expect("the rest is taken and thrown away");
        let answer = rest(client).await;
        assert!(answer.ends_with("TooLarge"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_whose_client_stops_in_the_middle_never_counts_as_whole() {
    let server = Server::start(Limits::default()).await;
    for request in [
        "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut client = server.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let answer = rest(client).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_drops_the_service_and_the_body() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /wait HTTP/1.1\r\n\r\n").await.unwrap();
    server.until_calls(1).await;
    drop(client);
    server.until_gone(1).await;

    let mut client = server.connect().await;
    client.write_all(b"GET /stream HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "first").await;
    assert_eq!(server.scene.gone.load(Ordering::SeqCst), 1);
    drop(client);
    server.until_gone(2).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up_and_its_body_dropped() {
    let limits = Limits { write_within: Duration::from_millis(200), max_connections: 1, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /flood HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "xxx").await;
    server.until_gone(1).await;
    let mut next = server.connect().await;
    next.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut next, EMPTY).await;
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_a_place() {
    let server = Server::start(Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    first.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut first, EMPTY).await;
    let mut second = server.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(server.calls(), 1);
    drop(first);
    read_until(&mut second, EMPTY).await;
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_closes_what_is_idle_and_lets_nobody_in() {
    let server = Server::start(Limits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut idle, EMPTY).await;
    let fresh = server.connect().await;
    let (mut waiting, mut streaming) = (server.connect().await, server.connect().await);
    waiting.write_all(b"GET /wait HTTP/1.1\r\n\r\n").await.unwrap();
    streaming.write_all(b"GET /stream HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut streaming, "first").await;
    server.until_calls(3).await;

    server.drain.begin();
    assert_eq!(rest(idle).await, "");
    assert_eq!(rest(fresh).await, "");
    until_refused(server.address).await;
    sleep(Duration::from_millis(50)).await;
    server.scene.go.notify_waiters();
    assert!(rest(waiting).await.ends_with("waited"));
    assert!(rest(streaming).await.ends_with("4\r\nlast\r\n0\r\n\r\n"));
    assert_eq!(server.tasks.wait(SOON).await, 0);
}

async fn until_refused(address: SocketAddr) {
    let tried = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(SOON, tried).await.expect("the listener is closed");
}

#[tokio::test]
async fn a_drain_cuts_what_does_not_end_in_time() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /stream HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "first").await;
    server.drain.begin();
    assert_eq!(server.tasks.wait(SOON).await, 0);
    assert_eq!(server.scene.gone.load(Ordering::SeqCst), 1);
    assert!(!rest(client).await.contains("last"));
}
