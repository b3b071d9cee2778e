"""Acting and signing in: by forms, without JavaScript, under the same rules as the admin API; and what moves by itself."""

from stack import ADMIN_TOKEN, fetch
from webdriver import until


def form_of(gateway, path, headers=()):
    """The hidden fields of a page's form, and its text."""
    _, _, text = fetch(gateway.admin + path, headers={"accept": "text/html", **dict(headers)})
    fields = {}
    for piece in text.split('<input type="hidden" ')[1:]:
        name = piece.split('name="')[1].split('"')[0]
        fields[name] = piece.split('value="')[1].split('"')[0]
    return fields, text


def audit(gateway):
    return [(it["action"], it["target"], it["by"], it["reason"]) for it in gateway.get("/admin/v1/audit?limit=5")]


def fill(browser, **fields):
    for name, text in fields.items():
        browser.find(f"form.act input[name={name}]").type(text)


def submit(browser, button="form.act button[type=submit]"):
    """Presses the button and waits for the page that it leads to."""
    before = browser.url()
    browser.find(button).click()
    until("the form leads to another page", lambda: browser.url() != before)
    until("it is whole", lambda: browser.run("return document.readyState") == "complete")


def a_route_is_disabled_and_enabled_by_forms_alone(world):
    """From the list of routes to the act, its notice, its strip, and back."""
    gateway, browser = world.stack.open, world.browser(False)
    browser.open(gateway.admin + "/routes")
    browser.find('a[href="/routes/disable?select=marked"]').click()
    assert "quiet would start at rung 2, long." in browser.text(".effect")
    fill(browser, reason="INC-231 <b>", by="mira")
    submit(browser)
    assert "/routes?done=" in browser.url(), browser.url()
    assert "disable of marked by mira: INC-231 <b>" in browser.text(".strip.done")
    assert "disabled" in browser.text("#route-marked .how")
    left = [it for it in browser.texts(".strip.override") if "marked was disabled by mira" in it]
    assert len(left) == 1 and " left: INC-231 <b>" in left[0] and ("60 min" in left[0] or "59 min" in left[0]), left
    assert gateway.state("marked") == "disabled"
    assert audit(gateway)[0] == ("disable", "marked", "mira", "INC-231 <b>")
    browser.open(gateway.admin + "/")
    browser.find('.strip.override a[href="/routes/enable?select=marked"]').click()
    fill(browser, reason="it is over", by="mira")
    submit(browser)
    assert "enable of marked by mira: it is over" in browser.text(".strip.done")
    assert gateway.state("marked") == "closed"


def a_route_is_tripped_and_reset_by_forms_alone(world):
    gateway, browser = world.stack.open, world.browser(False)
    for act, state in (("trip", "tripped"), ("reset", "closed")):
        browser.open(f"{gateway.admin}/routes/{act}?select=long")
        fill(browser, reason=f"to {act} it")
        submit(browser)
        assert gateway.state("long") == state, act
        assert audit(gateway)[0] == (act, "long", "admin", f"to {act} it")


def friction_is_enforced_by_the_server(world):
    """Where a task would be left with less, the name is typed, and a form that leaves it out changes nothing."""
    gateway = world.stack.open
    path = "/routes/disable?select=alone"
    fields, text = form_of(gateway, path)
    assert "ERRORS FOR EVERYBODY" in text and 'name="confirm"' in text
    for confirm in ({}, {"confirm": ""}, {"confirm": "alon"}, {"confirm": "ALONE"}):
        sent = {**fields, "reason": "a test", "for": "15m", **confirm}
        status, _, text = fetch(f"{gateway.admin}/admin/routes/disable", form=sent)
        assert status == 422 and "Nothing was changed" in text and "type the name" in text, (confirm, status)
        assert gateway.state("alone") == "closed"
    browser = world.browser(False)
    browser.open(gateway.admin + path)
    fill(browser, reason="a test", confirm="alone")
    submit(browser)
    assert gateway.state("alone") == "disabled"
    gateway.act("enable", "alone")


def the_rules_of_the_api_hold_for_forms(world):
    """Reason, revision, names and times; each refusal says why and keeps what was typed."""
    gateway = world.stack.open
    path, target = "/routes/disable?select=marked", f"{gateway.admin}/admin/routes/disable"
    fields, _ = form_of(gateway, path)
    whole = {**fields, "reason": "typed before", "by": "mira", "for": "4h"}
    for change, status, why in (
        ({"reason": " "}, 422, "reason"),
        ({"revision": ""}, 422, "revision"),
        ({"for": "soon"}, 422, "soon"),
        ({"select": "nobody"}, 404, "nobody"),
        ({"form_token": "0" * 64}, 403, "form"),
        ({"form_token": ""}, 403, "form"),
    ):
        got, _, text = fetch(target, form={**whole, **change})
        assert got == status and why in text, (change, got)
        assert gateway.state("marked") == "closed", change
    assert 'value="typed before"' in text and 'value="mira"' in text
    gateway.act("disable", "long", reason="somebody else was first")
    got, _, text = fetch(target, form=whole)
    assert got == 409 and "somebody else was first" in text and "suite disabled long" in text, got
    assert gateway.state("marked") == "closed"
    gateway.act("enable", "long")
    revision = gateway.get("/admin/v1/status")["revision"]
    got, _, _ = fetch(f"{gateway.admin}/routes/disable?select=marked")
    assert gateway.get("/admin/v1/status")["revision"] == revision, "a look changes nothing"


def a_page_of_another_origin_changes_nothing(world):
    """Nor does one under a name that was pointed at this address see anything."""
    gateway = world.stack.open
    fields, _ = form_of(gateway, "/routes/disable?select=marked")
    sent = {**fields, "reason": "from elsewhere", "for": "15m"}
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        status, _, _ = fetch(f"{gateway.admin}/admin/routes/disable", form=sent, headers={"origin": origin})
        assert status == 403, (origin, status)
    assert gateway.state("marked") == "closed"
    for path in ("/", "/requests", "/routes", "/live/now", "/routes/disable?select=good", "/no/such/page"):
        status, _, text = fetch(gateway.admin + path, headers={"host": "evil.example", "accept": "text/html"})
        assert status == 403 and "<html" not in text, (path, status)
    foreign = {"origin": "http://evil.example"}
    status, _, _ = fetch(f"{world.stack.guarded.admin}/sign-in", form={"token": ADMIN_TOKEN}, headers=foreign)
    assert status == 403, "nor signs anybody in"


def a_notice_is_told_of_what_was_done_and_of_nothing_else(world):
    """A link that claims a change makes nobody believe it."""
    gateway, browser = world.stack.open, world.browser(False)
    gateway.act("trip", "long")
    gateway.act("reset", "long", reason="told once")
    revision = gateway.get("/admin/v1/status")["revision"]
    browser.open(f"{gateway.admin}/routes?done={revision}")
    assert "reset of long by suite: told once" in browser.text(".strip.done")
    for made_up in (revision - 1, revision + 1, "x"):
        browser.open(f"{gateway.admin}/routes?done={made_up}")
        assert browser.texts("h1") == ["Routes"] and browser.texts(".strip.done") == [], made_up


def a_person_signs_in_and_out(world):
    """With the token, without JavaScript, back to where they wanted to go."""
    gateway, browser = world.stack.guarded, world.fresh(javascript=False)
    request_id = gateway.ask("fine")
    browser.open(f"{gateway.admin}/requests?task=fine")
    assert browser.text("h1") == "Sign in"
    text = browser.text("body")
    assert "fine" not in text and "0.1.0" not in text, "the page tells nothing of the gateway"
    browser.find("input[name=token]").type("not-the-token")
    submit(browser)
    assert "This is not the admin token." in browser.text("#refusal")
    browser.find("input[name=token]").type(ADMIN_TOKEN)
    submit(browser)
    assert browser.url() == f"{gateway.admin}/requests?task=fine"
    assert request_id[-8:] in browser.text("table.requests")
    cookie = browser.command("GET", "/cookie")
    assert len(cookie) == 1 and cookie[0]["httpOnly"] and cookie[0]["sameSite"] == "Strict", cookie
    browser.open(f"{gateway.admin}/admin/v1/status")
    assert '"revision"' in browser.text("body"), "links to JSON work with the session"
    browser.open(f"{gateway.admin}/routes/disable?select=marked")
    fill(browser, reason="signed in")
    submit(browser)
    assert gateway.state("marked") == "disabled"
    session = {"cookie": f"{cookie[0]['name']}={cookie[0]['value']}"}
    body = {"select": "marked", "reason": "by cookie", "revision": gateway.get("/admin/v1/status")["revision"]}
    status, _, _ = fetch(f"{gateway.admin}/admin/v1/routes/enable", body, session)
    assert status == 401, "a cookie alone changes nothing by the API"
    fields, _ = form_of(gateway, "/routes/enable?select=marked", session)
    other, _ = form_of(gateway, "/routes/enable?select=marked", {"authorization": f"Bearer {ADMIN_TOKEN}"})
    assert fields["form_token"] != other["form_token"], "a form is bound to its session"
    stolen = {**fields, "form_token": other["form_token"], "reason": "another's"}
    assert fetch(f"{gateway.admin}/admin/routes/enable", form=stolen, headers=session)[0] == 403
    submit(browser, ".state button[type=submit]")
    assert browser.text("h1") == "Sign in"
    assert fetch(f"{gateway.admin}/routes", headers=session)[0] == 401, "the session is over, not only forgotten"


def without_signing_in_nothing_is_seen(world):
    """Pages give the page to sign in, programs get JSON, and the token itself opens all."""
    gateway = world.stack.guarded
    for path in ("/", "/requests", "/requests/last", "/routes", "/routes/disable?select=good", "/no/such/page"):
        status, headers, text = fetch(gateway.admin + path, headers={"accept": "text/html"})
        assert (status, headers["www-authenticate"]) == (401, "Bearer"), path
        assert "<h1>Sign in</h1>" in text and "config" not in text.split("<main")[0], path
    for path in ("/admin/v1/status", "/live/now", "/metrics"):
        status, headers, _ = fetch(gateway.admin + path, headers={"cookie": "switchback-4001=made-up"})
        assert (status, headers["content-type"]) == (401, "application/json"), path
    assert fetch(f"{gateway.admin}/admin/routes/disable", form={"select": "good"})[0] == 401
    for path in ("/", "/admin/v1/status"):
        assert fetch(gateway.admin + path, headers={"authorization": f"Bearer {ADMIN_TOKEN}"})[0] == 200, path
        assert fetch(gateway.admin + path, headers={"authorization": "Bearer made-up"})[0] == 401, path


def nobody_is_sent_elsewhere_after_signing_in(world):
    gateway = world.stack.guarded
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        status, headers, _ = fetch(f"{gateway.admin}/sign-in", form={"token": ADMIN_TOKEN, "next": wanted})
        assert (status, headers["location"]) == (303, "/"), wanted
        assert all(it in headers["set-cookie"] for it in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"))


def guessing_the_token_is_slow(world):
    """After some wrong ones guessing is refused, and the right one still signs in: nobody can lock the others out."""
    gateway = world.stack.guarded
    statuses = [fetch(f"{gateway.admin}/sign-in", form={"token": f"guess-{n}"})[0] for n in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    status, headers, _ = fetch(f"{gateway.admin}/sign-in", form={"token": ADMIN_TOKEN})
    assert status == 303 and headers["set-cookie"] is not None
    gateway.get("/admin/v1/status")


def now_moves_when_a_request_ends(world):
    """From nothing to the first request, without a reload, and without losing the place."""
    gateway, browser = world.stack.empty, world.fresh()
    browser.open(gateway.admin + "/")
    browser.run("window.stays = true; document.querySelector('#scroll-tasks a').focus()")
    until("the page is live", lambda: "Live" in browser.text("#live-state"))
    assert "Nothing has come through yet" in browser.text("#live h2#verdict")
    gateway.ask("fails")
    until("the page tells of the failure", lambda: "Callers get errors" in browser.text("#live h2#verdict"))
    until("the tab tells of it", lambda: browser.title().startswith("✕"))
    assert browser.run("return window.stays === true"), "it was loaded anew"
    assert browser.run("return document.activeElement.textContent") == "fine", "the focus has moved"
    said = [it["message"] for it in browser.log("browser") if it["level"] in ("SEVERE", "WARNING")]
    assert not said, said


def the_list_moves_under_its_filter_and_waits_while_it_is_paused(world):
    gateway, browser = world.stack.open, world.fresh()
    browser.open(f"{gateway.admin}/requests?task=quiet")
    until("the page is live", lambda: "Live" in browser.text("#live-state"))
    ids = "return [...document.querySelectorAll('table.requests a.id')].map(it => it.getAttribute('href').split('/').pop())"
    gateway.ask("fine")
    wanted = gateway.ask("quiet")
    until("the new request is first", lambda: browser.run(ids)[0] == wanted)
    tasks = set(browser.texts("table.requests tbody td:nth-child(3)"))
    assert tasks == {"quiet"}, tasks
    browser.find("#live-toggle").click()
    later = gateway.ask("quiet")
    until("it says that something waits", lambda: "Paused (" in browser.text("#live-state"))
    assert later not in browser.run(ids)
    browser.find("#live-toggle").click()
    until("what waited is there", lambda: browser.run(ids)[0] == later)


def routes_move_when_an_operator_acts(world):
    gateway, browser = world.stack.open, world.fresh()
    browser.open(gateway.admin + "/routes")
    until("the page is live", lambda: "Live" in browser.text("#live-state"))
    gateway.act("disable", "long", reason="seen at once")
    until("the route is shown as disabled", lambda: "disabled" in browser.text("#route-long .how"))
    assert any("seen at once" in it for it in browser.texts(".strip.override"))
    gateway.act("enable", "long")
    until("and as closed again", lambda: "closed" in browser.text("#route-long .how"))


def a_follower_that_signs_out_is_told_nothing_more(world):
    """Its stream ends with the session."""
    gateway, browser = world.stack.guarded, world.fresh()
    browser.open(gateway.admin + "/routes")
    browser.find("input[name=token]").type(ADMIN_TOKEN)
    browser.find("button[type=submit]").click()
    until("signed in", lambda: browser.texts("h1") == ["Routes"])
    until("the page is live", lambda: "Live" in browser.text("#live-state"))
    fields = browser.run("return document.querySelector('.state form input').value")
    cookie = browser.command("GET", "/cookie")[0]
    session = {"cookie": f"{cookie['name']}={cookie['value']}"}
    status, _, _ = fetch(f"{gateway.admin}/sign-out", form={"form_token": fields}, headers=session)
    assert status == 303
    until("the stream has ended", lambda: "Live" not in browser.text("#live-state"))


def promises(world):
    for test in (
        a_route_is_disabled_and_enabled_by_forms_alone,
        a_route_is_tripped_and_reset_by_forms_alone,
        friction_is_enforced_by_the_server,
        the_rules_of_the_api_hold_for_forms,
        a_page_of_another_origin_changes_nothing,
        a_notice_is_told_of_what_was_done_and_of_nothing_else,
        without_signing_in_nothing_is_seen,
        a_person_signs_in_and_out,
        nobody_is_sent_elsewhere_after_signing_in,
        a_follower_that_signs_out_is_told_nothing_more,
        now_moves_when_a_request_ends,
        the_list_moves_under_its_filter_and_waits_while_it_is_paused,
        routes_move_when_an_operator_acts,
        guessing_the_token_is_slow,
    ):
        yield test.__name__.replace("_", " "), lambda test=test: test(world)
