"""Every page, with and without JavaScript: it loads from the gateway alone, says where it is, and can be used by all."""

from pathlib import Path

from stack import MARKUP, SECRETS, fetch
from webdriver import TAB

ACCESS = (Path(__file__).parent / "access.js").read_text()

#: What a page is made of, and what must not be in it.
SHAPE = """
const all = (selector) => [...document.querySelectorAll(selector)];
return {
  h1: all("h1").length,
  main: all("main").length,
  skip: (all("a[href]")[0] || {}).hash,
  skips_to: document.querySelector((all("a[href]")[0] || {}).hash || "none") !== null,
  scripts: all("script").map(it => it.getAttribute("src")),
  inline: all("style, [style], [onclick], [onerror], [onload], iframe, object, embed, base").length,
  broken: typeof window.broken,
  bold_of_others: all("b").filter(it => it.textContent.startsWith("\\"&")).length,
  text: document.body.innerText,
  live: (document.getElementById("live-state") || {}).hidden,
};
"""


def addresses(stack):
    """Every page by a name: the gateway that serves it and its path."""
    ids, found = stack.ids, {}
    found["now"] = (stack.open, "/")
    found["requests"] = (stack.open, "/requests")
    found["requests filtered"] = (stack.open, "/requests?task=recovers&outcome=moved")
    found["requests none match"] = (stack.open, "/requests?key=nobody")
    found["requests not understood"] = (stack.open, "/requests?since=soon")
    found["requests asked for twice"] = (stack.open, "/requests?task=fine&task=fails")
    for name, request_id in ids.items():
        found[f"story {name}"] = (stack.open, f"/requests/{request_id}")
    found["routes"] = (stack.open, "/routes")
    for act in ("disable", "enable", "trip", "reset"):
        found[f"act {act}"] = (stack.open, f"/routes/{act}?select=good")
    found["act that breaks"] = (stack.open, "/routes/disable?select=alone")
    found["act on nothing"] = (stack.open, "/routes/disable?select=%3Cscript%3E")
    found["now before anything came"] = (stack.empty, "/")
    found["requests before any came"] = (stack.empty, "/requests")
    found["no such page"] = (stack.open, "/no/such/page")
    found["no such request"] = (stack.open, "/requests/req_0000")
    found["sign in"] = (stack.guarded, "/")
    return found


def loads(world, name, javascript):
    """The page is whole, ours alone, and quiet."""
    gateway, path = addresses(world.stack)[name]
    browser = world.browser(javascript)
    browser.requests(), browser.log("browser")
    browser.open(gateway.admin + path)
    title = browser.title()
    assert title.endswith(" · Switchback") and len(title) > len(" · Switchback"), title
    shape = browser.run(SHAPE)
    assert (shape["h1"], shape["main"], shape["skip"], shape["skips_to"]) == (1, 1, "#main", True), shape
    assert len(shape["scripts"]) == 1 and shape["scripts"][0].startswith("/assets/live-"), shape["scripts"]
    assert (shape["inline"], shape["broken"], shape["bold_of_others"]) == (0, "undefined", 0), shape
    asked = browser.requests()
    assert gateway.admin + path in asked, "the log tells what was asked for"
    foreign = [it for it in asked if not it.startswith(gateway.admin + "/")]
    assert not foreign, f"asked for {foreign}"
    # That a page is not there is said by its status, which the browser notes.
    said = [it["message"] for it in browser.log("browser") if it["level"] in ("SEVERE", "WARNING")]
    said = [it for it in said if not (it.startswith(gateway.admin + path + " - Failed to load resource"))]
    assert not said, said
    source = browser.source()
    assert not [it for it in SECRETS if it in source], "a secret is on the page"
    if shape["live"] is not None:
        assert shape["live"] is not javascript, "the words of the live state are there with JavaScript and only then"
        assert ("Reload" in browser.text(".state")) and browser.run(
            "return document.getElementById('reload').hidden"
        ) is javascript


def is_for_all(world, name, scheme):
    """Names, headings, tables, sizes and contrast."""
    gateway, path = addresses(world.stack)[name]
    browser = world.browser(True)
    browser.emulate(1280, scheme)
    browser.open(gateway.admin + path)
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    wrong = browser.run(ACCESS)
    assert not wrong, wrong


def fits(world, name):
    """On 360 px nothing has to be scrolled sideways but tables inside their own frame."""
    gateway, path = addresses(world.stack)[name]
    browser = world.browser(True)
    browser.emulate(360)
    try:
        browser.open(gateway.admin + path)
        script = """
        const wide = [...document.querySelectorAll("body *")].filter(it => !it.closest(".scroll, pre, .unseen, .skip")
            && it.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
        return [document.documentElement.scrollWidth, document.documentElement.clientWidth,
            wide.slice(0, 3).map(it => it.outerHTML.slice(0, 120))];
        """
        wide, room, which = browser.run(script)
        assert room <= 360 and wide <= room, (wide, room, which)
    finally:
        browser.emulate(1280)


def markup_is_text(world):
    """What an operator, a caller and a configuration may write stands there as they wrote it."""
    browser = world.browser(True)
    for path in ("/", "/routes"):
        browser.open(world.stack.open.admin + path)
        assert MARKUP in browser.text("body"), path
    browser.open(f"{world.stack.open.admin}/requests/{world.stack.ids['fine']}")
    assert MARKUP in browser.text("body"), "the client's name"


def headers_guard_every_answer(world):
    """Policy, type, referrer, framing and caching are said by every answer to a browser."""
    for name, (gateway, path) in addresses(world.stack).items():
        status, headers, text = fetch(gateway.admin + path, headers={"accept": "text/html"})
        wanted = {"no such page": 404, "no such request": 404, "act on nothing": 404, "sign in": 401}
        assert status == wanted.get(name, 200), (name, status)
        assert "default-src 'none'" in headers["content-security-policy"], name
        assert "frame-ancestors 'none'" in headers["content-security-policy"], name
        assert "unsafe" not in headers["content-security-policy"], name
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["referrer-policy"] == "same-origin", name
        assert headers["x-frame-options"] == "DENY", name
        assert headers["cache-control"] == "no-store", name
        assert headers["content-type"] == "text/html; charset=utf-8", name
    _, _, text = fetch(world.stack.open.admin + "/", headers={"accept": "text/html"})
    paths = [it.split('"')[0] for it in text.split('"/assets/')[1:]]
    assert len(paths) == 3, paths
    for path in paths:
        status, headers, _ = fetch(f"{world.stack.open.admin}/assets/{path}")
        assert status == 200 and headers["cache-control"] == "public, max-age=31536000, immutable", path
        assert headers["x-content-type-options"] == "nosniff", path
    status, headers, _ = fetch(f"{world.stack.open.admin}/assets/style-0.css")
    assert (status, headers["cache-control"]) == (404, "no-store"), "what is not there is not kept"


def programs_are_answered_as_programs(world):
    """Paths of the API are JSON, also where there is nothing."""
    for path in ("/admin/v1/nothing", "/nothing"):
        status, headers, _ = fetch(world.stack.open.admin + path)
        assert (status, headers["content-type"]) == (404, "application/json"), path


def the_keyboard_reaches_everything_in_order(world):
    """From the skip link on, in the order of the page, and one sees where one is."""
    browser = world.browser(True)
    where = """
    const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
    window.visited = window.visited || [];
    const before = window.visited[window.visited.length - 1];
    window.visited.push(it);
    return {
      what: it.outerHTML.slice(0, 80), body: it === document.body, first: it.classList.contains("skip"),
      seen: box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight + 1,
      marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none",
      order: !before || !!(before.compareDocumentPosition(it) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
    """
    for path in ("/", "/requests", f"/requests/{world.stack.ids['recovered']}", "/routes"):
        browser.open(world.stack.open.admin + path)
        # A live update may come while the keys are pressed: it must not move the focus.
        n = browser.run("return document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]').length")
        browser.press(TAB)
        first = browser.run(where)
        assert first["first"] and first["seen"] and first["marked"], first
        for _ in range(min(n, 30) - 1):
            browser.press(TAB)
            at = browser.run(where)
            if at["body"]:
                break
            assert at["seen"] and at["marked"], at
            assert at["order"] or path != f"/requests/{world.stack.ids['recovered']}", at


def the_skip_link_skips(world):
    """It leads past the navigation."""
    browser = world.browser(True)
    browser.open(world.stack.open.admin + "/routes")
    browser.press(TAB)
    browser.press("\ue007")
    assert browser.run("return document.activeElement.id") == "main"


def what_is_simulated_says_so(world):
    """Every page of the demo is marked."""
    with world.demo() as admin:
        for path in ("/", "/requests", "/routes"):
            browser = world.browser(False)
            browser.open(admin + path)
            assert "SIMULATED" in browser.text(".strip.sim"), path
    browser.open(world.stack.open.admin + "/")
    assert browser.texts(".strip.sim") == []


def promises(world):
    for name in addresses(world.stack):
        for javascript in (True, False):
            how = "with" if javascript else "without"
            yield f"{name}: loads {how} JavaScript", lambda name=name, js=javascript: loads(world, name, js)
        for scheme in ("light", "dark"):
            yield f"{name}: is for all, {scheme}", lambda name=name, scheme=scheme: is_for_all(world, name, scheme)
        yield f"{name}: fits 360 px", lambda name=name: fits(world, name)
    for test in (
        markup_is_text,
        headers_guard_every_answer,
        programs_are_answered_as_programs,
        the_keyboard_reaches_everything_in_order,
        the_skip_link_skips,
        what_is_simulated_says_so,
    ):
        yield test.__name__.replace("_", " "), lambda test=test: test(world)
