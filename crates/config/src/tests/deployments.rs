//! What routes compile to: deployments with limits, capabilities and prices, declared or from the catalogue.

use switchback_core::money::PicoPerToken;
use switchback_core::route::{Capability, Deployment};
use switchback_wire::catalogue;

use super::*;

fn deployments(config: &Config, route: &str) -> Vec<Deployment> {
    let found = config.policy.routes.iter().find(|it| &*it.name == route);
    found.unwrap_or_else(|| panic!("no route {route}")).deployments.clone()
}

/// A file with a provider that the catalogue knows, and these lines of a route.
fn with_route(lines: &str) -> String {
    format!(
        "version = 1\n[provider.openai]\n[route.r]\n{lines}\n[task.a]\naccept = [\"SB204\"]\nladder = [{{ try = \"r\" }}]\n"
    )
}

#[test]
fn every_deployment_of_a_route_arrives_with_its_place_and_share() {
    let pair = deployments(&good(GOOD), "pair");
    let [a, b] = pair.as_slice() else { panic!("two deployments") };
    assert_eq!((&*a.call, &*a.model, a.weight, a.order), ("local/meta/llama-4-a", "meta/llama-4-a", 3, 1));
    assert_eq!((a.region.as_deref(), a.tags.as_slice()), (Some("eu-west"), &["gdpr".into()][..]));
    assert_eq!((&*b.call, b.weight, b.order, b.region.as_deref()), ("local/meta/llama-4-b", 1, 2, None));
    let listed = catalogue::find("groq", "llama-3.3-70b-versatile").unwrap();
    assert_eq!((a.context, b.context), (listed.context, None), "`is` names the catalogue's entry for one of them");
}

#[test]
fn region_and_tags_are_the_calls_own_else_the_routes_else_the_providers() {
    let config = good(
        "version = 1\n[provider.p]\napi = \"openai-compatible\"\nbase-url = \"http://127.0.0.1:1/v1\"\nregion = \"us\"\ntags = [\"a\"]\n\
         [route.r]\nregion = \"eu\"\ntags = [\"b\", \"a\"]\ncalls = [{ call = \"p/m\", region = \"eu-west\", tags = [\"c\"] }, { call = \"p/n\" }]\n\
         [task.t]\nladder = [{ try = \"r\" }, { try = \"p/k\" }]\naccept = [\"SB204\"]\n",
    );
    let [m, n] = deployments(&config, "r").try_into().unwrap();
    let [k] = deployments(&config, "p/k").try_into().unwrap();
    let regions = [&m, &n, &k].map(|it| it.region.clone().unwrap().to_string());
    assert_eq!(regions, ["eu-west", "eu", "us"]);
    let tags = [&m, &n, &k].map(|it| it.tags.join(" "));
    assert_eq!(tags, ["a c b", "a b", "a"]);
}

#[test]
fn a_declared_limit_price_or_ability_wins_over_the_catalogue_and_the_rest_stays() {
    let listed = catalogue::find("openai", "gpt-5-mini").unwrap();
    let [plain] = deployments(&good(&with_route("call = \"openai/gpt-5-mini\"")), "r").try_into().unwrap();
    assert_eq!((plain.context, plain.max_output), (listed.context, listed.max_output));
    assert!(plain.cannot.has(Capability::Audio), "what a model reads is believed of the catalogue");
    assert!(listed.cannot.has(Capability::Embeddings) && !plain.cannot.has(Capability::Embeddings), "and nothing else");
    let price = plain.price.unwrap().base;
    let listed_price = listed.price.unwrap().base;
    assert_eq!((price.input.0, price.output.0), (listed_price.input, listed_price.output));

    let lines = "call = \"openai/gpt-5-mini\"\ncontext = 9_000\nusd-per-mtok = { in = 3.00, out = 15 }\ncan = [\"chat\", \"stream\"]";
    let [own] = deployments(&good(&with_route(lines)), "r").try_into().unwrap();
    assert_eq!((own.context, own.max_output), (Some(9_000), listed.max_output));
    let price = own.price.unwrap().base;
    assert_eq!((price.input, price.cached, price.output), (PicoPerToken(3_000_000), None, PicoPerToken(15_000_000)));
    assert!(own.cannot.has(Capability::Tools) && !own.cannot.has(Capability::Chat));
}

#[test]
fn what_an_api_has_no_form_for_cannot_be_declared_away() {
    let text = "version = 1\n[provider.anthropic]\n[route.c]\ncall = \"anthropic/claude-sonnet-5\"\ncan = [\"chat\", \"audio\", \"tools\"]\n\
                [task.a]\nladder = [{ try = \"c\" }]\n";
    let [claude] = deployments(&good(text), "c").try_into().unwrap();
    assert!(claude.cannot.has(Capability::Logprobs) && claude.cannot.has(Capability::Audio));
    assert!(!claude.cannot.has(Capability::Tools));
}

#[test]
fn a_servers_own_models_have_no_price_and_no_window_of_the_catalogue() {
    let text = "version = 1\n[provider.openai]\nbase-url = \"http://127.0.0.1:1/v1\"\n[task.a]\nladder = [{ try = \"openai/gpt-5-mini\" }]\n";
    let [own] = deployments(&good(text), "openai/gpt-5-mini").try_into().unwrap();
    assert_eq!((own.context, own.price), (None, None));
}

#[test]
fn a_star_is_one_route_and_a_request_makes_its_model_with_its_own_limits() {
    let text = "version = 1\n[provider.openai]\nregion = \"us\"\n[task.any]\nnames = [\"openai/*\"]\nladder = [{ try = \"openai/*\" }]\n";
    let config = good(text);
    let [star] = deployments(&config, "openai/*").try_into().unwrap();
    assert_eq!((&*star.model, star.context), ("*", None));
    let named = crate::with_model(&star, &config.providers[0], "gpt-5-mini");
    assert_eq!((&*named.call, &*named.model, named.region.as_deref()), ("openai/gpt-5-mini", "gpt-5-mini", Some("us")));
    assert_eq!(named.context, catalogue::find("openai", "gpt-5-mini").unwrap().context);
    assert!(crate::with_model(&star, &config.providers[0], "unheard-of").price.is_none());
}

#[test]
fn a_model_that_the_catalogue_does_not_have_is_named_with_the_one_that_was_meant() {
    let found = finding(&with_route("call = \"openai/gpt-5-mnii\""));
    assert_eq!((found.code.0, found.severity, found.line, found.column), ("SB213", Severity::Warning, 4, 8));
    assert!(found.message.contains("`openai/gpt-5-mnii`") && found.label.contains("`gpt-5-mini`"), "{found:?}");
    assert!(found.effect.unwrap().contains("context window and its price are unknown"));
    good(&with_route("call = \"openai/gpt-9-preview\"\ncontext = 100_000"));
    good(&with_route("call = \"openai/my-tuned-one\"\nis = \"openai/gpt-5-mini\""));
    good(&with_route("call = \"openai/gpt-9-preview\"").replace("SB204", "SB213"));
    let found = finding(&with_route("call = \"openai/mine\"\nis = \"openai/gpt-5-mnii\"\ncontext = 7"));
    assert_eq!((found.code.0, found.line, found.fix.as_deref()), ("SB213", 5, Some("is = \"openai/gpt-5-mini\"")));
}

#[test]
fn a_bare_call_of_an_unknown_model_is_named_once_however_often_it_is_used() {
    let text = "version = 1\n[provider.openai]\n[task.a]\nladder = [{ try = \"openai/gpt-9\" }]\n[task.b]\nladder = [{ try = \"openai/gpt-9\" }]\n";
    assert_eq!(finding(text).code.0, "SB213");
    let one = text.replacen("[task.a]", "[task.a]\naccept = [\"SB213\"]", 1);
    assert_eq!(finding(&one).code.0, "SB213", "the other task did not accept it");
    good(&one.replacen("[task.b]", "[task.b]\naccept = [\"SB213\"]", 1));
}

#[test]
fn a_model_that_is_being_retired_is_told() {
    let text = with_route("call = \"openai/mine\"\nis = \"nebius/openai/gpt-oss-120b-fast\"");
    assert_eq!(finding(&text).code.0, "SB215");
    good(&text.replace("SB204", "SB215"));
}

#[test]
fn calls_of_one_route_are_one_model() {
    let lines =
        "calls = [{ call = \"openai/gpt-5-mini\" }, { call = \"openai/mine\", is = \"openrouter/openai/gpt-5-mini\" }]";
    good(&with_route(lines));
    good(&with_route("calls = [{ call = \"openai/gpt-5-mini\" }, { call = \"openai/gpt-5-mini-2025-08-07\" }]"));
    let found = finding(&with_route("calls = [{ call = \"openai/gpt-5-mini\" }, { call = \"openai/gpt-5\" }]"));
    assert_eq!((found.code.0, found.severity, found.column), ("SB218", Severity::Warning, 51));
}

#[test]
fn a_route_has_one_call_at_least_and_64_at_most() {
    let calls = |n: usize| (0..n).map(|it| format!("{{ call = \"openai/m{it}\" }}")).collect::<Vec<_>>().join(", ");
    let lines = |n: usize| format!("calls = [{}]\ncontext = 7", calls(n));
    good(&with_route(&lines(64)));
    for n in [0, 65] {
        let found = finding(&with_route(&lines(n)));
        assert_eq!((found.code.0, found.line, found.label.as_str()), ("SB107", 4, "1 to 64"));
    }
}

#[test]
fn a_schema_goes_to_servers_of_ones_own_only_where_the_file_says_json() {
    let holds = |lines: &str| {
        let text = format!(
            "version = 1\n[provider.p]\napi = \"openai-compatible\"\nbase-url = \"http://127.0.0.1:1/v1\"\n[route.r]\ncall = \"p/m\"\n{lines}\n[task.t]\nladder = [{{ try = \"r\" }}]\n"
        );
        deployments(&good(&text), "r")[0].holds_schema
    };
    assert!(!holds("") && holds("can = [\"chat\", \"json\"]"));
    assert!(deployments(&good(&with_route("call = \"openai/gpt-5-mini\"")), "r")[0].holds_schema);
    assert!(!deployments(&good(&with_route("call = \"openai/gpt-5-mini\"\ncan = [\"chat\"]")), "r")[0].holds_schema);
}
