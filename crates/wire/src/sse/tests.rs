//! Streams as servers send them, and the promise that no split changes what is read.

use proptest::prelude::*;

use super::*;

fn read(pieces: &[&[u8]]) -> (Vec<Sse>, Tail) {
    let mut reader = SseReader::new();
    let mut out = Vec::new();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(item) = reader.pull().unwrap() {
            out.push(item);
        }
    }
    (out, reader.finish())
}

fn event(data: &str) -> Sse {
    Sse::Event(SseEvent { data: Bytes::copy_from_slice(data.as_bytes()), kind: None })
}

#[test]
fn every_kind_of_line_end_ends_a_line() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("\u{feff}data: a{end}{end}data:b{end}data:  c{end}{end}");
        assert_eq!(read(&[text.as_bytes()]), (vec![event("a"), event("b\n c")], Tail::Clean), "{end:?}");
    }
}

#[test]
fn comments_and_events_without_data_are_signs_of_life_only() {
    let text = b": OPENROUTER PROCESSING\n\n\n\nevent: ping\n\ndata:\n\nretry: 10\nid: 4\ndata: x\n\n";
    assert_eq!(read(&[text]), (vec![Sse::Ping, Sse::Ping, Sse::Ping, event("x")], Tail::Clean));
}

#[test]
fn the_name_of_an_event_is_kept() {
    let (events, _) = read(&[b"event: error\ndata: {\"error\":{}}\n\n"]);
    let expected = SseEvent { data: Bytes::from_static(b"{\"error\":{}}"), kind: Some("error".into()) };
    assert_eq!(events, [Sse::Event(expected)]);
}

#[test]
fn an_event_inside_one_piece_is_not_copied() {
    let piece = Bytes::from_static(b"data: hello\n\n");
    let mut reader = SseReader::new();
    reader.push(piece.clone());
    let Some(Sse::Event(event)) = reader.pull().unwrap() else { panic!("no event") };
    assert_eq!(event.data.as_ptr(), piece.slice(6..).as_ptr());
}

#[test]
fn pieces_may_be_pushed_ahead_of_pulling() {
    let mut reader = SseReader::new();
    reader.push(Bytes::from_static(b"data: a\n\nda"));
    reader.push(Bytes::from_static(b"ta: b\n\n"));
    assert_eq!(reader.pull(), Ok(Some(event("a"))));
    assert_eq!(reader.pull(), Ok(Some(event("b"))));
    assert_eq!(reader.pull(), Ok(None));
}

#[test]
fn the_end_tells_what_was_left_over() {
    let data = |text: &str| Tail::Event(SseEvent { data: Bytes::copy_from_slice(text.as_bytes()), kind: None });
    assert_eq!(read(&[b""]).1, Tail::Clean);
    assert_eq!(read(&[b"data: a\n\n: comm"]).1, Tail::Clean);
    assert_eq!(read(&[b"data: [DONE]"]).1, data("[DONE]"));
    assert_eq!(read(&[b"data: [DONE]\n"]).1, data("[DONE]"));
    assert_eq!(read(&[b"data: {\"a\":"]).1, data("{\"a\":"));
    assert_eq!(read(&[b"event: err"]).1, Tail::Broken);
    assert_eq!(read(&[b"data: a\nda"]).1, Tail::Broken);
}

#[test]
fn an_endless_event_is_refused_however_it_comes() {
    let line = vec![b'x'; 1 << 20];
    let mut long_line = SseReader::new();
    let mut many_lines = SseReader::new();
    let mut refused = [false; 2];
    for _ in 0..9 {
        long_line.push(Bytes::from(line.clone()));
        refused[0] |= long_line.pull() == Err(SseError::TooLarge);
        many_lines.push(Bytes::from([b"data: ", line.as_slice(), b"\n"].concat()));
        refused[1] |= many_lines.pull() == Err(SseError::TooLarge);
    }
    assert_eq!(refused, [true, true]);
    long_line.push(Bytes::from_static(b"\n\ndata: a\n\n"));
    assert_eq!(long_line.pull(), Err(SseError::TooLarge), "a stream that was refused stays refused");
}

#[test]
fn what_is_written_reads_back_the_same() {
    assert_eq!(write_event(b"{}"), "data: {}\n\n".as_bytes());
    assert_eq!(read(&[&write_event(b"a\n\nb\r\nc")]).0, [event("a\n\nb\nc")]);
}

proptest! {
    #[test]
    fn no_split_changes_what_is_read(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "data: ", "data:", "data", ": ping", "event: x", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "{\"a\":\"\u{e9}\"}", " ", "zz",
            ]),
            0..30,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = parts.concat().into_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&pieces), read(&[&bytes]));
    }
}
