//! What somebody supposes of the next request, as it is typed: `plan`, on a command line and at the operators' side.

use switchback_core::policy::{Policy, Surface};
use switchback_core::rehearse::{FaultRow, Play, Scenario};

use crate::select;

/// A request as it is supposed.
#[derive(Debug, Clone, Copy)]
pub struct Supposed<'a> {
    /// The task's name.
    pub task: &'a str,
    /// `interactive` or `background`; `None`: the task's.
    pub surface: Option<&'a str>,
    /// The caller's segment.
    pub segment: Option<&'a str>,
    /// Tokens of the prompt.
    pub tokens: u64,
}

/// Why that cannot be supposed, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupposed {
    /// A task or segment that there is not.
    Unknown(String),
    /// Something that is written wrongly.
    Wrong(String),
}

impl Supposed<'_> {
    /// The scenario, with what calls would meet: each `SELECTOR=FAULT`, or with one fault for each call
    /// `SELECTOR=500,ok`.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be supposed.
    pub fn scenario<'h>(
        &self,
        policy: &Policy,
        hypotheses: impl Iterator<Item = &'h str>,
    ) -> Result<Scenario, Unsupposed> {
        let found = policy.task_named(self.task).and_then(|id| Some((id, policy.task(id)?)));
        let Some((id, task)) = found.filter(|(_, it)| !it.direct) else {
            let tasks = names(policy.tasks.iter().filter(|it| !it.direct).map(|it| &*it.name));
            return Err(Unsupposed::Unknown(format!("there is no task called {}; tasks are: {tasks}", self.task)));
        };
        let surface = self.surface.map(str::parse::<Surface>).transpose();
        let surface = surface.map_err(|()| Unsupposed::Wrong("a surface is interactive or background".to_owned()))?;
        if let Some(unknown) = self.segment.filter(|it| !policy.segments.iter().any(|known| &**known == *it)) {
            let segments = names(policy.segments.iter().map(|it| &**it));
            let message = format!("there is no segment called {unknown}; segments are: {segments}");
            return Err(Unsupposed::Unknown(message));
        }
        let given = hypotheses.map(|it| {
            let given = hypothesis(it).and_then(|(selector, plays)| select::given(policy, task, selector, plays));
            given.map_err(|why| Unsupposed::Wrong(format!("{it}: {why}")))
        });
        let given = given.collect::<Result<Vec<_>, _>>()?;
        let segment = self.segment.map(Into::into);
        Ok(Scenario { segment, surface, prompt_tokens: self.tokens, given, ..Scenario::plain(id) })
    }
}

fn hypothesis(text: &str) -> Result<(&str, Vec<Play>), String> {
    let (selector, faults) = text.rsplit_once('=').ok_or("it is written as SELECTOR=FAULT")?;
    let plays = faults.split(',').map(|name| {
        let fault = FaultRow::named(name.trim()).map(|fault| Play { fault, after: None });
        let names = || FaultRow::names().collect::<Vec<_>>().join(", ");
        fault.ok_or_else(|| format!("there is no fault `{name}`; faults are: {}", names()))
    });
    Ok((selector, plays.collect::<Result<_, _>>()?))
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.take(20).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
