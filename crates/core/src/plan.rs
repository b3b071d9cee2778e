//! Is a rung eligible now, and if not, why?
//!
//! Asked before a rung is entered and, for the rungs below, before a retry: retries never starve the ladder. Changes
//! nothing; the reasons are the skips that stand in the record.

use crate::failure::{ClassSet, FailureClass, Family};
use crate::health::{Asking, Health};
use crate::id::{Name, ProviderId};
use crate::outcome::Skip;
use crate::policy::{Policy, Rung, RungKind, Surface, Task, Try};
use crate::route::{Bucket, Capabilities, Deployment, Deployments};
use crate::time::Now;

/// Time kept for non-model rungs and for the answer: an attempt ends this long before the deadline.
pub const RESERVE: std::time::Duration = std::time::Duration::from_millis(20);

/// What the plan needs to know of a request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// When it arrived.
    pub arrived: Now,
    /// When its walk must be over: the task's deadline, or the client's own where that is shorter.
    pub deadline: Now,
    /// Whether that is the client's own deadline: a call that it cuts says nothing about the route.
    pub deadline_is_clients: bool,
    /// The caller's segment.
    pub segment: Option<Name>,
    /// The surface.
    pub surface: Surface,
    /// What a route must be able to do.
    pub needs: Capabilities,
    /// Estimated prompt tokens.
    pub prompt_tokens: u64,
    /// The output cap that the request names.
    pub output_cap: Option<u64>,
    /// Tags that the caller asks for: each must be carried by the deployment.
    pub tags: Vec<Name>,
    /// The provider that holds state which the request names.
    pub pinned: Option<ProviderId>,
    /// Whether `model` was one of the task's other names.
    pub alias: bool,
    /// Whether an answer is held against a promise: a contract, a response format or a forced tool call.
    pub promised: bool,
    /// A safety decision about the same request that still stands: the provider's code.
    pub blocked: Option<Box<str>>,
}

impl Ask {
    /// The workload bucket.
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        Bucket::of(self.needs, self.prompt_tokens)
    }
}

/// The state of a walk as far as the plan asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Classes met so far, skips included.
    pub met: ClassSet,
    /// Attempts that are left.
    pub attempts_left: u32,
    /// The instant.
    pub now: Now,
}

/// A rung of a task as the plan looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The task.
    pub task: &'a Task,
    /// The request.
    pub ask: &'a Ask,
    /// The state of the routes.
    pub health: &'a Health,
}

impl Planner<'_> {
    /// Whether the rung is eligible now.
    ///
    /// # Errors
    ///
    /// The skip that the record will show.
    pub fn judge(&self, place: usize, rung: &Rung, standing: &Standing) -> Result<(), Skip> {
        self.is_for_caller(rung)?;
        let asks_when = !matches!(rung.kind, RungKind::Fail { .. });
        if asks_when && !standing.met.is_empty() && !rung.when.meets(standing.met) {
            return Err(Skip::WrongClass);
        }
        match &rung.kind {
            RungKind::Try(it) => self.judge_try(place, it, standing),
            RungKind::Answer { .. } | RungKind::Fail { .. } => Ok(()),
        }
    }

    /// Whether the rung is for this segment and surface at all.
    ///
    /// # Errors
    ///
    /// `wrong_segment` or `wrong_surface`.
    pub fn is_for_caller(&self, rung: &Rung) -> Result<(), Skip> {
        if let Some(segments) = &rung.segments
            && !self.ask.segment.as_ref().is_some_and(|it| segments.contains(it))
        {
            return Err(Skip::WrongSegment);
        }
        if rung.surface.is_some_and(|it| it != self.ask.surface) {
            return Err(Skip::WrongSurface);
        }
        Ok(())
    }

    fn judge_try(&self, place: usize, it: &Try, standing: &Standing) -> Result<(), Skip> {
        let fits = self.fits(it)?;
        if standing.attempts_left == 0 {
            return Err(Skip::NoAttempts);
        }
        let asking = self.asking(place, it, fits, standing.now);
        if let Some(skip) = self.health.obstacle(it.route, &asking, standing.now) {
            return Err(skip);
        }
        self.has_time(place, it, fits, standing)
    }

    /// The deployments that may ever serve this request: region, tags, state, capability and window never change during
    /// a walk.
    ///
    /// # Errors
    ///
    /// None does; why not the one that came nearest.
    pub fn fits(&self, it: &Try) -> Result<Deployments, Skip> {
        let route = self.policy.route(it.route).ok_or(Skip::Gone)?;
        let mut fits = Deployments::default();
        let mut why = None;
        for (place, deployment) in route.deployments.iter().enumerate() {
            match self.misfit(deployment) {
                None => fits = fits.with(place),
                Some(skip) => why = Some(why.map_or(skip, |it| nearer(it, skip))),
            }
        }
        if fits.is_empty() { Err(why.unwrap_or(Skip::Gone)) } else { Ok(fits) }
    }

    fn misfit(&self, it: &Deployment) -> Option<Skip> {
        let ask = self.ask;
        let wanted = ask.prompt_tokens.saturating_add(ask.output_cap.unwrap_or(0));
        let allowed = self.task.require.is_met(it.region.as_deref(), &it.tags);
        if !allowed || !ask.tags.iter().all(|tag| it.tags.contains(tag)) {
            Some(Skip::Residency)
        } else if ask.pinned.is_some_and(|owner| owner != it.provider) {
            Some(Skip::Pinned)
        } else if it.cannot.shares(ask.needs).is_some() {
            Some(Skip::NoCapability)
        } else if it.context.is_some_and(|context| wanted > context) {
            Some(Skip::ContextTooSmall)
        } else {
            None
        }
    }

    /// A rung that cannot finish is not started, unless it is the last model rung: that one gets all that is left.
    fn has_time(&self, place: usize, it: &Try, fits: Deployments, standing: &Standing) -> Result<(), Skip> {
        let left = standing.now.until(self.ask.deadline - RESERVE);
        if left.is_zero() {
            return Err(Skip::NoTime);
        }
        let expected = self.health.expected(it.route, self.ask.bucket(), fits);
        match expected {
            Some(expected) if expected > left && self.has_model_rung_below(place, standing) => Err(Skip::NoTime),
            _ => Ok(()),
        }
    }

    /// Who asks the route's health on this rung.
    #[must_use]
    pub fn asking(&self, place: usize, it: &Try, fits: Deployments, now: Now) -> Asking<'static> {
        let ends = (now + it.timeout).min(self.ask.deadline - RESERVE);
        Asking {
            bucket: self.ask.bucket(),
            fits,
            tried: &[],
            waited: false,
            covered: self.is_covered(place),
            prompt_tokens: self.ask.prompt_tokens,
            ends,
        }
    }

    /// Whether anything but `fail` stands below for this caller that takes a technical failure. Asks for no state: who has
    /// another rung is covered, also while that one is in trouble.
    fn is_covered(&self, place: usize) -> bool {
        let technical = ClassSet::of_family(Family::Technical);
        let below = self.task.ladder.iter().skip(place + 1);
        let mut mine = below.filter(|rung| self.is_for_caller(rung).is_ok() && rung.when.meets(technical));
        mine.any(|rung| match &rung.kind {
            RungKind::Try(it) => self.fits(it).is_ok(),
            RungKind::Answer { .. } => true,
            RungKind::Fail { .. } => false,
        })
    }

    /// Whether a model rung below could be called after this one is passed over for lack of time. Does not ask for the
    /// time of that rung: whichever is last gets what is left.
    fn has_model_rung_below(&self, place: usize, standing: &Standing) -> bool {
        let met = standing.met.with(FailureClass::Deadline);
        let below = self.task.ladder.iter().enumerate().skip(place + 1);
        let mut mine = below.filter(|(_, rung)| self.is_for_caller(rung).is_ok() && rung.when.meets(met));
        mine.any(|(place, rung)| match &rung.kind {
            RungKind::Try(it) => self.fits(it).is_ok_and(|fits| {
                let asking = self.asking(place, it, fits, standing.now);
                self.health.obstacle(it.route, &asking, standing.now).is_none()
            }),
            RungKind::Answer { .. } | RungKind::Fail { .. } => false,
        })
    }

    /// Model rungs below that could run now, had the walk to go on after a failure of `class`.
    #[must_use]
    pub fn eligible_model_rungs_below(&self, place: usize, class: FailureClass, standing: &Standing) -> u32 {
        self.count_eligible_below(place, class, standing, |kind| matches!(kind, RungKind::Try(_)))
    }

    /// Whether anything but `fail` could run below after a failure of `class`.
    #[must_use]
    pub fn anything_below(&self, place: usize, class: FailureClass, standing: &Standing) -> bool {
        self.count_eligible_below(place, class, standing, |kind| !matches!(kind, RungKind::Fail { .. })) > 0
    }

    fn count_eligible_below(
        &self,
        place: usize,
        class: FailureClass,
        standing: &Standing,
        counts: impl Fn(&RungKind) -> bool,
    ) -> u32 {
        let mut standing = Standing { met: standing.met.with(class), attempts_left: u32::MAX, ..*standing };
        let mut n = 0;
        for (below, rung) in self.task.ladder.iter().enumerate().skip(place + 1) {
            match self.judge(below, rung, &standing) {
                Ok(()) if counts(&rung.kind) => n += 1,
                Ok(()) => {}
                Err(skip) => standing.met = standing.met.union(skip.row().counts_as.classes()),
            }
        }
        n
    }
}

/// Of two reasons why deployments do not fit, that of the one that met more of what is asked.
fn nearer(one: Skip, other: Skip) -> Skip {
    let order = [Skip::ContextTooSmall, Skip::NoCapability, Skip::Pinned, Skip::Residency];
    order.into_iter().find(|it| [one, other].contains(it)).unwrap_or(one)
}
