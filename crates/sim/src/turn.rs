//! One call on its way to an answer, and the pace at which a simulated model speaks; the same for every shape.
//!
//! Delays are drawn here, never waited for.

use std::time::Duration;

use fastrand::Rng;

use crate::SimSettings;
use crate::desk::OpenCall;
use crate::fault::Fault;
use crate::said::Said;

/// How much longer `slow-first-token` takes.
pub(crate) const SLOW: Duration = Duration::from_secs(5);
/// The pause between tokens of `drip`.
pub(crate) const DRIP: Duration = Duration::from_secs(2);
/// The pause between signs of life of `pings-only`.
pub(crate) const BEAT: Duration = Duration::from_secs(2);
/// Bytes of a body that `drip` sends at a time: about a token.
pub(crate) const DRIP_BYTES: usize = 16;
/// `prompt-cut` reports one token of this many, as a server does whose context is far too small.
const CUT_TO: usize = 10;
/// A piece of a stream is at most this long, in characters.
const PIECE: usize = 12;

/// One call to answer.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a SimSettings,
    pub(crate) call: &'a OpenCall,
    pub(crate) fault: Option<Fault>,
    pub(crate) rng: Rng,
}

// === impl Turn ===

impl Turn<'_> {
    /// Whether the call meets this fault.
    pub(crate) fn meets(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Draws the time to the first token.
    pub(crate) fn first_token(&mut self) -> Duration {
        self.settings.first_token.sample(&mut self.rng)
    }

    /// Draws the time between two tokens.
    pub(crate) fn between_tokens(&mut self) -> Duration {
        if self.meets(Fault::Drip) { DRIP } else { self.settings.between_tokens.sample(&mut self.rng) }
    }

    /// Draws how long a model takes for an answer that is sent when it is whole: the first token and all the others.
    pub(crate) fn thinking(&mut self, said: &Said) -> Duration {
        if self.meets(Fault::Drip) || self.meets(Fault::PingsOnly) {
            return Duration::ZERO;
        }
        let pieces: usize = said.texts().map(|text| pieces(text).len()).sum();
        let mut delay = self.first_token();
        for _ in 1..pieces {
            delay += self.between_tokens();
        }
        delay + if self.meets(Fault::SlowFirstToken) { SLOW } else { Duration::ZERO }
    }

    /// What the provider says of a prompt's length: the truth, but under `prompt-cut`.
    pub(crate) fn reported(&self, prompt_tokens: usize) -> usize {
        if self.meets(Fault::PromptCut) { (prompt_tokens / CUT_TO).max(1) } else { prompt_tokens }
    }
}

/// Which of so many pieces is the last before a break: at least one, and where there are two, not the last.
pub(crate) fn middle(pieces: usize) -> usize {
    pieces.div_ceil(2).min(pieces.saturating_sub(1)).max(1)
}

/// Words, cut where they are long; at least two pieces where there are two letters, so that every text has a middle.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let most = rest.char_indices().nth(PIECE).map_or(rest.len(), |(end, _)| end);
        let end = rest.get(..most).and_then(|piece| piece.find(' ')).map_or(most, |blank| blank + 1);
        let (piece, more) = rest.split_at_checked(end).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = more;
    }
    match pieces.as_slice() {
        [only] => match only.char_indices().nth(1) {
            Some((second, _)) => only.split_at_checked(second).map_or(pieces.clone(), |(a, b)| vec![a, b]),
            None => pieces,
        },
        _ => pieces,
    }
}
