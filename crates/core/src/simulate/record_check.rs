//! The record of a request held against what a bystander saw: complete, true, and consistent with its object.

use crate::failure::{ClassSet, FailureClass};
use crate::outcome::SKIPS;
use crate::policy::RungKind;
use crate::record::{DecisionRecord, Object, SERVED};
use crate::simulate::check::{Found, Scene, Seen, Served, Watch, is_providers_words};
use crate::simulate::fits::{Misfit, is_for, misfits};
use crate::simulate::money;
use crate::simulate::policy_maker::ms;
use crate::simulate::report::Rule;
use crate::time::millis;

/// Skips that can be true of a rung for this caller at any time: such rungs are not "the first rung".
const NOT_THE_CALLERS: [&str; 6] =
    ["wrong_segment", "wrong_surface", "no_capability", "context_too_small", "residency", "pinned"];

/// What the outcome must be.
pub(crate) fn outcome(scene: &Scene<'_>, watch: &Watch, not_run: &Object, broken: bool) -> &'static str {
    let blocked = watch.is_blocked(scene.ask);
    let left_early = watch.gone && (watch.served.is_none() || watch.committed);
    if left_early || broken {
        return "failed";
    }
    match watch.served {
        None if watch.failures().any(|it| it.class == FailureClass::InvalidRequest) => "failed",
        None if blocked || watch.last_failure().is_some_and(|it| it.class == FailureClass::Refusal) => "refused",
        None => "failed",
        Some(Served::ByRung(_)) if blocked => "refused",
        Some(Served::ByRung(_)) => "degraded",
        Some(Served::ByCall) => {
            let rung = watch.calls.last().map_or(usize::MAX, |it| it.rung);
            let first = (0..scene.task.ladder.len()).find(|place| {
                let reason = reason(not_run, *place);
                !reason.is_some_and(|it| NOT_THE_CALLERS.contains(&it))
            });
            let degrades = scene.task.ladder.get(rung).is_some_and(|it| match &it.kind {
                RungKind::Try(it) => it.role.degrades(),
                RungKind::Answer { .. } | RungKind::Fail { .. } => false,
            });
            match watch.last_failure() {
                Some(it) if is_providers_words(it) => "refused",
                _ if degrades => "degraded",
                _ if watch.calls.len() == 1 && first == Some(rung) && !is_mended(watch) => "ok",
                _ => "recovered",
            }
        }
    }
}

/// Whether the answer was mended without another call.
fn is_mended(watch: &Watch) -> bool {
    let truth = watch.calls.last().and_then(|it| it.truth.as_ref());
    truth.is_some_and(|it| it.failure.is_none() && !it.facts.mended.is_empty())
}

fn reason(object: &Object, place: usize) -> Option<&str> {
    object.not_run.iter().find(|it| usize::try_from(it.rung) == Ok(place + 1)).map(|it| &*it.reason)
}

/// Checks the record at the end of a request. `at_answer` is the object as it was when the answer left.
pub(crate) fn check(
    scene: &Scene<'_>,
    watch: &Watch,
    record: &DecisionRecord,
    at_answer: Option<&Object>,
    found: &mut Found,
) {
    check_attempts(scene, watch, record, found);
    check_rungs(scene, watch, record, found);
    check_when(scene, watch, record, found);
    check_moves(scene, watch, record, found);
    check_costs(scene, watch, record, found);
    let object = &record.object;
    let mut untrue = |what: String| found.push((Rule::RecordTrue, what));
    let broken = watch.committed && watch.last_failure().is_some_and(|it| !is_providers_words(it));
    let expected = outcome(scene, watch, object, broken);
    if &*object.outcome != expected {
        untrue(format!("outcome {}, but {expected} is what happened", object.outcome));
    }
    let answered = watch.served.is_some() && expected != "failed";
    let rung = match watch.served {
        Some(Served::ByCall) if answered => watch.calls.last().map(|it| it.rung),
        Some(Served::ByRung(rung)) if answered => Some(rung),
        _ => None,
    };
    let name = rung.and_then(|it| scene.task.ladder.get(it)).map(|it| &it.name);
    if object.served_by.as_ref() != name || object.rung.map(|it| it as usize) != rung.map(|it| it + 1) {
        untrue(format!("served by {:?} on rung {:?}, but it was {name:?}", object.served_by, object.rung));
    }
    if record.error.is_none() != answered || record.committed != watch.committed {
        untrue(format!("answered is {answered}, the record has the error {:?}", record.error));
    }
    let served = watch.calls.last().filter(|_| watch.served == Some(Served::ByCall) && answered);
    let place = served.and_then(|it| scene.policy.route(it.call.route)?.deployments.get(it.call.deployment));
    let provider = place.and_then(|it| scene.policy.provider(it.provider)).map(|it| &it.name);
    if object.region.as_ref() != place.and_then(|it| it.region.as_ref()) || object.provider.as_ref() != provider {
        untrue(format!("region {:?} and provider {:?}, but {place:?} answered", object.region, object.provider));
    }
    let dropped = served.and_then(|it| it.truth.as_ref()).map(|it| it.facts.dropped.clone()).unwrap_or_default();
    let left_out = served.and_then(|it| it.call.without);
    let left_out = left_out.into_iter().chain(dropped.iter().map(|it| &**it));
    if !object.dropped.iter().map(|it| &**it).eq(left_out) {
        untrue(format!("{:?} is said to have been left out", object.dropped));
    }
    if object.degraded.is_some() != (expected == "degraded") {
        untrue(format!("{expected}, and the degraded sentence is {:?}", object.degraded));
    }
    if !watch.committed && record.total_ms > millis(scene.ask.deadline.since(scene.ask.arrived) + ms(50)) {
        found.push((Rule::EndsInTime, format!("{} ms of {}", record.total_ms, record.deadline_ms)));
    }
    if let Some(early) = at_answer {
        let facts = |it: &Object| (it.served_by.clone(), it.rung, it.provider.clone(), it.attempts.len());
        let same = early.outcome == object.outcome && facts(early) == facts(object);
        // A stream that broke, refused or was left after its commit point says so in the record only.
        let went_on = watch.committed && (broken || watch.gone || watch.last_failure().is_some());
        if !same && !went_on {
            found.push((Rule::RecordTrue, "the object at the answer differs from the record".to_owned()));
        }
    }
}

fn check_attempts(scene: &Scene<'_>, watch: &Watch, record: &DecisionRecord, found: &mut Found) {
    let attempts = &record.object.attempts;
    let mut incomplete = |what: String| found.push((Rule::RecordComplete, what));
    if attempts.len() != watch.calls.len() || record.waits.len() != watch.n_waits {
        incomplete(format!(
            "{} attempts and {} waits recorded, {} and {} made",
            attempts.len(),
            record.waits.len(),
            watch.calls.len(),
            watch.n_waits
        ));
    }
    for (attempt, seen) in attempts.iter().zip(&watch.calls) {
        let route = scene.policy.route(seen.call.route);
        let deployment = route.and_then(|it| it.deployments.get(seen.call.deployment));
        let class = seen.truth.as_ref().map(|it| it.failure.as_ref().map_or(SERVED, |it| it.class.name()));
        let key = attempt.story.as_ref().map(|it| it.key as usize);
        let story = attempt.story.as_ref();
        let place = story.map(|it| (&*it.call, it.region.as_deref()));
        let same = route.map(|it| &*it.name) == Some(&*attempt.route)
            && place == deployment.map(|it| (&*it.call, it.region.as_deref()))
            && attempt.rung as usize == seen.rung + 1
            && key == Some(seen.call.key + 1)
            && attempt.class.as_deref() == class
            && &*attempt.kind == kind(seen);
        if !same {
            incomplete(format!("recorded as {attempt:?}, made as {seen:?}"));
        }
    }
}

/// What kind of call it was.
const fn kind(seen: &Seen) -> &'static str {
    if seen.call.repair {
        "repair"
    } else if seen.probe {
        "probe"
    } else if seen.is_retry {
        "retry"
    } else {
        "first"
    }
}

/// Each attempt costs what its tokens cost, and the whole is their sum.
fn check_costs(scene: &Scene<'_>, watch: &Watch, record: &DecisionRecord, found: &mut Found) {
    let object = &record.object;
    for (attempt, seen) in object.attempts.iter().zip(&watch.calls) {
        let cost = money::cost(scene.policy, seen);
        if !money::is_same(attempt.cost_usd, cost, 1) {
            found.push((Rule::CostTrue, format!("{:?} for what cost {cost:?}: {seen:?}", attempt.cost_usd)));
        }
    }
    let sum = object.attempts.iter().map(|it| it.cost_usd).sum::<Option<f64>>();
    if !money::is_same(object.cost_usd, sum, object.attempts.len()) {
        found.push((Rule::CostTrue, format!("{:?} in total, the sum is {sum:?}", object.cost_usd)));
    }
}

/// Every rung exactly once: it ran, was skipped, or was not reached.
fn check_rungs(scene: &Scene<'_>, watch: &Watch, record: &DecisionRecord, found: &mut Found) {
    let Scene { policy, task, ask, .. } = *scene;
    let called = |place: usize| watch.calls.iter().any(|it| it.rung == place);
    let given = |place: usize| watch.locals.contains(&(place, true));
    let last = watch.calls.iter().map(|it| it.rung).chain(watch.locals.iter().map(|(rung, _)| *rung)).max();
    let mut wrong = |place: usize, what: String| found.push((Rule::RecordComplete, format!("rung {place}: {what}")));
    for (place, rung) in task.ladder.iter().enumerate() {
        let n_reasons = record.object.not_run.iter().filter(|it| it.rung as usize == place + 1).count();
        let failed_here = matches!(rung.kind, RungKind::Fail { .. }) && watch.served.is_none();
        let Some(reason) = reason(&record.object, place) else {
            let asked = watch.locals.iter().any(|(it, _)| *it == place);
            if !called(place) && !asked && !failed_here {
                wrong(place, "neither ran nor has a reason".to_owned());
            }
            continue;
        };
        if n_reasons != 1 || called(place) || given(place) {
            wrong(place, format!("ran, and is said not to have run ({reason}, {n_reasons} times)"));
        }
        let known = SKIPS.iter().any(|row| row.name == reason) || reason == "not_reached";
        // What the deployment that came nearest lacks; `None` where one fits.
        let misfit = match &rung.kind {
            RungKind::Try(it) => misfits(it, ask, task, policy).into_iter().max_by_key(|it| (it.is_none(), *it)),
            RungKind::Answer { .. } | RungKind::Fail { .. } => None,
        };
        let misfit = misfit.flatten().map(Misfit::reason);
        let truthful = match reason {
            "not_reached" => last.is_none_or(|it| place > it),
            "wrong_segment" | "wrong_surface" => !is_for(rung, ask),
            "no_capability" | "context_too_small" | "residency" | "pinned" => misfit == Some(reason),
            "no_attempts" => watch.calls.len() as u64 >= u64::from(task.max_attempts),
            "miss" => watch.locals.contains(&(place, false)),
            _ => true,
        };
        if !known || !truthful {
            wrong(place, format!("{reason} is not what happened"));
        }
    }
}

/// A rung below takes a class that was met above it: failures, and what the skips above count as.
fn check_when(scene: &Scene<'_>, watch: &Watch, record: &DecisionRecord, found: &mut Found) {
    for (place, rung) in scene.task.ladder.iter().enumerate() {
        let ran = watch.calls.iter().any(|it| it.rung == place) || watch.locals.iter().any(|(it, _)| *it == place);
        if !ran {
            continue;
        }
        let failed = watch.calls.iter().take_while(|it| it.rung < place);
        let failed = failed.filter_map(|it| it.truth.as_ref()?.failure.as_ref());
        let mut met = failed.fold(ClassSet::EMPTY, |met, it| met.with(it.class));
        for above in 0..place {
            let skip = SKIPS.iter().find(|row| Some(row.name) == reason(&record.object, above));
            met = met.union(skip.map_or(ClassSet::EMPTY, |row| row.counts_as.classes()));
        }
        if watch.is_blocked(scene.ask) && !watch.calls.iter().any(|it| it.rung >= place) {
            met = ClassSet::EMPTY.with(FailureClass::PolicyBlocked);
        }
        if !met.is_empty() && !rung.when.meets(met) {
            found.push((Rule::Eligible, format!("rung {place} takes nothing of what was met above it")));
        }
    }
}

/// Leaving a rung that failed for another is told.
fn check_moves(scene: &Scene<'_>, watch: &Watch, record: &DecisionRecord, found: &mut Found) {
    let task = scene.task;
    let names = |from: usize, to: usize| Some((&*task.ladder.get(from)?.name, &*task.ladder.get(to)?.name));
    for (above, below) in watch.calls.iter().zip(watch.calls.iter().skip(1)) {
        let Some((from, to)) = names(above.rung, below.rung) else { continue };
        let told = record.moves.iter().any(|it| (&*it.from, &*it.to) == (from, to));
        if above.rung != below.rung && !told {
            found.push((Rule::RecordComplete, format!("the move from {from} to {to} is not told")));
        }
    }
    let alias = scene.ask.alias.then_some("alias");
    if record.object.why.as_deref() != record.moves.last().map(|it| &*it.why).or(alias) {
        found.push((Rule::RecordTrue, "why is not that of the last move".to_owned()));
    }
}

/// The record as text: it can be stored and read back, and `explain` has something to say of it.
pub(crate) fn check_as_text(record: &DecisionRecord, found: &mut Found) {
    let again = serde_json::to_string(record).ok().and_then(|it| serde_json::from_str::<DecisionRecord>(&it).ok());
    if again.as_ref() != Some(record) {
        found.push((Rule::RecordTrue, "the record read back is another".to_owned()));
    }
    let story = crate::explain::story(record);
    let names_all = record.object.attempts.iter().all(|it| story.contains(&*it.route));
    if !names_all || !story.contains(&*record.object.request_id) {
        found.push((Rule::RecordTrue, "explain does not name the request and every route".to_owned()));
    }
}
