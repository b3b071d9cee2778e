//! What passes, what does not, and that neither depends on how the bytes arrive.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use super::*;

/// Feeds all at once.
fn verdict(bytes: &[u8]) -> (Result<(), usize>, Scan) {
    let mut scan = Scan::new();
    let result = scan.feed(bytes);
    (result, scan)
}

/// Feeds in pieces that end at these offsets; the offset of an offence is one in the whole.
fn verdict_in_pieces(bytes: &[u8], cuts: &[usize]) -> (Result<(), usize>, Scan) {
    let mut cuts: Vec<usize> = cuts.iter().map(|it| it % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut scan = Scan::new();
    let mut fed = 0;
    for cut in cuts {
        if let Err(offset) = scan.feed(&bytes[fed..cut]) {
            return (Err(fed + offset), scan);
        }
        fed = cut;
    }
    (Ok(()), scan)
}

fn at_rest(bytes: &[u8]) -> bool {
    let (result, scan) = verdict(bytes);
    result.is_ok() && scan == Scan::new()
}

#[test]
fn sound_requests_pass_and_leave_nothing_behind() {
    let long = "x".repeat(10_000);
    let sound = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab\ncd".to_owned(),
        "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nCONTENT-LENGTH: \t 3 \r\n\r\n\n\n\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\n\n\n\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"
            .to_owned(),
        "POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\n\r\n0\r\nContent-Length: 9\r\nb: c\r\n\r\n".to_owned(),
        format!(
            "GET /{long} HTTP/1.1\r\nCookie: {long}\r\ncontent-lengthy: {long}\r\nx-transfer-encoding: gzip\r\n\r\n"
        ),
    ];
    for request in &sound {
        assert!(at_rest(request.as_bytes()), "{request:.80}");
        assert!(at_rest(request.repeat(3).as_bytes()), "three times {request:.80}");
    }
}

#[test]
fn smuggling_forms_are_refused_at_the_line_that_shows_them() {
    let offences = [
        "GET / HTTP/1.1\n",
        "\n",
        "\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 6\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: y\n",
    ];
    for request in offences {
        let (result, _) = verdict(request.as_bytes());
        assert_eq!(result, Err(request.len() - 1), "{request}");
    }
}

#[test]
fn a_length_pushed_out_of_sight_by_spaces_is_refused() {
    for name in ["Content-Length", "Transfer-Encoding"] {
        let request = format!("POST / HTTP/1.1\r\n{name}:{}5\r\n", " ".repeat(100));
        assert_eq!(verdict(request.as_bytes()).0, Err(request.len() - 1), "{name}");
    }
}

/// Requests, sound and not, made of pieces that meet at awkward places.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Content-Length: 7\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"5\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"hello\r\n".to_vec()),
        Just(b"body\n\r\n".to_vec()),
        Just(b"content-length:                                                  1\r\n".to_vec()),
        vec(any::<u8>(), 0..80),
    ];
    vec(piece, 0..24).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_verdict(bytes in stream(), cuts in vec(any::<usize>(), 0..12)) {
        let whole = verdict(&bytes);
        let pieces = verdict_in_pieces(&bytes, &cuts);
        prop_assert_eq!(&whole.0, &pieces.0);
        if whole.0.is_ok() {
            prop_assert_eq!(whole.1, pieces.1);
        }
        let single: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(verdict_in_pieces(&bytes, &single).0, whole.0);
    }

    /// Whatever a caller puts into bodies, the request behind them begins where it was meant to.
    #[test]
    fn bodies_never_move_a_boundary(bodies in vec(vec(any::<u8>(), 0..200), 1..6), chunk in 1_usize..40) {
        let mut bytes = Vec::new();
        for (n, body) in bodies.iter().enumerate() {
            bytes.extend_from_slice(b"POST / HTTP/1.1\r\n");
            if n % 2 == 0 {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
            } else {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for part in body.chunks(chunk) {
                    bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        prop_assert!(at_rest(&bytes));
        bytes.extend_from_slice(b"GET / HTTP/1.1\n");
        prop_assert_eq!(verdict(&bytes).0, Err(bytes.len() - 1));
    }

    /// What is handed on is what came, up to an offence, and nothing of what came after one.
    #[test]
    fn bytes_are_handed_on_unchanged_and_never_past_an_offence(bytes in stream(), room in 1_usize..64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let seen = runtime.block_on(async {
            let mut strict = Strict::new(bytes.as_slice(), Duration::from_secs(10), Duration::from_secs(60));
            let (mut seen, mut buf) = (Vec::new(), vec![0; room]);
            loop {
                let n = strict.read(&mut buf).await.unwrap();
                if n == 0 {
                    break seen;
                }
                seen.extend_from_slice(&buf[..n]);
            }
        });
        match verdict(&bytes).0 {
            Ok(()) => prop_assert_eq!(seen, bytes),
            Err(offset) => {
                prop_assert_eq!(&seen[..offset], &bytes[..offset]);
                prop_assert_eq!(&seen[offset..], b"\0\r\n\r\n");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_times_out_however_its_bytes_drip() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut strict = Strict::new(server, Duration::from_secs(10), Duration::from_secs(60));
    let begun = Instant::now();
    let drip = async {
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(3)).await;
            tokio::io::AsyncWriteExt::write_all(&mut client, b"x").await.unwrap();
        }
    };
    let read = async {
        loop {
            if let Err(error) = strict.read_u8().await {
                break error;
            }
        }
    };
    let error = tokio::select! { error = read => error, () = drip => panic!("three minutes of dripping went by") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_wait_between_requests_or_inside_a_body_is_not_a_slow_head() {
    let (mut client, server) = tokio::io::duplex(1024);
    let mut strict = Strict::new(server, Duration::from_secs(10), Duration::from_secs(60));
    for request in ["POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", "c\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        tokio::io::AsyncWriteExt::write_all(&mut client, request.as_bytes()).await.unwrap();
        let mut seen = vec![0; request.len()];
        strict.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen, request.as_bytes());
        let waited = tokio::time::timeout(Duration::from_secs(60), strict.read_u8()).await;
        assert!(waited.is_err(), "{request:?} was followed by {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_is_slow_is_not() {
    use tokio::io::AsyncWriteExt as _;
    let (mut client, server) = tokio::io::duplex(4);
    let mut strict = Strict::new(server, Duration::from_secs(10), Duration::from_secs(60));
    let mut taken = [0; 4];
    let take = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(59)).await;
            client.read_exact(&mut taken).await.unwrap();
        }
        Instant::now()
    };
    let (last, (error, at)) =
        tokio::join!(take, async { (strict.write_all(&[b'x'; 100]).await.unwrap_err(), Instant::now()) });
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!((at - last).as_secs(), 60);
}
