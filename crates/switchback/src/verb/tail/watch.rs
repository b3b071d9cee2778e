//! One stream of events after the other, as what is shown. Knows what was shown, so that nothing is shown twice.

use std::collections::VecDeque;
use std::time::Duration;

use http_body_util::BodyExt as _;
use switchback_core::record::DecisionRecord;
use switchback_gateway::upstream::LeasedBody;
use switchback_wire::sse::{Sse, SseEvent, SseReader};

use super::line;
use crate::say;

/// Longest silence: the gateway gives a sign of life far more often.
const SILENCE: Duration = Duration::from_secs(60);
/// How many of the last requests are remembered as shown.
const REMEMBERED: usize = 1_000;
/// How long before the newest request that was shown another one may have finished without having been shown.
const OVERLAP_MS: u64 = 5_000;

/// What was shown so far, and how.
pub(super) struct Watch {
    json: bool,
    explain: bool,
    shown: VecDeque<Box<str>>,
    /// When the newest of them finished, Unix milliseconds.
    newest_ms: Option<u64>,
    /// From here on what finished before was on an earlier stream.
    since_ms: u64,
}

/// Why a stream ended.
pub(super) enum Ended {
    /// Nobody reads our output any more.
    Unread,
    /// The connection broke.
    Lost(String),
}

// === impl Watch ===

impl Watch {
    pub(super) fn new(json: bool, explain: bool) -> Self {
        Self { json, explain, shown: VecDeque::new(), newest_ms: None, since_ms: 0 }
    }

    /// Whether anything was shown.
    pub(super) fn has_shown(&self) -> bool {
        self.newest_ms.is_some()
    }

    /// Shows what comes until the stream ends.
    pub(super) async fn read(&mut self, mut events: LeasedBody) -> Ended {
        self.since_ms = self.newest_ms.map_or(0, |it| it.saturating_sub(OVERLAP_MS));
        let mut reader = SseReader::new();
        loop {
            let frame = match tokio::time::timeout(SILENCE, events.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Ended::Lost(error.to_string()),
                Ok(None) => return Ended::Lost("the gateway ended the stream".to_owned()),
                Err(_) => return Ended::Lost(format!("no sign of life for {} s", SILENCE.as_secs())),
            };
            let Ok(piece) = frame.into_data() else { continue };
            reader.push(piece);
            loop {
                match reader.pull() {
                    Ok(Some(Sse::Event(event))) if !self.is_taken(&event) => return Ended::Unread,
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => return Ended::Lost(error.to_string()),
                }
            }
        }
    }

    /// Whether somebody still reads what we show.
    fn is_taken(&mut self, event: &SseEvent) -> bool {
        let text = String::from_utf8_lossy(&event.data);
        match event.kind.as_deref() {
            Some("request") => {}
            Some("missed") => {
                say::talk(&format!("! {} requests are not shown: they came faster than they were read", text.trim()));
                return true;
            }
            // Events of other kinds are for other readers.
            _ => return true,
        }
        let record: DecisionRecord = match serde_json::from_str(&text) {
            Ok(record) => record,
            Err(error) => {
                say::talk(&format!(
                    "! a request is not shown, its record is not understood (another version?): {error}"
                ));
                return true;
            }
        };
        if !self.is_new(&record) {
            return true;
        }
        if self.json {
            // A line end inside can only be white space between values.
            return say::is_taken(&text.replace(['\n', '\r'], " "));
        }
        let told = if self.explain { line::told(&record) } else { line::of(&record) };
        say::is_taken(&told)
    }

    fn is_new(&mut self, record: &DecisionRecord) -> bool {
        let id = &*record.object.request_id;
        let finished_ms = line::finished_ms(record);
        if finished_ms < self.since_ms || self.shown.iter().any(|it| &**it == id) {
            return false;
        }
        if self.shown.len() >= REMEMBERED {
            self.shown.pop_front();
        }
        self.shown.push_back(id.into());
        self.newest_ms = self.newest_ms.max(Some(finished_ms));
        true
    }
}
