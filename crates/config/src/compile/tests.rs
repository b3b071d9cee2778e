//! Tests: names resolved against the policy that they prove.

use std::collections::BTreeSet;

use switchback_core::id::TaskId;
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::rehearse::{Expect, Scenario};

use super::{Ladder, Unknown};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::raw::Raw;
use crate::raw::test::RawTest;
use crate::select;
use crate::settings::Test;

/// The tests that can be walked, in the order of the file.
pub(super) fn compile(raw: &Raw, policy: &Policy, ladders: &[Ladder<'_>], report: &mut Report<'_>) -> Vec<Test> {
    let mut names = BTreeSet::new();
    let tests = raw.tests.iter().filter_map(|written| {
        if !names.insert(written.name.value.as_str()) {
            report.add(
                Diagnostic::error(
                    codes::DUPLICATE,
                    &written.name.span,
                    format!("two tests are called {}", shown(&written.name.value)),
                )
                .label("the second one")
                .fix("give it a name of its own"),
            );
        }
        test(written, raw, policy, ladders, report)
    });
    tests.collect()
}

fn test(
    written: &RawTest,
    raw: &Raw,
    policy: &Policy,
    ladders: &[Ladder<'_>],
    report: &mut Report<'_>,
) -> Option<Test> {
    let place = format!("test {}", shown(&written.name.value));
    let names = raw.tasks.iter().map(|it| it.name.value.as_str());
    let Some(at) = names.clone().position(|it| it == written.ask.value) else {
        let (code, name) = (codes::UNKNOWN_TASK, written.ask.value.as_str());
        let unknown = Unknown { code, place: &place, what: "task", name, written: "ask = \"{}\"" };
        report.add(unknown.diagnostic(&written.ask.span, names));
        return None;
    };
    let task = policy.tasks.get(at)?;
    // What a ladder with an error would do says nothing.
    if !ladders.get(at).is_some_and(|it| it.sound) {
        return None;
    }
    if is_star(policy, task) {
        report.add(
            Diagnostic::error(
                codes::NOT_YET,
                &written.ask.span,
                format!("{place} asks for {}, whose model stands in the request: not supported yet", task.name),
            )
            .label("a rung calls `provider/*`")
            .fix("ask for a task whose rungs name their models"),
        );
        return None;
    }
    let scenario = Scenario {
        task: TaskId(u32::try_from(at).ok()?),
        segment: segment(written, raw, &place, report),
        surface: written.surface,
        prompt_tokens: written.tokens.unwrap_or(100),
        needs: written.needs,
        given: given(written, policy, task, &place, report),
    };
    let expect = expect(written, task, &place, report);
    let (line, _) = report.place(written.span.start);
    Some(Test { name: written.name.value.as_str().into(), line, scenario, expect })
}

fn is_star(policy: &Policy, task: &Task) -> bool {
    task.ladder.iter().any(|rung| match &rung.kind {
        RungKind::Try(it) => {
            policy.route(it.route).is_some_and(|it| it.deployments.iter().any(|it| it.model.contains('*')))
        }
        RungKind::Answer { .. } | RungKind::Fail { .. } => false,
    })
}

fn segment(written: &RawTest, raw: &Raw, place: &str, report: &mut Report<'_>) -> Option<switchback_core::id::Name> {
    let segment = written.segment.as_ref()?;
    let known = raw.segments.iter().map(|it| it.value.as_str());
    if !known.clone().any(|it| it == segment.value) {
        let (code, name) = (codes::UNKNOWN_SEGMENT, segment.value.as_str());
        let unknown = Unknown { code, place, what: "segment", name, written: "segment = \"{}\"" };
        report.add(unknown.diagnostic(&segment.span, known));
    }
    Some(segment.value.as_str().into())
}

fn given(
    written: &RawTest,
    policy: &Policy,
    task: &Task,
    place: &str,
    report: &mut Report<'_>,
) -> Vec<switchback_core::rehearse::Given> {
    let each = written.given.iter().filter_map(|(selector, plays)| {
        match select::given(policy, task, &selector.value, plays.clone()) {
            Ok(given) => Some(given),
            Err(why) => {
                let names: BTreeSet<&str> =
                    task.ladder.iter().filter(|it| matches!(it.kind, RungKind::Try(_))).map(|it| &*it.name).collect();
                let names: Vec<&str> = names.into_iter().take(12).collect();
                report.add(
                    Diagnostic::error(
                        codes::UNKNOWN_ROUTE,
                        &selector.span,
                        format!("{place}: {} cannot be given: {why}", shown(&selector.value)),
                    )
                    .label("a glob over routes or calls, with `@region` or not, or `as:ROLE`")
                    .fix(format!("name one of: {}", names.join(", "))),
                );
                None
            }
        }
    });
    each.collect()
}

fn expect(written: &RawTest, task: &Task, place: &str, report: &mut Report<'_>) -> Expect {
    let asked = &written.expect;
    if let Some(name) = &asked.served_by {
        let answers = || task.ladder.iter().filter(|it| !matches!(it.kind, RungKind::Fail { .. })).map(|it| &*it.name);
        if !answers().any(|it| it == name.value) {
            let near = crate::suggest::closest(&name.value, answers());
            let fix = near.or_else(|| answers().next()).unwrap_or_default();
            report.add(
                Diagnostic::error(
                    codes::UNKNOWN_ROUTE,
                    &name.span,
                    format!("{place}: no rung of {} is served by {}", task.name, shown(&name.value)),
                )
                .label("it could never be met")
                .fix(format!("served-by = \"{fix}\"")),
            );
        }
    }
    let n_rungs = task.ladder.len();
    if let Some(rung) = asked.rung.as_ref().filter(|it| usize::try_from(it.value).is_ok_and(|it| it > n_rungs)) {
        report.add(
            Diagnostic::error(
                codes::OUT_OF_RANGE,
                &rung.span,
                format!("{place}: {} has {n_rungs} rungs, not {}", task.name, rung.value),
            )
            .label("it could never be met")
            .fix(format!("rung = {n_rungs}")),
        );
    }
    let number = |it: u64| u32::try_from(it).ok();
    Expect {
        served_by: asked.served_by.as_ref().map(|it| it.value.as_str().into()),
        outcome: asked.outcome,
        rung: asked.rung.as_ref().and_then(|it| number(it.value)),
        attempts: asked.attempts.and_then(number),
        code: asked.code.as_deref().map(Into::into),
        why: asked.why,
        within: asked.within,
    }
}
