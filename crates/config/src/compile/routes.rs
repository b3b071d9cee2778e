//! Routes: the declared ones, and those that rungs name by their call.

use std::collections::HashMap;

use switchback_core::id::{ProviderId, RouteId};
use switchback_core::route::Route;

use super::Unknown;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::raw::Raw;
use crate::raw::tree::At;

/// Routes by name, growing while rungs are read.
pub(super) struct Routes<'r> {
    raw: &'r Raw,
    routes: Vec<Route>,
    /// `None`: declared, but of no call that can be made; reported once, where it is declared.
    by_name: HashMap<String, Option<RouteId>>,
}

impl<'r> Routes<'r> {
    /// The routes that are declared.
    pub(super) fn compile(raw: &'r Raw, report: &mut Report<'_>) -> Self {
        let mut all = Self { raw, routes: Vec::new(), by_name: HashMap::new() };
        for written in &raw.routes {
            let name = written.name.value.as_str();
            let place = format!("[route.{name}]");
            let called = written.call.as_ref().and_then(|call| all.called(call, &place, "call", report));
            let id = called.map(|(provider, model)| {
                let region = written.region.as_deref().or_else(|| all.region_of(provider));
                all.add(Route {
                    name: name.into(),
                    provider,
                    model: model.into(),
                    region: region.map(Into::into),
                    context: written.context,
                    can: written.can,
                })
            });
            all.by_name.insert(name.to_owned(), id);
        }
        all
    }

    /// The route that a rung names, or `provider/model`.
    pub(super) fn resolve(&mut self, name: &At<String>, place: &str, report: &mut Report<'_>) -> Option<RouteId> {
        if let Some(known) = self.by_name.get(&name.value) {
            return *known;
        }
        if !name.value.contains('/') {
            let names = self.raw.routes.iter().map(|it| it.name.value.as_str());
            let mut unknown = Unknown {
                code: codes::UNKNOWN_ROUTE,
                place,
                what: "route",
                name: &name.value,
                written: "try = \"{}\"",
            }
            .diagnostic(&name.span, names.clone());
            if names.count() == 0 {
                unknown = unknown.fix("name the call itself: try = \"provider/model\"");
            }
            report.add(unknown);
            return None;
        }
        let (provider, model) = self.called(name, place, "try", report)?;
        let region = self.region_of(provider).map(Into::into);
        let route =
            Route { name: name.value.as_str().into(), provider, model: model.into(), region, context: None, can: None };
        let id = self.add(route);
        self.by_name.insert(name.value.clone(), Some(id));
        Some(id)
    }

    /// All routes, the declared ones first.
    pub(super) fn finish(self) -> Vec<Route> {
        self.routes
    }

    fn add(&mut self, route: Route) -> RouteId {
        // A file of four megabytes has fewer than 2^32 routes.
        let id = RouteId(u32::try_from(self.routes.len()).unwrap_or(u32::MAX));
        self.routes.push(route);
        id
    }

    fn region_of(&self, provider: ProviderId) -> Option<&'r str> {
        self.raw.providers.get(provider.index()).and_then(|it| it.region.as_deref())
    }

    /// Splits `provider/model` at the first slash.
    fn called<'c>(
        &self,
        call: &'c At<String>,
        place: &str,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<(ProviderId, &'c str)> {
        let (provider, model) = call.value.split_once('/').unwrap_or((&call.value, ""));
        let printable = model.len() <= 256 && !model.chars().any(|it| it.is_control() || it.is_whitespace());
        if model.is_empty() || !printable {
            let provider = if crate::raw::is_name(provider) { provider } else { "provider" };
            report.add(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &call.span,
                    format!("{place}: {} names no model", shown(&call.value)),
                )
                .label("a call is provider/model")
                .fix(format!("{key} = \"{provider}/MODEL\"")),
            );
            return None;
        }
        let names = self.raw.providers.iter().map(|it| it.name.value.as_str());
        if let Some(at) = names.clone().position(|it| it == provider) {
            return u32::try_from(at).ok().map(|at| (ProviderId(at), model));
        }
        let written = format!("{key} = \"{{}}/{model}\"");
        let unknown =
            Unknown { code: codes::UNKNOWN_PROVIDER, place, what: "provider", name: provider, written: &written };
        report.add(unknown.diagnostic(&call.span, names));
        None
    }
}
