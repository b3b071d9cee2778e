"""Pages tell what the record and the admin API tell: the same names, numbers, reasons and times."""

import re

from stack import APP_KEY, fetch

#: The ladder of a story, rung by rung, as its table holds it.
LADDER = """
const words = (it) => it ? it.textContent.replace(/\\s+/g, " ").trim() : null;
return [...document.querySelectorAll("table.ladder tbody")].map(body => ({
  style: body.className,
  n: Number(words(body.querySelector("th .n"))),
  name: words(body.querySelector("th .name")),
  reason: words(body.querySelector("td.reason")),
  lines: [...body.rows].filter(row => row.querySelector("[data-label=took]")).map(row => ({
    what: words(row.querySelector(".what")),
    class: words(row.querySelector(".result b")),
    result: words(row.querySelector(".result")),
    at: words(row.querySelector("[data-label=at]")),
    took: words(row.querySelector("[data-label=took]")),
    cost: words(row.querySelector("[data-label=cost]")),
  })),
}));
"""


def seconds(ms):
    """A time as pages show it."""
    if ms is None:
        return "?"
    return f"{ms} ms" if ms < 100 else f"{ms // 1000}.{ms % 1000 // 10:02} s"


def dollars(usd):
    """A cost as pages show it."""
    if usd is None:
        return "?"
    return "$0" if usd == 0 else "$" + f"{usd:.6f}".rstrip("0").rstrip(".")


def the_story_is_the_record(world, name):
    """Every attempt, wait, skip and unreached rung, with times and costs."""
    gateway, request_id = world.stack.open, world.stack.ids[name]
    record = gateway.explain(request_id)
    assert record == gateway.get(f"/admin/v1/requests/{request_id}")
    browser = world.browser(False)
    browser.open(f"{gateway.admin}/requests/{request_id}")
    assert record["outcome"] in browser.text(".verdict .outcome").lower()
    assert request_id in browser.text("h1")
    rungs = {it["n"]: it for it in browser.run(LADDER)}
    assert sorted(rungs) == list(range(1, record["rungs"] + 1)), rungs
    for n, rung in rungs.items():
        attempts = [it for it in record["attempts"] if it["rung"] == n]
        waits = [it for it in record.get("waits", []) if it["rung"] == n]
        called = [line for line in rung["lines"] if line["class"] is not None]
        assert len(rung["lines"]) == len(attempts) + len(waits), rung
        for attempt, line in zip(attempts, called, strict=True):
            assert rung["name"] == attempt["route"], rung
            assert line["class"] == attempt["class"], line
            told = (line["at"], line["took"], line["cost"])
            assert told == (seconds(attempt["at_ms"]), seconds(attempt["ms"]), dollars(attempt["cost_usd"])), line
            if attempt["status"] not in (None, 200):
                assert str(attempt["status"]) in line["result"], line
        shown_waits = [(it["at"], it["took"]) for it in rung["lines"] if it["class"] is None]
        assert shown_waits == [(seconds(it["at_ms"]), seconds(it["ms"])) for it in waits], rung
        skips = [it for it in record["not_run"] if it["rung"] == n]
        for it in skips:
            assert rung["name"] == it["name"], rung
            assert rung["reason"].startswith(it["reason"].replace("_", " ")), rung
            assert rung["style"] == ("unreached" if it["reason"] == "not_reached" else "skipped"), rung
        assert bool(skips) == (rung["style"] in ("unreached", "skipped")), rung
    assert browser.text("tfoot [data-label=cost]") == dollars(record["cost_usd"])
    assert browser.text("tfoot [data-label=took]") == seconds(record["total_ms"])
    assert len(browser.texts(".attempt")) == len(record["attempts"])
    assert len(browser.texts("ol.moves > li")) == len(record.get("moves", []))


def the_story_as_text_is_that_of_the_command_line(world):
    """Word for word."""
    for request_id in world.stack.ids.values():
        browser = world.browser(False)
        browser.open(f"{world.stack.open.admin}/requests/{request_id}")
        shown = browser.run("return document.querySelector('#as-text pre').textContent").strip()
        assert shown == world.stack.open.explain_as_text(request_id).strip(), request_id


def the_headers_are_those_that_the_caller_saw(world):
    """Name by name, for whole answers, streams and errors."""
    gateway = world.stack.open
    for task, stream in (("recovers", False), ("fine", True), ("lonely", False), ("skips", False)):
        body = {"model": task, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
        _, seen, _ = fetch(f"{gateway.api}/chat/completions", body, {"authorization": f"Bearer {APP_KEY}"})
        browser = world.browser(False)
        browser.open(f"{gateway.admin}/requests/{seen['x-request-id']}")
        names = browser.run("return [...document.querySelectorAll('#headers dt')].map(it => it.textContent.trim())")
        values = browser.run("return [...document.querySelectorAll('#headers dd')].map(it => it.textContent.trim())")
        wanted = {name: value for name, value in seen.items() if name.startswith(("x-switchback", "x-request-id"))}
        if stream:
            # How long a call had taken when the head left is not in the record.
            wanted["x-switchback-trail"] = re.sub(r"=served;\d+$", "=served;?", wanted["x-switchback-trail"])
        assert dict(zip(names, values, strict=True)) == wanted, task


def the_list_is_that_of_the_api(world):
    """The same requests in the same order, each with outcome, task, way, time and cost."""
    gateway, browser = world.stack.open, world.browser(False)
    records = gateway.get("/admin/v1/requests?limit=50")
    browser.open(f"{gateway.admin}/requests")
    rows = browser.run(
        """return [...document.querySelectorAll("table.requests tbody tr")].map(row => ({
            id: row.querySelector("a.id").getAttribute("href").split("/").pop(),
            cells: [...row.cells].map(it => it.textContent.replace(/\\s+/g, " ").trim()),
            chips: [...row.querySelectorAll(".chip")].map(it => it.textContent.replace(/\\s+/g, " ").trim()),
        }))"""
    )
    assert [it["id"] for it in rows] == [it["request_id"] for it in records]
    for row, record in zip(rows, records, strict=True):
        assert record["outcome"] in row["cells"][1], row
        assert row["cells"][2] == record["task"], row
        assert row["cells"][4:6] == [seconds(record["total_ms"]), dollars(record["cost_usd"])], row
        assert row["cells"][6] == record["key"], row
        for attempt in record["attempts"]:
            told = f"{attempt['route']} {'●' if attempt['class'] == 'served' else '✕'} {attempt['class']}"
            assert f"{told} {seconds(attempt['ms'])}" in row["chips"], row
        for it in record["not_run"]:
            if it["reason"] != "not_reached":
                assert f"{it['name']} – {it['reason']}" in row["chips"], row


def each_filter_lists_what_it_says(world):
    """And the filter is the address."""
    gateway, browser = world.stack.open, world.browser(False)
    records = gateway.get("/admin/v1/requests?limit=50")

    def moved(it):
        return bool(it.get("moves")) or len(it["attempts"]) > 1

    first = records[0]["request_id"]
    filters = {
        "task=fine": lambda it: it["task"] == "fine",
        "outcome=failed": lambda it: it["outcome"] == "failed",
        "outcome=moved": moved,
        "route=busy": lambda it: any(a["route"] == "busy" for a in it["attempts"]),
        "class=server_error": lambda it: any(a["class"] == "server_error" for a in it["attempts"]),
        "key=web&task=skips": lambda it: it["task"] == "skips",
        "key=nobody": lambda it: False,
        "since=1h": lambda it: True,
        f"id={first[4:].lower()}": lambda it: it["request_id"] == first,
    }
    for query, takes in filters.items():
        browser.open(f"{gateway.admin}/requests?{query}")
        listed = browser.run("return [...document.querySelectorAll('table.requests a.id')].map(it => it.getAttribute('href').split('/').pop())")
        wanted = [it["request_id"] for it in records if takes(it)]
        assert listed == wanted, (query, listed, wanted)
        assert wanted or "No request matches" in browser.text("main"), query
        assert wanted or query == "key=nobody", f"nothing to find for {query}"


def a_filter_that_is_none_is_said_to_be_none(world):
    """Not an empty list, which would say that nothing matches."""
    browser = world.browser(False)
    for query, why in (("since=soon", "Arrived within"), ("task=fine&task=fails", "duplicate")):
        browser.open(f"{world.stack.open.admin}/requests?{query}")
        assert "The filter cannot be understood" in browser.text("h2"), query
        assert why in browser.text("main"), query


def a_long_list_has_pages(world):
    """Together they are the list."""
    gateway, browser = world.stack.busy, world.browser(False)
    for _ in range(57):
        gateway.ask("fine")
    wanted = [it["request_id"] for it in gateway.get("/admin/v1/requests?limit=1000")]
    browser.open(f"{gateway.admin}/requests?task=fine")
    listed = []
    while True:
        listed += browser.run("return [...document.querySelectorAll('table.requests a.id')].map(it => it.getAttribute('href').split('/').pop())")
        if not browser.texts("a[rel=next]"):
            break
        browser.find("a[rel=next]").click()
    assert listed == wanted and len(wanted) >= 57, (len(listed), len(wanted))
    assert "task=fine" in browser.url(), "the filter holds from page to page"


def now_counts_what_the_api_counts(world):
    """Tasks by outcome, and the sums above them."""
    gateway, browser = world.stack.open, world.browser(False)
    tasks = {it["task"]: it["last_5_min"] for it in gateway.get("/admin/v1/tasks")}
    browser.open(gateway.admin + "/")
    heads = browser.run(
        """const table = document.querySelector("#scroll-tasks table");
        const words = (it) => it.textContent.replace(/\\s+/g, " ").trim();
        const names = [...table.tHead.rows[0].cells].map(it => words(it).split(" ").pop());
        return [...table.tBodies[0].rows].map(row => [words(row.querySelector("a")),
            Object.fromEntries([...row.cells].slice(1).map((cell, at) => [names[at + 1], cell.firstChild.textContent]))]);"""
    )
    assert [name for name, _ in heads] == list(tasks), heads
    for name, counts in heads:
        for outcome in ("ok", "recovered", "degraded", "refused", "failed"):
            assert int(counts[outcome]) == tasks[name].get(outcome, 0), (name, counts, tasks[name])
    total = sum(sum(it.values()) for it in tasks.values())
    failed = sum(it.get("failed", 0) for it in tasks.values())
    tiles = browser.texts(".tiles > div")
    share = f"{total - failed} of {total}" if total < 30 else "%"
    assert share in tiles[0], (tiles[0], share)
    costs = [it["cost_usd"] for it in gateway.get("/admin/v1/requests?limit=1000")]
    known = sum(it for it in costs if it is not None)
    n_unknown = sum(it is None for it in costs)
    shown = float(re.search(r"\$([0-9.]+) \+ \?", tiles[3])[1])
    assert abs(shown - known) < 1e-6 and f"{n_unknown} request" in tiles[3], (tiles[3], known, n_unknown)
    problems = browser.texts("ul.problems > li > p:first-child")
    said = gateway.get("/admin/v1/status")["problems"]
    assert len(problems) == len(said) and all(any(it in shown for shown in problems) for it in said), (problems, said)


def routes_are_as_the_api_says(world):
    """State, calls, failures, keys, budget and users of each."""
    gateway, browser = world.stack.open, world.browser(False)
    rows = gateway.get("/admin/v1/routes")
    browser.open(f"{gateway.admin}/routes")
    cards = browser.run(
        """const words = (it) => it ? it.textContent.replace(/\\s+/g, " ").trim() : null;
        return [...document.querySelectorAll("section.card")].map(card => ({
            name: words(card.querySelector("h2")), state: words(card.querySelector(".how .mark")),
            facts: words(card.querySelector("dl")), calls: [...card.querySelectorAll("th code")].map(words),
            all: words(card),
        }))"""
    )
    assert [it["name"] for it in cards] == [it["route"] for it in rows]
    for card, row in zip(cards, rows, strict=True):
        assert card["state"].split()[-1] == row["state"].replace("_", "-"), card
        failing = f"{row['failed']} of {row['calls']}" if row["calls"] else "no call"
        assert failing in card["facts"], card
        assert f"{int(row['retry_budget']['left'])} of {row['retry_budget']['most']} left" in card["facts"], card
        assert card["calls"] == [it["call"] for it in row["deployments"]], card
        assert f"{row['keys']} key" in card["all"], card
        for it in row["used_by"]:
            task, rung = it.rsplit(" ", 1)
            assert f"{task} rung {rung}" in card["facts"], card
    states = {it["route"]: it["state"] for it in rows}
    assert (states["down"], states["spare"], states["good"]) == ("open", "disabled", "closed"), states


def promises(world):
    for name in world.stack.ids:
        yield f"story {name}: is the record", lambda name=name: the_story_is_the_record(world, name)
    for test in (
        the_story_as_text_is_that_of_the_command_line,
        now_counts_what_the_api_counts,
        the_list_is_that_of_the_api,
        each_filter_lists_what_it_says,
        routes_are_as_the_api_says,
        the_headers_are_those_that_the_caller_saw,
        a_filter_that_is_none_is_said_to_be_none,
        a_long_list_has_pages,
    ):
        yield test.__name__.replace("_", " "), lambda test=test: test(world)
