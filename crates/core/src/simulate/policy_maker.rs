//! Random policies, as the configuration compiler could have made them, and random changes of them.
//!
//! What the compiler refuses is not made: `policy_blocked` on a model rung, an empty ladder, zero attempts. The
//! last tasks of every policy are one per route, with a ready answer below it: through them a route is tried when the
//! faults have stopped.

use std::time::Duration;

use crate::breaker::{BreakerRules, Consecutive, Rate};
use crate::dice::Dice;
use crate::failure::{CLASSES, ClassSet, FAMILIES, FailureClass};
use crate::id::{Name, RouteId};
use crate::money::{PicoPerToken, Price, Rates, Tier};
use crate::policy::{PerSurface, Policy, Repair, Require, RetryWait, Role, Rung, RungKind, Surface, Task, Try};
use crate::route::{Capabilities, Capability, Deployment, Provider, Route};

/// Segments of callers and rungs.
pub(crate) const SEGMENTS: [&str; 2] = ["free", "pro"];

/// One of these, with equal chances.
pub(crate) fn one_of<T: Copy>(dice: &mut Dice, first: T, others: &[T]) -> T {
    let place = usize::try_from(dice.below(others.len() as u64 + 1)).unwrap_or(0);
    place.checked_sub(1).and_then(|it| others.get(it)).copied().unwrap_or(first)
}

/// True this often, in percent.
pub(crate) fn chance(dice: &mut Dice, percent: u64) -> bool {
    dice.below(100) < percent
}

/// A span of so many milliseconds.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A new policy.
pub(crate) fn make(dice: &mut Dice) -> Policy {
    let n_providers = 1 + dice.below(4);
    let providers: Vec<Provider> = (0..n_providers)
        .map(|n| Provider {
            name: format!("p{n}").into(),
            region: None,
            n_keys: usize::try_from(1 + dice.below(3)).unwrap_or(1),
        })
        .collect();
    let routes: Vec<Route> = (0..1 + dice.below(6)).map(|n| route(dice, n, n_providers)).collect();
    let breaker = rules(dice);
    let segments = SEGMENTS.iter().map(|it| Name::from(*it)).collect();
    let mut policy = Policy { providers, routes, contracts: Vec::new(), tasks: Vec::new(), segments, breaker };
    policy.tasks = tasks(dice, &policy.routes);
    policy
}

/// The policy after an operator's edit: mostly other ladders, now and then other routes, keys or trip rules.
pub(crate) fn edited(dice: &mut Dice, old: &Policy) -> Policy {
    let mut policy = old.clone();
    match dice.below(10) {
        0 => policy.breaker = rules(dice),
        1 | 2 => {
            // A route goes, or another order: positions mean nothing beyond a policy.
            let n_routes = policy.routes.len();
            policy.routes.rotate_left(usize::from(n_routes > 1));
            if n_routes > 1 && chance(dice, 50) {
                policy.routes.pop();
            }
        }
        3 => {
            if let Some(provider) = policy.providers.first_mut() {
                provider.n_keys = 1 + provider.n_keys % 3;
            }
        }
        4 => {
            // Deployments are reordered, reweighted, added or taken out.
            if let Some(route) = policy.routes.first_mut() {
                match dice.below(4) {
                    0 => route.deployments.rotate_left(1),
                    1 => route.deployments.iter_mut().for_each(|it| it.weight = 1 + it.weight % 5),
                    2 if route.deployments.len() > 1 => route.deployments.truncate(1),
                    _ => route.deployments.push(deployment(dice, 9, policy.providers.len() as u64)),
                }
                tag_each(route);
            }
        }
        _ => {}
    }
    policy.tasks = tasks(dice, &policy.routes);
    policy
}

fn route(dice: &mut Dice, n: u64, n_providers: u64) -> Route {
    let n_deployments = one_of(dice, 1, &[1, 2, 3]);
    let deployments = (0..n_deployments).map(|place| deployment(dice, place, n_providers)).collect();
    let mut route = Route { name: format!("r{n}").into(), deployments };
    tag_each(&mut route);
    route
}

/// Each deployment carries a tag that names it, so that a request can ask for this one.
fn tag_each(route: &mut Route) {
    for (place, it) in route.deployments.iter_mut().enumerate() {
        it.tags.retain(|tag| !tag.starts_with("only-"));
        it.tags.push(own_tag(place));
    }
}

/// The tag that only this deployment of a route carries.
pub(crate) fn own_tag(place: usize) -> Name {
    format!("only-{place}").into()
}

fn deployment(dice: &mut Dice, place: u64, n_providers: u64) -> Deployment {
    let wanted = [Capability::Tools, Capability::Json, Capability::Images, Capability::Stream];
    let some = wanted.into_iter().filter(|_| chance(dice, 8));
    let cannot = some.fold(Capabilities::NONE, Capabilities::with);
    let provider = u32::try_from(dice.below(n_providers)).unwrap_or(0);
    let region = one_of(dice, None, &[Some("eu"), Some("eu-west"), Some("us"), Some("europe")]);
    Deployment {
        order: one_of(dice, 1, &[1, 2]),
        weight: one_of(dice, 1, &[1, 2, 5]),
        region: region.map(Into::into),
        tags: if chance(dice, 40) { vec!["gdpr".into()] } else { Vec::new() },
        context: chance(dice, 25).then(|| one_of(dice, 4_000, &[16_000, 128_000])),
        cannot,
        price: price(dice),
        ..Deployment::plain(provider, &format!("p{provider}/m{place}"))
    }
}

fn price(dice: &mut Dice) -> Option<Price> {
    let rates = |dice: &mut Dice, times: u64| Rates {
        input: PicoPerToken(times * one_of(dice, 150_000, &[3_000_000])),
        cached: chance(dice, 50).then_some(PicoPerToken(times * 30_000)),
        cache_write: None,
        output: PicoPerToken(times * 15_000_000),
        reasoning: None,
    };
    match dice.below(10) {
        0 | 1 => None,
        2 => Some(Price::flat(rates(dice, 0))),
        3 => {
            let tier = Tier { over_tokens: 5_000, rates: rates(dice, 2) };
            Some(Price { base: rates(dice, 1), tiers: vec![tier] })
        }
        _ => Some(Price::flat(rates(dice, 1))),
    }
}

fn rules(dice: &mut Dice) -> BreakerRules {
    if chance(dice, 60) {
        return BreakerRules::default();
    }
    let consecutive = Consecutive {
        failures: u32::try_from(1 + dice.below(8)).unwrap_or(1),
        no_success_for: one_of(dice, ms(0), &[ms(2_000), ms(10_000)]),
    };
    BreakerRules {
        consecutive: chance(dice, 70).then_some(consecutive),
        rate: Rate {
            failing: one_of(dice, 0.5, &[0.2, 0.9, 1.0]),
            of_at_least: one_of(dice, 10, &[1, 3, 20]),
            within: one_of(dice, ms(60_000), &[ms(1_000), ms(300_000)]),
        },
        probe_every: one_of(dice, ms(5_000), &[ms(200), ms(30_000)]),
        probe_cap: one_of(dice, ms(30_000), &[ms(300_000)]),
        closes_after: one_of(dice, 1, &[2, 3]),
        jitter: chance(dice, 50),
    }
}

fn tasks(dice: &mut Dice, routes: &[Route]) -> Vec<Task> {
    let n_tasks = 1 + dice.below(3);
    let mut tasks: Vec<Task> = (0..n_tasks).map(|n| task(dice, &format!("t{n}"), routes)).collect();
    for (place, route) in routes.iter().enumerate() {
        let mut own = task(dice, &format!("only-{}", route.name), routes);
        let call = try_rung(dice, place, Role::Primary, routes);
        own.ladder = vec![Rung { segments: None, surface: None, ..call }, ready(ClassSet::all())];
        own.max_attempts = 1;
        own.require = Require::default();
        tasks.push(own);
    }
    tasks
}

fn task(dice: &mut Dice, name: &str, routes: &[Route]) -> Task {
    let low = one_of(dice, ms(200), &[ms(1), ms(1_000)]);
    let high = low + one_of(dice, ms(1_800), &[ms(0), ms(20_000)]);
    Task {
        name: name.into(),
        names: Vec::new(),
        about: None,
        kind: "chat".into(),
        contract: None,
        native: true,
        repair: Repair {
            local: true,
            tries: one_of(dice, 1, &[0, 1, 2]),
            timeout: chance(dice, 30).then(|| one_of(dice, ms(3_000), &[ms(300)])),
        },
        require: Require {
            region: if chance(dice, 12) { vec!["eu".into()] } else { Vec::new() },
            tags: if chance(dice, 6) { vec!["gdpr".into()] } else { Vec::new() },
        },
        surface: Surface::Interactive,
        deadline: PerSurface {
            interactive: one_of(dice, ms(30_000), &[ms(500), ms(5_000), ms(60_000)]),
            background: one_of(dice, ms(600_000), &[ms(10_000)]),
        },
        max_attempts: u32::try_from(1 + dice.below(6)).unwrap_or(1),
        retry_wait: RetryWait { low, high },
        stream: None,
        stream_deadline: one_of(dice, ms(600_000), &[ms(5_000)]),
        ladder: ladder(dice, routes),
        direct: false,
    }
}

fn ladder(dice: &mut Dice, routes: &[Route]) -> Vec<Rung> {
    let n_rungs = 1 + dice.below(6);
    let mut ladder = Vec::new();
    for place in 0..n_rungs {
        if place > 0 && chance(dice, 12) {
            ladder.push(limited(dice, ready));
            continue;
        }
        let role = if place == 0 {
            Role::Primary
        } else {
            one_of(dice, Role::Equivalent, &[Role::Stronger, Role::Faster, Role::Cheaper, Role::Narrower])
        };
        let which = usize::try_from(dice.below(routes.len() as u64)).unwrap_or(0);
        ladder.push(try_rung(dice, which, role, routes));
    }
    if chance(dice, 30) {
        ladder.push(limited(dice, ready));
    }
    if chance(dice, 60) {
        let kind = RungKind::Fail { message: "Nothing was booked.".into() };
        let when = ClassSet::all();
        ladder.push(Rung { kind, name: "fail".into(), segments: None, surface: None, when, place: None });
    }
    ladder
}

fn try_rung(dice: &mut Dice, route: usize, role: Role, routes: &[Route]) -> Rung {
    let timeout = one_of(dice, ms(8_000), &[ms(300), ms(2_000), ms(30_000), ms(120_000)]);
    let it = Try {
        route: RouteId(u32::try_from(route).unwrap_or(0)),
        role,
        retries: u32::try_from(dice.below(3)).unwrap_or(0),
        timeout,
        first_token: chance(dice, 40).then(|| one_of(dice, ms(2_000), &[ms(100), ms(10_000)])),
        idle: one_of(dice, ms(20_000), &[ms(1_000)]),
        with: Vec::new(),
        instruction: None,
    };
    let name = routes.get(route).map_or_else(|| "".into(), |it| Name::clone(&it.name));
    limited(dice, |when| Rung {
        kind: RungKind::Try(it.clone()),
        name: Name::clone(&name),
        segments: None,
        surface: None,
        when: when.without(FailureClass::PolicyBlocked),
        place: Some("policy.toml:1".into()),
    })
}

pub(crate) fn ready(when: ClassSet) -> Rung {
    let kind = RungKind::Answer { text: "We are busy.".into() };
    Rung { kind, name: "answer".into(), segments: None, surface: None, when, place: None }
}

/// A rung with a random when-set, and now and then for some callers only.
fn limited(dice: &mut Dice, make: impl FnOnce(ClassSet) -> Rung) -> Rung {
    let mut rung = make(when(dice));
    if chance(dice, 15) {
        rung.segments = Some(vec![one_of(dice, "free", &["pro"]).into()]);
    }
    if chance(dice, 10) {
        rung.surface = Some(one_of(dice, Surface::Interactive, &[Surface::Background]));
    }
    rung
}

fn when(dice: &mut Dice) -> ClassSet {
    match dice.below(10) {
        0 => ClassSet::all(),
        1 | 2 => {
            let some = FAMILIES.iter().filter(|_| chance(dice, 40));
            some.fold(ClassSet::EMPTY, |set, (family, _)| set.union(ClassSet::of_family(*family)))
        }
        3 => {
            let some = CLASSES.iter().filter(|_| chance(dice, 30));
            some.fold(ClassSet::EMPTY, |set, row| set.with(row.class))
        }
        _ => ClassSet::usual(),
    }
}
