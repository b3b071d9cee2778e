//! Routes: the declared ones, and those that rungs name by their call.

use std::collections::HashMap;

use switchback_core::id::{Name, ProviderId, RouteId};
use switchback_core::route::{Capabilities, Deployment, Route};
use switchback_wire::catalogue::{self, Entry};

use super::{Unknown, known};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};
use crate::raw::Raw;
use crate::raw::route::{RawCall, RawRoute};
use crate::raw::tree::At;
use crate::settings::ProviderSettings;

/// Routes by name, growing while rungs are read.
pub(super) struct Routes<'r> {
    raw: &'r Raw,
    providers: &'r [ProviderSettings],
    /// Names of the providers in the catalogue.
    in_catalogue: Vec<Option<&'static str>>,
    routes: Vec<Route>,
    models: Vec<Vec<Model>>,
    /// `None`: declared, but of no call that can be made; reported once, where it is declared.
    by_name: HashMap<String, Option<RouteId>>,
}

/// What is known of the model behind a deployment, for the checks.
#[derive(Debug)]
pub(crate) struct Model {
    /// Where the call stands, or `is` where the model is named by it.
    pub(crate) span: Span,
    /// The provider in the catalogue and the model's name there; `None` where the catalogue does not know who is called.
    pub(crate) listed: Option<(String, String)>,
    /// Whether the catalogue has the model.
    pub(crate) is_known: bool,
    pub(crate) is_deprecated: bool,
    /// Whether the file says of it what the catalogue would.
    pub(crate) is_declared: bool,
    /// Whether the name was given by `is`.
    pub(crate) by_is: bool,
}

impl<'r> Routes<'r> {
    /// The routes that are declared.
    pub(super) fn compile(raw: &'r Raw, providers: &'r [ProviderSettings], report: &mut Report<'_>) -> Self {
        let in_catalogue = providers.iter().map(known::of_provider).collect();
        let mut all =
            Self { raw, providers, in_catalogue, routes: Vec::new(), models: Vec::new(), by_name: HashMap::new() };
        for written in &raw.routes {
            let id = all.declared(written, report);
            all.by_name.insert(written.name.value.clone(), id);
        }
        all
    }

    fn declared(&mut self, written: &RawRoute, report: &mut Report<'_>) -> Option<RouteId> {
        let name = written.name.value.as_str();
        let place = format!("[route.{name}]");
        let mut deployments: Vec<Deployment> = Vec::new();
        let mut models = Vec::new();
        for one in &written.calls {
            let Some((deployment, model)) = self.call(written, one, &place, report) else { continue };
            if deployments.iter().any(|it| it.call == deployment.call) {
                report.add(
                    Diagnostic::error(
                        codes::DUPLICATE,
                        &one.call.span,
                        format!("{place}: {} is given twice", shown(&one.call.value)),
                    )
                    .label("the same deployment")
                    .effect("Taking it out of the route would take out both, and its share would be a matter of luck.")
                    .fix("keep one of the two, with the sum of their weights"),
                );
                continue;
            }
            deployments.push(deployment);
            models.push(model);
        }
        let whole = written.whole && deployments.len() == written.calls.len();
        whole.then(|| self.add(Route { name: name.into(), deployments }, models))
    }

    fn call(
        &self,
        route: &RawRoute,
        one: &RawCall,
        place: &str,
        report: &mut Report<'_>,
    ) -> Option<(Deployment, Model)> {
        let is = one.is.as_ref().or(route.is.as_ref());
        let is_sound = is.is_none_or(|it| is_call(it, place, "is", report));
        let (provider, model) = self.called(&one.call, place, "call", report)?;
        if one.call.value.contains('*') {
            report.add(
                Diagnostic::error(
                    codes::STAR,
                    &one.call.span,
                    format!("{place}: {} names no single model", shown(&one.call.value)),
                )
                .label("a route is one model")
                .fix("write the star in a rung: { try = \"provider/*\" }, in a task with names = [\"provider/*\"]"),
            );
            return None;
        }
        let settings = self.providers.get(provider.index())?;
        let (listed, entry) = self.entry(provider, model, is.map(|it| it.value.as_str()));
        let mut deployment = self.deployment(provider, model);
        deployment.order = one.order;
        deployment.weight = one.weight;
        if let Some(region) = one.region.as_deref().or(route.region.as_deref()) {
            deployment.region = Some(region.into());
        }
        add_tags(&mut deployment.tags, one.tags.iter().chain(&route.tags));
        known::fill(&mut deployment, Some(route), settings, entry.as_ref());
        let model = Model {
            span: is.map_or_else(|| one.call.span.clone(), |it| it.span.clone()),
            listed,
            is_known: entry.is_some(),
            is_deprecated: entry.is_some_and(|it| it.deprecated),
            is_declared: route.declares(),
            by_is: is.is_some(),
        };
        is_sound.then_some((deployment, model))
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
        let settings = self.providers.get(provider.index())?;
        let is_star = model.contains('*');
        // Of a star's model nothing is known before a request names it.
        let (listed, entry) = if is_star { (None, None) } else { self.entry(provider, model, None) };
        let mut deployment = self.deployment(provider, model);
        known::fill(&mut deployment, None, settings, entry.as_ref());
        let model = Model {
            span: name.span.clone(),
            listed,
            is_known: entry.is_some(),
            is_deprecated: entry.is_some_and(|it| it.deprecated),
            is_declared: false,
            by_is: false,
        };
        let id = self.add(Route { name: name.value.as_str().into(), deployments: vec![deployment] }, vec![model]);
        self.by_name.insert(name.value.clone(), Some(id));
        Some(id)
    }

    /// All routes, the declared ones first, and what is known of the models behind their deployments.
    pub(super) fn finish(self) -> (Vec<Route>, Vec<Vec<Model>>) {
        (self.routes, self.models)
    }

    fn add(&mut self, route: Route, models: Vec<Model>) -> RouteId {
        // A file of four megabytes has fewer than 2^32 routes.
        let id = RouteId(u32::try_from(self.routes.len()).unwrap_or(u32::MAX));
        self.routes.push(route);
        self.models.push(models);
        id
    }

    /// A call of which nothing but its provider is known.
    fn deployment(&self, provider: ProviderId, model: &str) -> Deployment {
        let written = self.raw.providers.get(provider.index());
        let name = written.map_or("", |it| it.name.value.as_str());
        Deployment {
            call: format!("{name}/{model}").into(),
            provider,
            model: model.into(),
            order: 1,
            weight: 1,
            region: written.and_then(|it| it.region.as_deref()).map(Into::into),
            tags: written.map_or_else(Vec::new, |it| it.tags.clone()),
            context: None,
            max_output: None,
            cannot: Capabilities::NONE,
            holds_schema: false,
            price: None,
        }
    }

    /// Under which names the catalogue would have a model, and what it says of it.
    fn entry(&self, provider: ProviderId, model: &str, is: Option<&str>) -> (Option<(String, String)>, Option<Entry>) {
        let (listed, model) = match is.and_then(|it| it.split_once('/')) {
            Some((listed, model)) => (Some(listed), model),
            None => (self.in_catalogue.get(provider.index()).copied().flatten(), model),
        };
        let Some(listed) = listed else { return (None, None) };
        let entry = catalogue::find(listed, model);
        // A dated name may be listed under its undated one.
        let model = entry.as_ref().map_or(model, |it| it.model);
        (Some((listed.to_owned(), model.to_owned())), entry)
    }

    /// Splits `provider/model` at the first slash.
    fn called<'c>(
        &self,
        call: &'c At<String>,
        place: &str,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<(ProviderId, &'c str)> {
        if !is_call(call, place, key, report) {
            return None;
        }
        let (provider, model) = call.value.split_once('/')?;
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

/// Whether it is `provider/model`; reported if not.
fn is_call(call: &At<String>, place: &str, key: &str, report: &mut Report<'_>) -> bool {
    let (provider, model) = call.value.split_once('/').unwrap_or((&call.value, ""));
    let printable = model.len() <= 256 && !model.chars().any(|it| it.is_control() || it.is_whitespace());
    if !model.is_empty() && printable {
        return true;
    }
    let provider = if crate::raw::is_name(provider) { provider } else { "provider" };
    report.add(
        Diagnostic::error(codes::BAD_VALUE, &call.span, format!("{place}: {} names no model", shown(&call.value)))
            .label(if key == "is" { "a model is provider/model" } else { "a call is provider/model" })
            .fix(format!("{key} = \"{provider}/MODEL\"")),
    );
    false
}

fn add_tags<'n>(tags: &mut Vec<Name>, more: impl Iterator<Item = &'n Name>) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(Name::clone(tag));
        }
    }
}
