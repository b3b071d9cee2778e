//! The compiled policy: what the operator wrote, checked and resolved, immutable, shared by `Arc`.
//!
//! After compiling nobody sees what was typed. The policy holds no secret, no address and no state: those belong to
//! the gateway and to [`Health`](crate::health::Health).

use std::str::FromStr;
use std::time::Duration;

use crate::breaker::BreakerRules;
use crate::failure::ClassSet;
use crate::id::{ContractId, Name, ProviderId, RouteId, TaskId};
use crate::route::{Provider, Route};

/// Everything the engine decides by.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Providers, in file order.
    pub providers: Vec<Provider>,
    /// Routes: the named ones in file order, then bare `provider/model` calls in the order of their first rung.
    pub routes: Vec<Route>,
    /// Names of the contracts.
    pub contracts: Vec<Name>,
    /// Tasks, in file order.
    pub tasks: Vec<Task>,
    /// Segments that are known, least critical first.
    pub segments: Vec<Name>,
    /// Trip rules of every breaker.
    pub breaker: BreakerRules,
}

impl Policy {
    /// The route at this position; positions come from this same policy.
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.index())
    }

    /// The provider at this position.
    #[must_use]
    pub fn provider(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(id.index())
    }

    /// The task at this position.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.index())
    }

    /// The task of this name.
    #[must_use]
    pub fn task_named(&self, name: &str) -> Option<TaskId> {
        let place = self.tasks.iter().position(|task| &*task.name == name)?;
        u32::try_from(place).ok().map(TaskId)
    }

    /// The route of this name.
    #[must_use]
    pub fn route_named(&self, name: &str) -> Option<RouteId> {
        let place = self.routes.iter().position(|route| &*route.name == name)?;
        u32::try_from(place).ok().map(RouteId)
    }
}

/// What an application asks for, with its ladder.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name; applications send it as `model`.
    pub name: Name,
    /// Other values of `model` that mean it; `*` stands for anything.
    pub names: Vec<Name>,
    /// One sentence for people.
    pub about: Option<Name>,
    /// Its kind; a label that only narrows.
    pub kind: Name,
    /// What every answer must satisfy.
    pub contract: Option<ContractId>,
    /// Whether the contract's schema goes upstream in the route's own structured-output form.
    pub native: bool,
    /// How a broken answer is mended.
    pub repair: Repair,
    /// What every call that carries the request must satisfy.
    pub require: Require,
    /// The surface of requests that name none.
    pub surface: Surface,
    /// Time for the whole walk, per surface.
    pub deadline: PerSurface<Duration>,
    /// Upstream calls for the whole walk, at least one.
    pub max_attempts: u32,
    /// Shortest and longest wait before a retry.
    pub retry_wait: RetryWait,
    /// How streams are judged; `None`: `assured` where a contract stands, else `live`.
    pub stream: Option<StreamMode>,
    /// Longest life of a live stream after its commit point.
    pub stream_deadline: Duration,
    /// The rungs, top first. Never empty; without a `fail` rung the walk ends in the plain error.
    pub ladder: Vec<Rung>,
    /// Whether this is a route called by its own name: one rung, no ladder.
    pub direct: bool,
}

/// How an answer that breaks its promise is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Whether what can be mended without a model is.
    pub local: bool,
    /// How often on a walk the model is shown its answer and what is wrong with it.
    pub tries: u32,
    /// Longest time of one such call; `None`: as the rung's.
    pub timeout: Option<Duration>,
}

impl Default for Repair {
    fn default() -> Self {
        Self { local: true, tries: 1, timeout: None }
    }
}

/// A floor under every call that carries the request: a deployment that does not satisfy it is not called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Require {
    /// The region is one of these; `eu` is met by `eu` and `eu-*`. Empty: any, an unknown one too.
    pub region: Vec<Name>,
    /// It carries each of these tags.
    pub tags: Vec<Name>,
}

impl Require {
    /// Whether a deployment in this region, with these tags, satisfies it. An unknown region satisfies no demand for
    /// one.
    #[must_use]
    pub fn is_met(&self, region: Option<&str>, tags: &[Name]) -> bool {
        let here = |wanted: &Name| {
            region.is_some_and(|it| {
                it.strip_prefix(&**wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        };
        let in_region = self.region.is_empty() || self.region.iter().any(here);
        in_region && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// One step of a ladder.
#[derive(Debug, Clone)]
pub struct Rung {
    /// What it does.
    pub kind: RungKind,
    /// The name in records: the route's, or the kind.
    pub name: Name,
    /// Segments it is for; `None`: all.
    pub segments: Option<Vec<Name>>,
    /// Surfaces it is for; `None`: both.
    pub surface: Option<Surface>,
    /// Classes it takes.
    pub when: ClassSet,
    /// Where it stands, as `file:line`, for `explain`.
    pub place: Option<Name>,
}

/// What a rung does.
#[derive(Debug, Clone)]
pub enum RungKind {
    /// Calls a route.
    Try(Try),
    /// Gives a ready answer.
    Answer {
        /// The text that the caller gets.
        text: Name,
    },
    /// Ends the walk with a clear error.
    Fail {
        /// The sentence that the caller gets.
        message: Name,
    },
}

/// How a route is called on a rung.
#[derive(Debug, Clone)]
pub struct Try {
    /// The route.
    pub route: RouteId,
    /// What the caller gets compared with the primary.
    pub role: Role,
    /// Retries on this rung, all classes together.
    pub retries: u32,
    /// Longest time of one attempt: until the answer is whole, or a live stream has committed.
    pub timeout: Duration,
    /// Longest time to the first content of a streamed attempt; `None`: as `timeout`.
    pub first_token: Option<Duration>,
    /// Longest silence between content of a stream.
    pub idle: Duration,
    /// Members of the request that are set on this rung: their names on the wire, and their values as JSON.
    pub with: Vec<(Box<str>, Box<str>)>,
    /// One more system message on this rung.
    pub instruction: Option<Name>,
}

/// What the caller gets from a rung, compared with the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The first model rung.
    Primary,
    /// As good.
    Equivalent,
    /// Better; preferred after contract and quality failures.
    Stronger,
    /// As good and quicker.
    Faster,
    /// Less good: the answer is marked as degraded.
    Cheaper,
    /// Less complete: the answer is marked as degraded.
    Narrower,
}

/// Every role with its name in `as`; the primary has none.
pub const ROLES: [(Role, &str); 5] = [
    (Role::Equivalent, "equivalent"),
    (Role::Stronger, "stronger"),
    (Role::Faster, "faster"),
    (Role::Cheaper, "cheaper"),
    (Role::Narrower, "narrower"),
];

impl Role {
    /// The name in `as`; the primary is `primary`.
    #[must_use]
    pub fn name(self) -> &'static str {
        ROLES.iter().find(|(it, _)| *it == self).map_or("primary", |(_, name)| name)
    }

    /// Whether an answer of this role is marked as degraded.
    #[must_use]
    pub const fn degrades(self) -> bool {
        matches!(self, Role::Cheaper | Role::Narrower)
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        ROLES.iter().find(|(_, it)| *it == name).map(|(it, _)| *it).ok_or(())
    }
}

/// Whether a person waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Surface {
    /// A person waits.
    #[default]
    Interactive,
    /// A job waits.
    Background,
}

impl Surface {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Surface::Interactive => "interactive",
            Surface::Background => "background",
        }
    }
}

impl FromStr for Surface {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Surface::Interactive, Surface::Background].into_iter().find(|it| it.name() == name).ok_or(())
    }
}

/// One value per surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerSurface<T> {
    /// For people who wait.
    pub interactive: T,
    /// For jobs.
    pub background: T,
}

impl<T: Copy> PerSurface<T> {
    /// The same value for both.
    pub const fn both(value: T) -> Self {
        Self { interactive: value, background: value }
    }

    /// The value for a surface.
    pub const fn of(&self, surface: Surface) -> T {
        match surface {
            Surface::Interactive => self.interactive,
            Surface::Background => self.background,
        }
    }
}

/// The wait before a retry: `low..high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryWait {
    /// The shortest wait.
    pub low: Duration,
    /// The longest wait of our own, and the longest `Retry-After` that is waited for while a rung is left.
    pub high: Duration,
}

/// How the answer to a streaming caller is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamMode {
    /// Text leaves as it comes, tool calls when they are whole and valid.
    Live,
    /// The whole answer is judged first, then streamed.
    Assured,
}
