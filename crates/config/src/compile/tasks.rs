//! Tasks and their ladders, with defaults filled in.

use std::time::Duration;

use switchback_core::failure::ClassSet;
use switchback_core::id::{ContractId, Name};
use switchback_core::policy::{PerSurface, Repair, RetryWait, Role, Rung, RungKind, StreamMode, Surface, Task, Try};

use super::routes::Routes;
use super::{Outside, Unknown, floor, names};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};
use crate::raw::Raw;
use crate::raw::rung::{RawKind, RawRung, RawTry};
use crate::raw::task::RawTask;
use crate::raw::tree::At;
use crate::units::written;

/// A task's ladder with what was written, for the checks.
#[derive(Debug)]
pub(crate) struct Ladder<'r> {
    pub(crate) written: &'r RawTask,
    /// The rungs that could be compiled, each with what was written, in order.
    pub(crate) rungs: Vec<(&'r RawRung, Rung)>,
    /// Whether these are all rungs of the task.
    pub(crate) whole: bool,
    /// Whether nothing that the ladder builds on had an error.
    pub(crate) sound: bool,
}

const DEADLINE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(20);
const STREAM_DEADLINE: Duration = Duration::from_secs(600);
const RETRY_WAIT: RetryWait = RetryWait { low: Duration::from_millis(200), high: Duration::from_secs(2) };
const MAX_ATTEMPTS: u32 = 4;
const RETRIES: u32 = 1;
/// What a caller reads when a `fail` rung or an `answer` cannot be read; never served, since the file is refused.
const UNREAD: &str = "";

pub(super) fn compile<'r>(
    raw: &'r Raw,
    routes: &mut Routes<'_>,
    outside: &mut Outside<'_>,
    report: &mut Report<'_>,
) -> (Vec<Task>, Vec<Ladder<'r>>) {
    let compiled = raw.tasks.iter().map(|written| {
        let n_errors = report.n_errors();
        let contract = contract(written, raw, report);
        let mut rungs = Vec::new();
        let mut seen_try = false;
        for rung in written.rungs() {
            let mut task = Rungs { raw, written, routes, outside, report };
            if let Some(compiled) = task.rung(rung, &mut seen_try) {
                rungs.push((rung, compiled));
            }
        }
        tool_execution(written, &rungs, report);
        let task = task(written, raw, contract, &rungs, outside, report);
        let whole = written.settings.ladder.as_ref().is_some_and(|it| it.whole) && rungs.len() == written.rungs().len();
        let sound = whole && written.sound && raw.ground_is_sound && report.n_errors() == n_errors;
        (task, Ladder { written, rungs, whole, sound })
    });
    compiled.unzip()
}

fn task(
    written: &RawTask,
    raw: &Raw,
    contract: Option<ContractId>,
    rungs: &[(&RawRung, Rung)],
    outside: &mut Outside<'_>,
    report: &mut Report<'_>,
) -> Task {
    let own = &written.settings;
    let name = written.name.value.as_str();
    let about = written.about.as_ref().and_then(|it| outside.text(it, &format!("task {name}"), report));
    let stream = own.stream.as_ref();
    if let Some(live) = stream.filter(|it| it.value == StreamMode::Live && own.contract.is_some()) {
        report.add(live_contract(name, &live.span));
    }
    let time = |given: &Option<At<Duration>>| given.as_ref().map_or(DEADLINE, |it| it.value);
    let promised = contract.and_then(|it| raw.contracts.get(it.index()));
    Task {
        name: name.into(),
        names: written.names.iter().map(|it| it.value.as_str().into()).collect(),
        about: about.map(Into::into),
        kind: own.kind.as_ref().map_or("chat", |it| it.value).into(),
        contract,
        native: own.native.unwrap_or(true),
        repair: promised.map_or_else(Repair::default, |it| it.repair),
        require: floor::together(name, own.require.as_ref(), raw.defaults.require.as_ref(), report),
        surface: own.surface.unwrap_or_default(),
        deadline: PerSurface {
            interactive: time(&own.deadline.interactive),
            background: time(&own.deadline.background),
        },
        max_attempts: own.max_attempts.as_ref().map_or(MAX_ATTEMPTS, |it| it.value),
        retry_wait: own.retry_wait.unwrap_or(RETRY_WAIT),
        stream: stream.map(|it| it.value),
        stream_deadline: own.stream_deadline.unwrap_or(STREAM_DEADLINE),
        ladder: rungs.iter().map(|(_, rung)| rung.clone()).collect(),
        direct: false,
    }
}

fn live_contract(task: &str, span: &Span) -> Diagnostic {
    Diagnostic::error(codes::LIVE_CONTRACT, span, format!("{task} has a contract, so it cannot stream live"))
        .label("text would leave before it is judged")
        .effect("A caller would have read a part of the answer when its contract turns out to be broken.")
        .fix("stream = \"assured\", or remove the contract")
}

/// The contract that the task names, else the one that the defaults name.
fn contract(written: &RawTask, raw: &Raw, report: &mut Report<'_>) -> Option<ContractId> {
    let name = written.settings.contract.as_ref()?;
    let names = raw.contracts.iter().map(|it| it.name.value.as_str());
    if let Some(at) = names.clone().position(|it| it == name.value) {
        return u32::try_from(at).ok().map(ContractId);
    }
    let of_defaults = raw.defaults.contract.as_ref().is_some_and(|it| it.span == name.span);
    let place = if of_defaults { "[defaults]" } else { written.name.value.as_str() };
    let unknown = Unknown {
        code: codes::UNKNOWN_CONTRACT,
        place,
        what: "contract",
        name: &name.value,
        written: "contract = \"{}\"",
    };
    report.add(unknown.diagnostic(&name.span, names));
    None
}

/// A task with side effects acts through one model only.
fn tool_execution(written: &RawTask, rungs: &[(&RawRung, Rung)], report: &mut Report<'_>) {
    if written.settings.kind.as_ref().is_none_or(|it| it.value != "tool_execution") {
        return;
    }
    let second = rungs.iter().filter(|(_, rung)| matches!(rung.kind, RungKind::Try(_))).nth(1);
    if let Some((second, _)) = second {
        report.add(
            Diagnostic::error(
                codes::TOOL_LADDER,
                &second.span,
                format!(
                    "{}, rung {}: a task of kind tool_execution has one model rung",
                    written.name.value, second.number
                ),
            )
            .label("a second model")
            .effect("A second model could carry out again what the first one has done.")
            .fix("remove the rung, or give the task another kind"),
        );
    }
}

/// Compiles the rungs of one task.
struct Rungs<'a, 'o, 't, 'r> {
    raw: &'a Raw,
    written: &'a RawTask,
    routes: &'a mut Routes<'r>,
    outside: &'a mut Outside<'o>,
    report: &'a mut Report<'t>,
}

impl Rungs<'_, '_, '_, '_> {
    fn rung(&mut self, written: &RawRung, seen_try: &mut bool) -> Option<Rung> {
        let place = format!("{}, rung {}", self.written.name.value, written.number);
        let segments = self.segments(written, &place);
        let (kind, name) = match &written.kind {
            RawKind::Try(written) => {
                let is_first = !std::mem::replace(seen_try, true);
                let call = self.call(written, is_first, &place)?;
                (RungKind::Try(call), Name::from(written.route.value.as_str()))
            }
            RawKind::Answer(text) => (RungKind::Answer { text: self.text(text, &place) }, Name::from("answer")),
            RawKind::Fail(text) => (RungKind::Fail { message: self.text(text, &place) }, Name::from("fail")),
        };
        let all = matches!(written.kind, RawKind::Fail(_));
        let when = written.when.as_ref().map_or_else(ClassSet::usual, |it| it.value);
        Some(Rung {
            kind,
            name,
            segments,
            surface: one_surface(written.surfaces.as_ref()),
            when: if all { ClassSet::all() } else { when },
            place: Some(self.report.short_place(written.span.start).into()),
        })
    }

    fn call(&mut self, written: &RawTry, is_first: bool, place: &str) -> Option<Try> {
        if written.route.value.contains('*') && !names::star_stands(&written.route, self.written, place, self.report) {
            return None;
        }
        let route = self.routes.resolve(&written.route, place, self.report)?;
        let role = written.role.as_ref().map(|it| it.value);
        let timeout = written.timeout.or(self.written.settings.timeout).unwrap_or(TIMEOUT);
        self.first_token(written.first_token.as_ref(), timeout, place);
        Some(Try {
            route,
            role: role.unwrap_or(if is_first { Role::Primary } else { Role::Equivalent }),
            retries: written.retries.unwrap_or(RETRIES),
            timeout,
            first_token: written.first_token.as_ref().map(|it| it.value),
            idle: written.idle.unwrap_or(IDLE),
            with: written.with.clone(),
            instruction: written.instruction.as_ref().map(|it| self.text(it, place)),
        })
    }

    fn text(&mut self, text: &At<String>, place: &str) -> Name {
        let content = self.outside.text(text, place, self.report);
        if content.as_ref().is_some_and(|it| it.trim().is_empty()) {
            self.report.add(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &text.span,
                    format!("{place}: the text is empty ({})", shown(&text.value)),
                )
                .label("callers would get nothing")
                .fix("write the sentence that a caller should read"),
            );
        }
        content.as_deref().unwrap_or(UNREAD).into()
    }

    /// A first token that may come later than the whole answer would be a limit that never holds.
    fn first_token(&mut self, limit: Option<&At<Duration>>, timeout: Duration, place: &str) {
        if let Some(limit) = limit.filter(|it| it.value > timeout) {
            let timeout = written(timeout);
            self.report.add(
                Diagnostic::error(
                    codes::OUT_OF_RANGE,
                    &limit.span,
                    format!("`first-token` in {place} is longer than its timeout of {timeout}"),
                )
                .label("the timeout comes first")
                .fix(format!("first-token = \"{timeout}\" or less, or raise the timeout")),
            );
        }
    }

    fn segments(&mut self, rung: &RawRung, place: &str) -> Option<Vec<Name>> {
        let names = rung.segments.as_ref()?;
        let known = self.raw.segments.iter().map(|it| it.value.as_str());
        for name in names.value.iter().filter(|it| !known.clone().any(|known| known == it.value)) {
            let unknown = Unknown {
                code: codes::UNKNOWN_SEGMENT,
                place,
                what: "segment",
                name: &name.value,
                written: "write \"{}\"",
            };
            self.report.add(unknown.diagnostic(&name.span, known.clone()));
        }
        Some(names.value.iter().map(|it| it.value.as_str().into()).collect())
    }
}

/// The surface that a rung is for; both, or none (which a check refuses), are no limit.
fn one_surface(surfaces: Option<&At<Vec<Surface>>>) -> Option<Surface> {
    match surfaces?.value.as_slice() {
        [first, rest @ ..] if rest.iter().all(|it| it == first) => Some(*first),
        _ => None,
    }
}
