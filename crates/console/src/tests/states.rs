//! Each state of a page says what it is: two causes never look the same, and unknown never looks like nothing.

use super::samples::*;
use crate::*;

fn outcomes_view(five: Outcomes, problems: Vec<Problem>) -> NowView {
    let row = TaskRow { task: "a".into(), last_5_min: five, last_hour: five, ..TaskRow::default() };
    NowView { tasks: Ok(vec![row]), problems, ..now_view() }
}

fn headline(view: &NowView) -> String {
    let page = now(view);
    let (_, rest) = page.split_once("<h2 id=\"verdict\">").expect("a verdict");
    rest.split_once("</h2>").expect("its end").0.to_owned()
}

#[test]
fn each_empty_list_says_why_it_is_empty() {
    let none = [
        Listed::NoneYet { endpoint: "http://127.0.0.1:4000/v1".into() },
        Listed::NoneMatch { without: Some(3_412) },
        Listed::Unavailable { why: "the disk is full".into() },
        Listed::NotUnderstood { why: "`since`: 5x is no time".into() },
    ];
    let pages: Vec<String> = none.into_iter().map(|it| requests(&requests_view(it))).collect();
    let [yet, matching, unavailable, filter] = &pages[..] else { panic!("four pages") };
    let says =
        ["Nothing has come through yet", "No request matches", "The records cannot be read", "The filter cannot be"];
    for (place, page) in [yet, matching, unavailable, filter].into_iter().enumerate() {
        for (other, words) in says.into_iter().enumerate() {
            assert_eq!(page.contains(words), place == other, "{words} on page {place}");
        }
    }
    assert!(yet.contains("curl http://127.0.0.1:4000/v1/chat/completions") && yet.contains("extract-invoice"));
    assert!(
        matching.contains("3\u{202f}412\u{a0}requests without the filter") && matching.contains("Clear the filter")
    );
    assert!(unavailable.contains("the disk is full") && unavailable.contains("Requests are still answered"));
}

#[test]
fn the_verdict_is_the_worst_of_what_callers_got() {
    let ok = Outcomes { ok: 40, ..Outcomes::default() };
    let problem = || vec![Problem { text: "mini is open.".into(), since_ms: None, about: About::Route("mini".into()) }];
    assert!(headline(&outcomes_view(ok, vec![])).contains("All is well"));
    assert!(headline(&outcomes_view(Outcomes { recovered: 2, ..ok }, vec![])).contains("some of it by fallback"));
    assert!(headline(&outcomes_view(ok, problem())).contains("Something is wrong; callers get full quality"));
    assert!(headline(&outcomes_view(Outcomes { degraded: 2, ..ok }, problem())).contains("less than full quality"));
    assert!(headline(&outcomes_view(Outcomes { degraded: 2, failed: 1, ..ok }, vec![])).contains("Callers get errors"));
    assert!(headline(&outcomes_view(Outcomes::default(), vec![])).contains("Quiet"));
    let unknown = NowView { tasks: Err("locked".into()), ..now_view() };
    assert!(headline(&unknown).contains("What callers get is not known"));
    assert!(!now(&unknown).contains("Users noticed nothing"));
}

#[test]
fn a_tab_that_was_closed_is_no_outage() {
    let ok = Outcomes { ok: 40, caller: 2, ..Outcomes::default() };
    let page = now(&outcomes_view(ok, vec![]));
    assert!(headline(&outcomes_view(ok, vec![])).contains("All is well"));
    assert!(page.contains("Besides, callers cancelled or mistook 2\u{a0}requests."), "{page}");
    let only = outcomes_view(Outcomes { caller: 2, ..Outcomes::default() }, vec![]);
    let only = NowView { moved: vec![], minutes: vec![], ..only };
    assert!(headline(&only).contains("Quiet: callers cancelled"), "{}", headline(&only));
}

#[test]
fn a_gateway_that_nobody_has_called_says_how_to_call_it_and_does_not_claim_to_be_well() {
    let view = NowView { moved: vec![], minutes: vec![], ..outcomes_view(Outcomes::default(), vec![]) };
    let page = now(&view);
    assert!(headline(&view).contains("Nothing has come through yet"));
    assert!(page.contains("curl ") && !page.contains("All is well"));
}

#[test]
fn whether_users_noticed_is_said_in_numbers() {
    let page = now(&now_view());
    let words = "Users noticed: of 1\u{202f}364\u{a0}requests in the last 5 minutes 12 got a clear error, 260 a degraded answer, 1 a \
                 refusal, 128 only waited longer.";
    assert!(page.contains(words));
    let quiet = now(&outcomes_view(Outcomes { ok: 3, ..Outcomes::default() }, vec![]));
    assert!(quiet.contains("Users noticed nothing: 3\u{a0}requests"));
}

#[test]
fn a_cost_that_is_not_known_is_a_question_mark_and_never_nothing() {
    let page = now(&NowView { cost: Cost { usd: None, n_unknown: 5 }, added: None, ..now_view() });
    assert!(page.contains("<dd>?</dd><dd class=\"note\">5\u{a0}requests of unknown cost</dd>"));
    assert!(page.contains("<dd>?</dd><dd class=\"note\">too few answers to tell</dd>"));
    assert!(!page.contains("$0"));
    let partly = now(&NowView { cost: Cost { usd: Some(1.5), n_unknown: 5 }, ..now_view() });
    assert!(partly.contains("$1.5 + ?"));
    let page = requests(&requests_view(Listed::Rows { records: vec![recovered()], older: None }));
    assert!(page.contains("<td class=\"num\">?</td>") && !page.contains("$0<"));
}

#[test]
fn an_override_stands_on_every_page_with_its_end_and_its_undo() {
    for (name, html) in every_page().into_iter().filter(|(name, _)| *name != "sign-in") {
        assert!(html.contains("was disabled by mira at "), "{name}");
        assert!(html.contains("44\u{a0}min left: INC-231 OpenAI timeouts"), "{name}");
        assert!(html.contains("href=\"/routes/enable?select=gpt\""), "{name}");
    }
    let (_, sign_in) = every_page().pop().expect("the page before anybody has signed in");
    assert!(!sign_in.contains("INC-231") && !sign_in.contains("9c1e4f2"), "it tells nothing of the gateway");
}

#[test]
fn simulated_answers_are_never_taken_for_real_ones() {
    let simulated = Frame { simulated: true, ..frame() };
    for page in [
        now(&NowView { frame: simulated.clone(), ..now_view() }),
        routes(&RoutesView { frame: simulated.clone(), ..routes_view() }),
        requests(&RequestsView { frame: simulated.clone(), ..requests_view(rows()) }),
        story(&StoryView { frame: simulated, ..story_of(plain()) }),
    ] {
        assert!(page.contains("<body class=\"simulated\">") && page.contains("SIMULATED"));
    }
    assert!(!now(&now_view()).contains("SIMULATED"));
}

#[test]
fn every_state_of_a_route_has_a_word_and_a_shape_of_its_own() {
    use RouteState as S;
    let all = [S::Closed, S::HalfOpen, S::Open, S::Tripped, S::Gone, S::Disabled];
    let mut badges: Vec<String> = all
        .into_iter()
        .map(|state| {
            let card = RouteCard { route: "gpt".into(), state, ..RouteCard::default() };
            let page = routes(&RoutesView { routes: vec![card], ..routes_view() });
            assert!(page.contains(&format!(" {}</span>", state.name())), "{state:?}");
            let (_, rest) = page.split_once("<span class=\"shape\" aria-hidden=\"true\">").expect("a shape");
            rest.split_once('<').expect("its end").0.to_owned()
        })
        .collect();
    badges.sort_unstable();
    badges.dedup();
    assert_eq!(badges.len(), all.len());
}

#[test]
fn a_route_shows_each_call_each_bucket_its_keys_and_its_budget() {
    let page = routes(&routes_view());
    for fact in [
        "openai/gpt-5-mini",
        "azure/gpt-5-mini",
        "weight 3",
        ">long<",
        "2 keys, 1 cooling after a rate limit",
        "0 of 10 left",
        "used up: no retry until calls succeed",
        "next probe in 9\u{a0}s",
        "9 of 18 calls",
        "60.8\u{a0}% of 212 calls",
        "id=\"route-mini\"",
        "href=\"/routes/reset?select=mini\"",
        "3 of 4 routes are in trouble: gpt, claude, mini.",
    ] {
        assert!(page.contains(fact), "{fact}");
    }
    let (_, disabled) = page.split_once("id=\"route-gpt\"").expect("gpt");
    let (disabled, _) = disabled.split_once("<table>").expect("its table");
    assert!(!disabled.contains("next probe"), "a disabled route is not probed");
}

#[test]
fn the_form_of_an_act_carries_what_the_gateway_needs_and_keeps_what_was_typed() {
    let refused = ActView {
        refusal: Some("Tomas disabled gpt 6 s ago.".into()),
        reason: "INC-231".into(),
        span: Some("4h".into()),
        by: "mira".into(),
        ..act_view(Act::Disable, Ok(preview_of(Friction::Reason)))
    };
    let page = act(&refused);
    assert!(page.contains("<form class=\"act\" method=\"post\" action=\"/admin/routes/disable\">"));
    for field in [
        "name=\"form_token\" value=\"t0ken\"",
        "name=\"revision\" value=\"41\"",
        "name=\"select\" value=\"claude\"",
        "value=\"INC-231\"",
        "name=\"for\" value=\"4h\" checked",
        "name=\"by\" maxlength=\"80\" value=\"mira\"",
        "Nothing was changed.",
        "Tomas disabled gpt 6 s ago.",
        "counts as degraded",
    ] {
        assert!(page.contains(field), "{field}");
    }
    assert_eq!(page.matches(" checked").count(), 1);
    let fresh = act(&act_view(Act::Disable, Ok(preview_of(Friction::Reason))));
    assert!(fresh.contains("value=\"1h\" checked") && !fresh.contains("name=\"confirm\""));
}

#[test]
fn an_act_that_harms_has_to_be_typed_and_only_a_disable_has_a_time() {
    let typed = act(&act_view(Act::Disable, Ok(preview_of(Friction::TypeName))));
    assert!(typed.contains("name=\"confirm\" required") && typed.contains("LESS THAN FULL QUALITY"));
    let warned = act(&act_view(Act::Trip, Ok(preview_of(Friction::Warned))));
    assert!(warned.contains("name=\"confirm\" required") && warned.contains("ERRORS FOR EVERYBODY"));
    for other in [Act::Enable, Act::Trip, Act::Reset] {
        let page = act(&act_view(other, Ok(preview_of(Friction::Reason))));
        assert!(!page.contains("name=\"for\""), "{other:?}");
        assert!(page.contains(&format!("action=\"/admin/routes/{}\"", other.name())));
        assert_eq!(Act::named(other.name()), Some(other));
    }
    let nothing = act(&act_view(Act::Reset, Err("No route matches claude.".into())));
    assert!(nothing.contains("No route matches claude.") && !nothing.contains("<form"));
}

#[test]
fn the_filter_stays_in_the_address_of_the_next_page_and_in_the_form() {
    let filter = Filter { task: Some("gone-task".into()), outcome: Some("failed".into()), ..Filter::default() };
    let page = requests(&RequestsView { filter, ..requests_view(rows()) });
    assert!(
        page.contains("href=\"/requests?task=gone-task&amp;outcome=failed&amp;before=req_01K9TQ7F3MHYV551E12Y9MP472\"")
    );
    assert!(
        page.contains("<option value=\"gone-task\" selected>") && page.contains("<option value=\"failed\" selected>")
    );
}
