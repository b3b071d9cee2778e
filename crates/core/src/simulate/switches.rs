//! A naive model of keys: what a provider asked for, what it told of its limits, and what is off and probed.

use std::time::Duration;

use crate::limits::Limits;
use crate::simulate::scopes::Start;
use crate::time::Now;

/// The shortest and the longest time before something that was switched off is probed.
const FIRST_OFF: Duration = Duration::from_secs(60);
const LONGEST_OFF: Duration = Duration::from_secs(3_600);

/// One key for one model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key {
    pub(crate) asked_until: Now,
    pub(crate) off: Switch,
    /// The last call that had begun when it met a rate limit, until a later call works: how long it cools then is not
    /// modelled.
    pub(crate) limited: Option<u64>,
    told: Option<Told>,
    /// Calls that have begun: their numbers, and the tokens of all up to then.
    begun: Vec<(u64, u64)>,
}

/// The newest thing that a reply told of a key's limits.
#[derive(Debug, Clone, Copy)]
struct Told {
    by: u64,
    requests: Option<(u64, Now)>,
    tokens: Option<(u64, Now)>,
}

/// How a key stands by what its provider told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stock {
    /// Nothing was told, or enough is left.
    Enough,
    /// A call would meet a limit.
    Empty,
    /// The window is over: nobody has told of the next one.
    Unknown,
}

/// Something that is off since an instant, and probed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch {
    pub(crate) off_at: Option<Now>,
    wait: Duration,
    /// The last call that had begun when it was switched off: what that call and older ones say is old news.
    last_id: u64,
    probe: Option<(u64, Now)>,
}

// === impl Key ===

impl Key {
    pub(crate) fn started(&mut self, start: &Start) {
        let before = self.begun.last().map_or(0, |(_, tokens)| *tokens);
        self.begun.push((start.id, before + start.prompt_tokens));
    }

    pub(crate) fn told(&mut self, limits: &Limits, by: u64, now: Now) {
        let nothing = limits.requests.is_none() && limits.tokens.is_none();
        if nothing || self.told.is_some_and(|it| by < it.by) {
            return;
        }
        let seen = |window: Option<crate::limits::Window>| {
            window.map(|it| (it.left, now + it.resets_in.unwrap_or(Duration::from_secs(1))))
        };
        let before = self.told;
        self.told = Some(Told {
            by,
            requests: seen(limits.requests).or(before.and_then(|it| it.requests)),
            tokens: seen(limits.tokens).or(before.and_then(|it| it.tokens)),
        });
    }

    /// Forgets what keeps it from being used.
    pub(crate) fn reset(&mut self) {
        *self = Self { begun: std::mem::take(&mut self.begun), ..Self::default() };
    }

    pub(crate) fn stock(&self, prompt_tokens: u64, now: Now) -> Stock {
        let Some(told) = self.told else { return Stock::Enough };
        let place = self.begun.partition_point(|(id, _)| *id <= told.by);
        let sum = |it: Option<&(u64, u64)>| it.map_or(0, |(_, tokens)| *tokens);
        let calls = (self.begun.len() - place) as u64;
        let tokens = sum(self.begun.last()) - sum(place.checked_sub(1).and_then(|it| self.begun.get(it)));
        let known = [(told.requests, calls, 1), (told.tokens, tokens, prompt_tokens.max(1))];
        let known = known.into_iter().filter_map(|(told, spent, wanted)| {
            let (left, until) = told?;
            Some(match (now < until, left >= spent + wanted) {
                (true, true) => Stock::Enough,
                (true, false) => Stock::Empty,
                (false, _) => Stock::Unknown,
            })
        });
        let known: Vec<Stock> = known.collect();
        [Stock::Empty, Stock::Unknown].into_iter().find(|it| known.contains(it)).unwrap_or(Stock::Enough)
    }
}

// === impl Switch ===

impl Switch {
    /// A call begins that was not to be made before its time: twice as late where nothing below could answer.
    pub(crate) fn started(&mut self, start: &Start) -> Result<(), &'static str> {
        let Some(off_at) = self.off_at else { return Ok(()) };
        let running = self.probe.replace((start.id, start.lease));
        let wait = if start.covered { self.wait } else { self.wait * 2 };
        if start.at < off_at + wait {
            return Err("was switched off and called before its time");
        }
        match running {
            Some((_, lease)) if start.at < lease => Err("was switched off and probed twice at once"),
            _ => Ok(()),
        }
    }

    pub(crate) fn ended(&mut self, id: u64, good: bool) {
        if good && id > self.last_id {
            *self = Self::default();
        }
        if self.probe.is_some_and(|(probe, _)| probe == id) {
            self.probe = None;
        }
    }

    /// Told that it must be off. What older calls say moves nothing while it is off already.
    pub(crate) fn bad(&mut self, id: u64, last_id: u64, now: Now) {
        if self.off_at.is_none() || id > self.last_id {
            let wait = if self.off_at.is_none() { FIRST_OFF } else { (self.wait * 2).min(LONGEST_OFF) };
            *self = Self { off_at: Some(now), wait, last_id, probe: None };
        }
    }
}
