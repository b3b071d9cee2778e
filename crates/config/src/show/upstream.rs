//! Providers, and every deployment of every route with what was declared of it and what the catalogue knows.

use switchback_core::money::{PicoPerToken, Price};
use switchback_core::route::{CAPABILITIES, Deployment};

use super::{Origin, Show, as_table, line, named};
use crate::raw::families;
use crate::raw::tree::{Entry, Table, Value};

impl<'a> Show<'a> {
    pub(super) fn providers(&mut self) {
        for (entry, provider) in named(self.tree, "provider").into_iter().zip(&self.draft.providers) {
            let first = self.shown.len();
            self.table(&format!("[provider.{}]", entry.key), &families::PROVIDER, &[as_table(entry)]);
            for it in self.shown.iter_mut().skip(first).filter(|it| it.origin == Origin::Default) {
                match it.key {
                    "api" => it.value = format!("\"{}\"", provider.api.name()),
                    "base-url" => it.value = format!("\"{}\"", provider.base_url),
                    "keys" => {
                        let variable = provider.api.key_variable();
                        it.value = variable.map_or_else(|| "none".to_owned(), |it| format!("[\"env:{it}\"]"));
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn deployments(&mut self) {
        let routes = named(self.tree, "route");
        let providers = named(self.tree, "provider");
        for (at, route) in self.draft.policy.routes.iter().enumerate() {
            let written = routes.get(at).copied().and_then(as_table);
            for (place, deployment) in route.deployments.iter().enumerate() {
                let call = written.and_then(|it| one_of_calls(it, place));
                let provider = providers.get(deployment.provider.index()).copied().and_then(as_table);
                let title = match written {
                    Some(_) => format!("[route.{}] {}", route.name, deployment.call),
                    None => format!("route {}", route.name),
                };
                self.deployment(&title, deployment, [call, written, provider]);
            }
        }
    }

    fn deployment(&mut self, title: &str, it: &Deployment, tables: [Option<&'a Table>; 3]) {
        let [call, route, _] = tables;
        let given = |key: &str, tables: &[Option<&'a Table>]| -> Option<&'a Entry> {
            tables.iter().flatten().find_map(|it| it.get(key))
        };
        let report = self.report;
        let origin = |entry: Option<&'a Entry>| entry.map_or(Origin::Default, |it| line(report, it));
        let unknown = || "unknown".to_owned();
        if call.is_some() {
            self.add(title, "order", it.order.to_string(), origin(given("order", &[call])));
            self.add(title, "weight", it.weight.to_string(), origin(given("weight", &[call])));
        }
        let region = it.region.as_ref().map_or_else(unknown, |it| format!("\"{it}\""));
        self.add(title, "region", region, origin(given("region", &tables)));
        let tags: Vec<String> = it.tags.iter().map(|it| format!("\"{it}\"")).collect();
        self.add(title, "tags", format!("[{}]", tags.join(", ")), origin(given("tags", &tables)));
        let or_catalogue = |entry: Option<&'a Entry>, is_known: bool| match entry {
            None if is_known => Origin::Catalogue,
            entry => origin(entry),
        };
        for (key, tokens) in [("context", it.context), ("max-output", it.max_output)] {
            let value = tokens.map_or_else(unknown, |it| it.to_string());
            self.add(title, key, value, or_catalogue(given(key, &[route]), tokens.is_some()));
        }
        let cannot: Vec<&str> =
            CAPABILITIES.iter().filter(|(one, _)| it.cannot.has(*one)).map(|(_, name)| *name).collect();
        let can = if cannot.is_empty() { unknown() } else { format!("all but {}", cannot.join(", ")) };
        self.add(title, "can", can, or_catalogue(given("can", &[route]), !cannot.is_empty()));
        let price = it.price.as_ref().map_or_else(unknown, price);
        self.add(title, "usd-per-mtok", price, or_catalogue(given("usd-per-mtok", &[route]), it.price.is_some()));
    }
}

/// The table of one deployment, where the route has several.
fn one_of_calls(route: &Table, place: usize) -> Option<&Table> {
    let Value::List(calls) = &route.get("calls")?.node.value else { return None };
    if let Value::Table(call) = &calls.get(place)?.value { Some(call) } else { None }
}

fn price(price: &Price) -> String {
    let rates = &price.base;
    let parts = [
        ("in", Some(rates.input)),
        ("cached", rates.cached),
        ("cache-write", rates.cache_write),
        ("out", Some(rates.output)),
    ];
    let parts: Vec<String> =
        parts.iter().filter_map(|(key, price)| Some(format!("{key} = {}", dollars((*price)?)))).collect();
    let tiers: String = price.tiers.iter().map(|it| format!(", dearer above {} tokens", it.over_tokens)).collect();
    format!("{{ {} }}{tiers}", parts.join(", "))
}

/// Dollars per million tokens, all their digits.
fn dollars(price: PicoPerToken) -> String {
    let (whole, parts) = (price.0 / 1_000_000, price.0 % 1_000_000);
    let fraction = format!("{parts:06}");
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}
