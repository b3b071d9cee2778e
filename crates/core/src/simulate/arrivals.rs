//! Random requests.

use std::time::Duration;

use crate::derive::About;
use crate::dice::Dice;
use crate::id::{Name, ProviderId, RequestId};
use crate::plan::Ask;
use crate::policy::{Surface, Task};
use crate::route::{Bucket, Capabilities, Capability};
use crate::simulate::policy_maker::{SEGMENTS, chance, ms, one_of};
use crate::time::{Now, millis};

/// A request for this task.
pub(crate) fn ask(dice: &mut Dice, task: &Task, now: Now) -> Ask {
    let surface = one_of(dice, task.surface, &[Surface::Interactive, Surface::Background]);
    let own = task.deadline.of(surface);
    let deadline =
        if chance(dice, 15) { own.min(one_of(dice, ms(2_000), &[ms(0), ms(15), ms(25), ms(300)])) } else { own };
    let wanted = [Capability::Tools, Capability::Json, Capability::Images];
    let needs = wanted.into_iter().filter(|_| chance(dice, 20));
    let needs = needs.fold(Capabilities::NONE, Capabilities::with);
    let [free, pro] = SEGMENTS;
    Ask {
        arrived: now,
        deadline: now + deadline,
        deadline_is_clients: deadline < own,
        segment: one_of(dice, None, &[Some(free), Some(pro)]).map(Name::from),
        surface,
        needs,
        prompt_tokens: one_of(dice, 100, &[100, 3_000, 9_000, 60_000]),
        output_cap: chance(dice, 30).then_some(2_000),
        tags: if chance(dice, 5) { vec!["gdpr".into()] } else { Vec::new() },
        pinned: chance(dice, 5).then(|| ProviderId(u32::try_from(dice.below(3)).unwrap_or(0))),
        alias: chance(dice, 10),
        promised: needs.has(Capability::Json) || chance(dice, 10),
        blocked: chance(dice, 2).then(|| "content_policy_violation".into()),
    }
}

/// A small request of this bucket for the deployments that carry these tags.
pub(crate) fn ask_of(bucket: Bucket, tags: Vec<Name>, task: &Task, now: Now) -> Ask {
    let (needs, prompt_tokens) = match bucket {
        Bucket::Short => (Capabilities::NONE, 10),
        Bucket::Long => (Capabilities::NONE, 9_000),
        Bucket::Tools => (Capabilities::NONE.with(Capability::Tools), 10),
        Bucket::ToolsLong => (Capabilities::NONE.with(Capability::Tools), 9_000),
        Bucket::Images => (Capabilities::NONE.with(Capability::Images), 10),
    };
    Ask {
        arrived: now,
        deadline: now + task.deadline.of(task.surface),
        deadline_is_clients: false,
        segment: None,
        surface: task.surface,
        needs,
        prompt_tokens,
        output_cap: None,
        tags,
        pinned: None,
        alias: false,
        promised: false,
        blocked: None,
    }
}

/// The gap to the next arrival: bursts, steady traffic and quiet hours.
pub(crate) fn gap(dice: &mut Dice, pace: Duration) -> Duration {
    match dice.below(50) {
        0 => dice.span(ms(90_000)),
        1..10 => ms(0),
        _ => dice.span(pace),
    }
}

/// What a shell knows of the request.
pub(crate) fn about(id: u64, arrived: Now, stream: bool) -> About {
    let arrived_ms = millis(arrived.since_origin());
    About {
        request_id: RequestId::new(arrived_ms, u128::from(id)),
        arrived_ms,
        stream,
        key: None,
        client: None,
        client_retry: None,
        config: "simulated".into(),
        exhausted_status: 424,
    }
}
