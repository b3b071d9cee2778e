//! What providers do: per call a regime that changes with time, and the script of one call under it.
//!
//! A script is the truth of a call; the world cuts it by the clocks of the attempt as the shell would.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dice::Dice;
use crate::failure::{CLASSES, Confidence, Detail, Failure, FailureClass};
use crate::id::Name;
use crate::limits::Limits;
use crate::policy::RungKind;
use crate::record::Usage;
use crate::simulate::check::Scene;
use crate::simulate::policy_maker::{chance, ms, one_of};
use crate::simulate::scopes::Truth;
use crate::simulate::windows::Windows;
use crate::step::{Call, Facts};
use crate::time::Now;

/// What a provider does with one call, if nothing cuts it.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Time to the first content; for a failure without content, at least the time to the failure.
    pub(crate) first: Duration,
    /// Time to the end.
    pub(crate) whole: Duration,
    /// How it ends; `None`: well.
    pub(crate) failure: Option<Failure>,
    /// Whether a failure comes after content has flowed.
    pub(crate) after_content: bool,
    /// What is known of it besides, if nothing cuts it.
    pub(crate) facts: Facts,
    /// Whether it met the end of a window.
    pub(crate) is_limited: bool,
}

/// What a call comes to under the clocks of its attempt.
#[derive(Debug)]
pub(crate) struct Plan {
    /// When a live stream commits.
    pub(crate) commits: Option<Now>,
    pub(crate) ends: Now,
    /// Whether one of our clocks ends it.
    pub(crate) by_timer: bool,
    pub(crate) truth: Truth,
}

/// Every provider.
#[derive(Debug)]
pub(crate) struct Faults {
    dice: Dice,
    regimes: BTreeMap<Name, Regime>,
    windows: Windows,
    /// When set, everything is healthy.
    pub(crate) calm: bool,
}

#[derive(Debug, Clone, Copy)]
struct Regime {
    kind: Kind,
    until: Now,
    latency: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Healthy,
    /// A share of the calls fails with this class, in percent.
    Failing(FailureClass, u64),
    /// A share of the calls fails with any class.
    Mixed(u64),
    /// Tens of times slower.
    Slow,
    /// Nothing answers: refused, reset, or silence.
    Dead,
    /// Up and down with this period.
    Flapping(Duration),
    /// Some keys (a bit set) meet this class.
    Keys(u64, FailureClass),
}

// === impl Script ===

impl Script {
    /// Plays the script of a call that begins now, as a shell would see it.
    pub(crate) fn cut(self, call: &Call, scene: &Scene<'_>, stream: bool, live: bool) -> Plan {
        let now = scene.now;
        let rung = scene.task.ladder.get(call.rung).map(|it| &it.kind);
        let shorter =
            matches!(rung, Some(RungKind::Try(it)) if call.ends < now + own_timeout(scene, it.timeout, call.repair));
        let by_deadline = shorter && (scene.ask.deadline_is_clients || call.attempt > 1);
        let timeout = |detail, cut_by_deadline| Truth {
            failure: Some(Failure::new(FailureClass::Timeout).with_detail(detail)),
            cut_by_deadline,
            facts: Facts::default(),
        };
        let flows = self.failure.is_none() || self.after_content;
        let first = now + if flows { self.first } else { self.whole };
        let end = now + self.whole;
        if stream && first > call.first_token && call.first_token < call.ends {
            let truth = timeout(Detail::FirstToken, false);
            return Plan { commits: None, ends: call.first_token, by_timer: true, truth };
        }
        let judged = if live && flows { first } else { end };
        if judged > call.ends {
            let truth = timeout(Detail::Total, by_deadline);
            return Plan { commits: None, ends: call.ends, by_timer: true, truth };
        }
        let commits = (live && flows).then_some(first);
        let longest = now + scene.task.stream_deadline;
        if commits.is_some() && end > longest {
            let mut truth = timeout(Detail::Total, false);
            truth.facts.status = Some(200);
            return Plan { commits, ends: longest.max(first), by_timer: true, truth };
        }
        let truth = Truth { failure: self.failure, cut_by_deadline: false, facts: self.facts };
        Plan { commits, ends: end, by_timer: false, truth }
    }
}

// === impl Faults ===

impl Faults {
    pub(crate) const fn new(mut dice: Dice) -> Self {
        let windows = Windows::new(Dice::seeded(dice.bits()));
        Self { dice, regimes: BTreeMap::new(), windows, calm: false }
    }

    /// The script of one call with what is known of it.
    pub(crate) fn play(&mut self, call: &Name, key: usize, prompt_tokens: u64, now: Now) -> Script {
        let mut script = self.script(call, key, now);
        let arrives = script.failure.as_ref().is_none_or(|it| it.class != FailureClass::Transport);
        let reaches = !self.calm && arrives;
        if reaches && let Some(limited) = self.windows.take(call, key, prompt_tokens, now) {
            script = Script { failure: Some(limited), after_content: false, is_limited: true, ..script };
            script.whole = script.whole.min(ms(100));
        }
        script.facts = self.facts(&script, prompt_tokens);
        script
    }

    /// What a reply that is made now tells of the provider's limits.
    pub(crate) fn limits(&mut self, call: &Name, key: usize, now: Now) -> Limits {
        if self.calm { Limits::default() } else { self.windows.tell(call, key, now) }
    }

    fn facts(&mut self, script: &Script, prompt_tokens: u64) -> Facts {
        let dice = &mut self.dice;
        let (failure, mut facts) = (script.failure.as_ref(), Facts::default());
        let whole = failure.is_none_or(|it| it.status == Some(200));
        facts.status = match failure {
            None => Some(200),
            Some(_) if script.after_content => Some(200),
            // Where nothing but the failure knows the status.
            Some(_) if chance(dice, 30) => None,
            Some(it) => it.status,
        };
        if whole && chance(dice, 80) {
            facts.usage = Some(Usage {
                prompt: Some(prompt_tokens),
                completion: chance(dice, 95).then(|| dice.below(2_000)),
                cached: chance(dice, 30).then_some(prompt_tokens / 2),
                ..Usage::default()
            });
        }
        if failure.is_none() && chance(dice, 5) {
            facts.mended.push("fences".into());
        }
        if failure.is_none() && chance(dice, 5) {
            facts.dropped.push("logit_bias".into());
        }
        facts
    }

    fn script(&mut self, call: &Name, key: usize, now: Now) -> Script {
        let regime = self.regime(call, now);
        let dice = &mut self.dice;
        let latency = regime.latency + dice.span(regime.latency);
        let healthy = |dice: &mut Dice| Script {
            first: latency,
            whole: latency + dice.span(latency.saturating_mul(8)),
            failure: None,
            after_content: false,
            facts: Facts::default(),
            is_limited: false,
        };
        if self.calm {
            return Script {
                first: ms(20),
                whole: ms(40),
                failure: None,
                after_content: false,
                facts: Facts::default(),
                is_limited: false,
            };
        }
        match regime.kind {
            Kind::Failing(class, share) if chance(dice, share) => failing(dice, class, latency),
            Kind::Mixed(share) if chance(dice, share) => {
                let class = any_class(dice);
                failing(dice, class, latency)
            }
            Kind::Keys(bad, class) if bad >> key & 1 == 1 => failing(dice, class, latency),
            Kind::Dead => dead(dice, latency),
            Kind::Flapping(period) => {
                let nanos = period.as_nanos().max(1);
                let down = (now.since_origin().as_nanos() / nanos) % 2 == 1;
                if down { failing(dice, FailureClass::Overloaded, latency) } else { healthy(dice) }
            }
            Kind::Slow => {
                let slow = latency.saturating_mul(40);
                Script {
                    first: slow,
                    whole: slow + dice.span(slow),
                    failure: None,
                    after_content: false,
                    facts: Facts::default(),
                    is_limited: false,
                }
            }
            Kind::Healthy | Kind::Failing(..) | Kind::Mixed(_) | Kind::Keys(..) => healthy(dice),
        }
    }

    fn regime(&mut self, call: &Name, now: Now) -> Regime {
        if let Some(it) = self.regimes.get(call)
            && now < it.until
        {
            return *it;
        }
        let dice = &mut self.dice;
        let kind = match dice.below(24) {
            0..9 => Kind::Healthy,
            9..13 => Kind::Failing(any_class(dice), one_of(dice, 100, &[20, 60])),
            13..18 => Kind::Mixed(one_of(dice, 30, &[10, 90])),
            18 => Kind::Slow,
            19 | 20 => Kind::Dead,
            21 | 22 => Kind::Flapping(one_of(dice, ms(3_000), &[ms(300), ms(30_000)])),
            _ => {
                let class = one_of(
                    dice,
                    FailureClass::RateLimited,
                    &[FailureClass::Auth, FailureClass::QuotaExhausted, FailureClass::RateLimited],
                );
                Kind::Keys(1 + dice.below(7), class)
            }
        };
        let longest = one_of(dice, ms(5_000), &[ms(60_000), ms(600_000)]);
        let until = now + ms(500) + dice.span(longest);
        let latency = one_of(dice, ms(50), &[ms(5), ms(400)]);
        let regime = Regime { kind, until, latency };
        self.regimes.insert(Name::clone(call), regime);
        regime
    }
}

/// The clock of an attempt: a repair may have a shorter one.
pub(crate) fn own_timeout(scene: &Scene<'_>, of_rung: Duration, repair: bool) -> Duration {
    scene.task.repair.timeout.filter(|_| repair).map_or(of_rung, |own| own.min(of_rung))
}

/// Any class that an upstream call can end with.
fn any_class(dice: &mut Dice) -> FailureClass {
    let place = usize::try_from(dice.below(CLASSES.len() as u64)).unwrap_or(0);
    let class = CLASSES.get(place).map_or(FailureClass::ServerError, |row| row.class);
    // What is switched off stays off for minutes: rare, or nothing else would ever be seen.
    let rare = matches!(class, FailureClass::Auth | FailureClass::QuotaExhausted | FailureClass::NotFound);
    match class {
        // A cancellation is the caller's doing: it comes from the world.
        FailureClass::Cancelled => FailureClass::Contract,
        _ if chance(dice, 10) => FailureClass::Contract,
        _ if rare && chance(dice, 85) => one_of(dice, FailureClass::ServerError, &[FailureClass::Transport]),
        _ => class,
    }
}

fn dead(dice: &mut Dice, latency: Duration) -> Script {
    match dice.below(4) {
        0 => Script {
            first: ms(3_600_000),
            whole: ms(3_600_000),
            failure: None,
            after_content: false,
            facts: Facts::default(),
            is_limited: false,
        },
        1 => failing(dice, FailureClass::Timeout, latency),
        _ => failing(dice, FailureClass::Transport, latency),
    }
}

fn failing(dice: &mut Dice, class: FailureClass, latency: Duration) -> Script {
    let failure = failure(dice, class);
    let can_flow = matches!(
        class,
        FailureClass::Transport
            | FailureClass::ServerError
            | FailureClass::Overloaded
            | FailureClass::Contract
            | FailureClass::Truncated
            | FailureClass::PolicyBlocked
            | FailureClass::Refusal
    );
    let after_content = can_flow && chance(dice, 40);
    Script {
        first: latency,
        whole: latency + dice.span(latency),
        failure: Some(failure),
        after_content,
        facts: Facts::default(),
        is_limited: false,
    }
}

/// A failure of this class with one of its details, statuses and waits.
fn failure(dice: &mut Dice, class: FailureClass) -> Failure {
    use Detail as D;
    let (details, statuses): (&[D], &[u16]) = match class {
        FailureClass::Transport => (&[D::Dns, D::Connect, D::Tls, D::Reset, D::Unfinished], &[]),
        FailureClass::Timeout => (&[D::Connect, D::Connect, D::Queued], &[408, 504, 524]),
        FailureClass::RateLimited => (&[D::TooLargeForLimit], &[429]),
        FailureClass::QuotaExhausted => (&[], &[429, 402, 403]),
        FailureClass::Overloaded => (&[], &[529, 503, 429]),
        FailureClass::ServerError => (&[D::Unclassified], &[500, 502, 418]),
        FailureClass::Auth => (&[], &[401, 401, 403]),
        FailureClass::NotFound => (&[], &[404]),
        FailureClass::Contract => (&[D::Malformed, D::Json, D::Schema, D::ToolCall, D::ToolMissing, D::Empty], &[200]),
        FailureClass::Truncated => (&[D::ReasoningOnly], &[200]),
        FailureClass::PolicyBlocked => (&[D::Input, D::Output], &[400, 200]),
        FailureClass::InvalidRequest | FailureClass::ContextWindow | FailureClass::Capability => (&[], &[400, 422]),
        _ => (&[], &[]),
    };
    let mut failure = Failure::new(class);
    failure.detail = pick(dice, details);
    failure.status = pick(dice, statuses);
    if class == FailureClass::RateLimited && failure.detail.is_some() {
        failure.detail = chance(dice, 10).then_some(D::TooLargeForLimit);
    }
    failure.words_kept = chance(dice, 70);
    let told = matches!(failure.detail, Some(D::Json | D::Schema | D::ToolCall | D::ToolMissing | D::Empty));
    failure.repairable = match class {
        FailureClass::Contract => told && chance(dice, 80),
        FailureClass::LowQuality => chance(dice, 30),
        _ => false,
    };
    if class == FailureClass::Capability && chance(dice, 60) {
        failure.hint = Some(one_of(dice, "seed", &["top_k"]));
    }
    failure.forbids_same_route = failure.detail == Some(D::TooLargeForLimit) || chance(dice, 3);
    let may_ask = matches!(class, FailureClass::RateLimited | FailureClass::Overloaded | FailureClass::ServerError);
    failure.retry_after = (may_ask && chance(dice, 50)).then(|| {
        let usual = [ms(0), ms(100), ms(1_500), ms(5_000), ms(30_000), ms(120_000)];
        if chance(dice, 3) { one_of(dice, Duration::MAX, &[ms(200_000_000)]) } else { one_of(dice, ms(800), &usual) }
    });
    if chance(dice, 10) {
        failure.message = Some("the provider said so".into());
        failure.confidence = Confidence::Low;
    }
    failure
}

/// One of these or none.
fn pick<T: Copy>(dice: &mut Dice, of: &[T]) -> Option<T> {
    let place = usize::try_from(dice.below(of.len() as u64 + 1)).unwrap_or(0);
    of.get(place).copied()
}
