//! Nothing is markup that should be text, nothing comes from outside, nothing is inline; every page is one that a
//! keyboard and a screen reader can use.

use super::samples::*;
use crate::*;

/// The tags of a page, each as its text between `<` and `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|it| it.split_once('>')).map(|(tag, _)| tag).collect()
}

/// Values of an attribute.
fn values<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let before = format!(" {name}=\"");
    html.split(before.as_str()).skip(1).filter_map(|it| it.split_once('"')).map(|(value, _)| value).collect()
}

#[test]
fn no_page_has_inline_style_or_script_or_anything_from_outside() {
    for (name, html) in every_page() {
        for tag in tags(&html) {
            let attributes = tag.split_whitespace().skip(1);
            for attribute in attributes.filter_map(|it| it.split_once("=\"")).map(|(attribute, _)| attribute) {
                assert!(!attribute.starts_with("on"), "{name}: {tag}");
                assert_ne!(attribute, "style", "{name}: {tag}");
            }
            assert!(!tag.starts_with("style"), "{name}: {tag}");
            assert!(!tag.starts_with("script") || tag.contains("src=\"/assets/"), "{name}: {tag}");
        }
        for attribute in ["href", "src", "action", "data-live"] {
            for value in values(&html, attribute) {
                let inside = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                assert!(inside || value.is_empty(), "{name}: {attribute}={value}");
            }
        }
    }
}

#[test]
fn every_page_has_a_title_a_language_one_first_heading_and_a_way_past_the_navigation() {
    let mut titles = Vec::new();
    for (name, html) in every_page() {
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#main\">") && html.contains("<main id=\"main\""), "{name}");
        let (_, rest) = html.split_once("<title>").expect("a title");
        let (title, _) = rest.split_once("</title>").expect("its end");
        assert!(title.ends_with(" · Switchback") && title.len() > 16, "{name}: {title}");
        titles.push(title.to_owned());
        assert!(!html.contains("<table>") || html.contains("<caption"), "{name}");
        assert_eq!(html.matches("<table").count(), html.matches("<caption").count(), "{name}");
        assert_eq!(html.matches("<th ").count(), html.matches("<th scope=").count(), "{name}");
    }
    assert!(
        titles.iter().any(|it| it.contains("gpt") || it.contains("extract-invoice")),
        "a page says what it is about"
    );
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for (name, html) in every_page() {
        let mut last = 0;
        for tag in tags(&html) {
            let Some(level) = tag.strip_prefix('h').and_then(|it| it.get(..1)).and_then(|it| it.parse::<u32>().ok())
            else {
                continue;
            };
            assert!(level <= last + 1, "{name}: h{level} after h{last}");
            last = level;
        }
    }
}

#[test]
fn no_two_elements_of_a_page_share_an_id() {
    for (name, html) in every_page() {
        let mut ids = values(&html, "id");
        let n = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n, "{name}");
    }
}

#[test]
fn every_field_has_a_label_and_every_form_a_way_to_send_it() {
    for (name, html) in every_page() {
        let fields = html.matches("<select").count() + html.matches("<input").count();
        let hidden = html.matches("<input type=\"hidden\"").count();
        let labelled = html.matches("<label").count();
        assert_eq!(fields - hidden, labelled, "{name}");
        assert_eq!(html.matches("<form").count(), html.matches("type=\"submit\"").count(), "{name}");
    }
}

/// Text that would be markup, an attribute's end, or another line.
const EVIL: &str = "<script>alert(1)</script>\"' onload=x\r\n\r\nevent: y <img src=//evil>&";

fn evil_record() -> switchback_core::record::DecisionRecord {
    let mut record = recovered();
    let name = || switchback_core::id::Name::from(EVIL);
    let object = &mut record.object;
    object.request_id = name();
    object.task = name();
    object.segment = Some(name());
    object.surface = name();
    object.outcome = name();
    object.served_by = Some(name());
    object.provider = Some(name());
    object.region = Some(name());
    object.degraded = Some(name());
    object.dropped = vec![name()];
    for it in &mut object.attempts {
        it.route = name();
        it.kind = name();
        it.class = Some(name());
        let story = it.story.as_mut().expect("a story");
        story.detail = Some(name());
        story.code = Some(EVIL.into());
        story.message = Some(EVIL.into());
        story.model = Some(EVIL.into());
        story.provider_request_id = Some(EVIL.into());
    }
    for it in &mut object.not_run {
        it.name = name();
        it.reason = name();
    }
    record.waits.iter_mut().for_each(|it| it.kind = name());
    for it in &mut record.moves {
        it.from = name();
        it.to = name();
        it.class = name();
        it.why = name();
        it.place = Some(name());
    }
    record.error =
        Some(switchback_core::record::RecordedError { status: 424, code: EVIL.into(), message: EVIL.into() });
    record.key = Some(name());
    record.client = Some(name());
    record.config = name();
    record
}

fn evil_frame() -> Frame {
    let evil = || EVIL.to_owned();
    let over = Override { route: evil(), kind: evil(), by: evil(), reason: evil(), ..over("gpt") };
    Frame { version: evil(), config: evil(), overrides: vec![over], sign_out: Some(evil()), ..frame() }
}

fn evil_routes() -> Vec<RouteCard> {
    let evil = || EVIL.to_owned();
    let bucket = BucketRow { bucket: evil(), ..BucketRow::default() };
    let call =
        Call { call: evil(), region: Some(evil()), notes: vec![evil()], buckets: vec![bucket], ..Call::default() };
    let used_by = vec![Use { task: evil(), rung: 1 }];
    let over = evil_frame().overrides.pop();
    vec![RouteCard { route: evil(), calls: vec![call], used_by, over, ..RouteCard::default() }]
}

/// Every page, every string of it the evil one.
fn evil_pages() -> Vec<(&'static str, String)> {
    let evil = || EVIL.to_owned();
    let filter = Filter {
        task: Some(evil()),
        outcome: Some(evil()),
        route: Some(evil()),
        class: Some(evil()),
        key: Some(evil()),
        since: Some(evil()),
        id: Some(evil()),
        before: Some(evil()),
    };
    let choices = Choices { tasks: vec![evil()], routes: vec![evil()], keys: vec![evil()] };
    let list = |listed| RequestsView { frame: evil_frame(), filter: filter.clone(), choices: choices.clone(), listed };
    let problem = |about| Problem { text: evil(), since_ms: Some(1), about };
    let row = TaskRow { task: evil(), about: Some(evil()), ..TaskRow::default() };
    let view = NowView {
        frame: evil_frame(),
        tasks: Ok(vec![row]),
        problems: vec![problem(About::Task(evil())), problem(About::Route(evil())), problem(About::Gateway)],
        last_reload: Some(Reload { at_ms: 1, ok: false, why: Some(evil()) }),
        rejected: vec![(evil(), 1)],
        routes: evil_routes(),
        moved: vec![evil_record()],
        endpoint: evil(),
        ..now_view()
    };
    let first = NowView { minutes: Vec::new(), moved: Vec::new(), ..view.clone() };
    let routes_view = RoutesView { frame: evil_frame(), routes: evil_routes(), notice: Some(evil()) };
    let preview = Preview { routes: vec![(evil(), evil())], effect: vec![evil()], friction: Friction::Warned };
    let asked = |preview| ActView {
        frame: evil_frame(),
        select: evil(),
        form_token: evil(),
        refusal: Some(evil()),
        reason: evil(),
        span: Some(evil()),
        by: evil(),
        ..act_view(Act::Disable, preview)
    };
    let rows = Listed::Rows { records: vec![evil_record()], older: Some(evil()) };
    vec![
        ("now", now(&view)),
        ("first", now(&first)),
        ("broken", now(&NowView { tasks: Err(evil()), ..view.clone() })),
        ("now_live", now_live(&view)),
        ("requests", requests(&list(rows.clone()))),
        ("requests_live", requests_live(&list(rows))),
        ("none yet", requests(&list(Listed::NoneYet { endpoint: evil() }))),
        ("unavailable", requests(&list(Listed::Unavailable { why: evil() }))),
        ("not understood", requests(&list(Listed::NotUnderstood { why: evil() }))),
        ("story", story(&StoryView { frame: evil_frame(), record: evil_record(), headers: vec![(evil(), evil())] })),
        ("routes", routes(&routes_view)),
        ("routes_live", routes_live(&routes_view)),
        ("act", act(&asked(Ok(preview)))),
        ("act none", act(&asked(Err(evil())))),
        ("not_found", not_found(&evil_frame(), EVIL, EVIL)),
        ("sign_in", sign_in(&SignInView { next: evil(), refusal: Some(evil()) })),
    ]
}

#[test]
fn whatever_a_name_or_a_provider_says_is_text_and_never_markup() {
    for (name, html) in evil_pages() {
        assert!(html.contains("&lt;script&gt;alert") || html.contains("%3Cscript"), "{name} shows what it was given");
        assert!(!html.contains("<script>") && !html.contains("<img"), "{name}");
        for tag in tags(&html) {
            // Outside of its quoted values a tag of ours holds nothing that came from elsewhere.
            let bare: String = tag.split('"').step_by(2).collect();
            assert!(!bare.contains("onload") && !bare.contains("evil"), "{name}: {tag}");
        }
        for link in values(&html, "href").into_iter().filter(|it| it.contains("alert")) {
            assert!(!link.contains(['<', '"', '\'', ' ', '\r', '\n']), "{name}: {link}");
        }
    }
}

#[test]
fn a_live_fragment_is_one_line_so_that_no_text_in_it_can_begin_another_event() {
    for (name, html) in evil_pages().into_iter().filter(|(name, _)| name.ends_with("_live")) {
        assert!(!html.contains(['\r', '\n']), "{name}");
        assert!(html.contains("event: y"), "{name}");
    }
}

#[test]
fn the_live_region_of_a_page_is_the_fragment_that_will_replace_it() {
    let (page, live) = (now(&now_view()), now_live(&now_view()));
    assert!(page.replace('\n', "&#10;").contains(&format!("<div id=\"live\" data-live=\"/live/now\">{live}</div>")));
    let view =
        RequestsView { filter: Filter { task: Some("a b".into()), ..Filter::default() }, ..requests_view(rows()) };
    let page = requests(&view);
    assert!(page.contains(&format!("data-live=\"/live/requests?task=a%20b\">{}</div>", requests_live(&view))));
    let page = routes(&routes_view());
    assert!(page.contains(&format!("data-live=\"/live/routes\">{}</div>", routes_live(&routes_view()))));
}

#[test]
fn an_older_page_of_requests_stands_still() {
    let filter = Filter { before: Some("req_1".into()), ..Filter::default() };
    let page = requests(&RequestsView { filter, ..requests_view(rows()) });
    assert!(!page.contains("data-live") && page.contains(">Newest</a>"));
}

#[test]
fn pages_stay_small_whatever_they_are_given() {
    let long = || "x".repeat(20_000);
    let mut record = recovered();
    record.object.rungs = u32::MAX;
    record.object.attempts = (0..2_000).map(|_| record.object.attempts[0].clone()).collect();
    record.waits = (0..2_000).map(|_| record.waits[0].clone()).collect();
    record.moves = (0..400).map(|_| record.moves[0].clone()).collect();
    record.object.task = long().into();
    let page = story(&story_of(record.clone()));
    assert!(page.len() < 3_000_000, "{}", page.len());
    let view = NowView {
        routes: (0..5_000).map(|_| routes_list().remove(0)).collect(),
        moved: vec![record; 100],
        problems: vec![Problem { text: long(), since_ms: None, about: About::Task("x".repeat(200)) }; 1_000],
        ..now_view()
    };
    let page = now(&view);
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("4700 more are in the routes as JSON") && page.contains("900 more"));
}

#[test]
fn the_first_page_of_an_incident_is_below_a_hundred_kilobytes_with_what_it_loads() {
    let size = now(&now_view()).len() + STYLE.len() + SCRIPT.len();
    assert!(size < 100_000, "{size}");
}

#[test]
fn the_policy_forbids_what_the_pages_do_not_need() {
    assert!(CSP.starts_with("default-src 'none'"));
    for forbidden in ["unsafe", "*", "http", "data:"] {
        assert!(!CSP.contains(forbidden), "{forbidden}");
    }
    assert!(CSP.contains("frame-ancestors 'none'") && CSP.contains("base-uri 'none'"));
}
