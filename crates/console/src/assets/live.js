// Keeps the live region of a page up to date. Everything works without it: the server renders the same HTML.
//
// An event carries the region's HTML, rendered and escaped by the server. It waits while somebody types, selects text,
// points at a list or holds a button down, so that nothing moves under a hand; it never moves focus or scroll.
(function () {
  "use strict";

  var live = document.getElementById("live");
  if (!live || !window.EventSource) { return; }

  var shown = document.getElementById("live-state");
  var toggle = document.getElementById("live-toggle");
  var reload = document.getElementById("reload");
  var announce = document.getElementById("announce");
  var source = null, waiting = null, n_waiting = 0, pressed = false, pointing = false, paused = false;
  var last = Date.now(), said = words(), said_at = 0, again = 0;

  function words() {
    var it = live.querySelector("[data-say]");
    return it ? it.textContent : "";
  }

  function state(shape, text) {
    var all = shape + " " + text;
    if (shown.textContent !== all) { shown.textContent = all; }
  }

  // Why an update has to wait, or nothing.
  function held() {
    if (paused) { return "Paused"; }
    var active = document.activeElement;
    if (active && live.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) { return "Paused while you type"; }
    var selection = document.getSelection();
    if (selection && !selection.isCollapsed && live.contains(selection.anchorNode)) { return "Paused while text is selected"; }
    if (pressed) { return "Paused while you press"; }
    if (pointing) { return "Paused while you point at the list"; }
    return "";
  }

  function tell() {
    var why = held();
    if (why) {
      state("❚❚", why + (n_waiting > 0 ? " (" + n_waiting + " new)" : ""));
    } else if (source && source.readyState === EventSource.OPEN) {
      state("●", "Live");
    } else if (document.hidden) {
      state("❚❚", "Paused in the background");
    } else {
      state("▲", "Connection lost " + Math.round((Date.now() - last) / 1000) + " s ago, trying again");
    }
  }

  function each(selector, act) {
    Array.prototype.forEach.call(live.querySelectorAll(selector), act);
  }

  function apply() {
    if (waiting === null || held()) { tell(); return; }
    var html = waiting, open = {}, scrolled = {};
    waiting = null;
    n_waiting = 0;
    each("details[id][open]", function (it) { open[it.id] = true; });
    each(".scroll[id]", function (it) { scrolled[it.id] = [it.scrollLeft, it.scrollTop]; });
    var active = document.activeElement;
    var focused = active && live.contains(active) ? path(active) : null;
    live.innerHTML = html;
    each("details[id]", function (it) { if (open[it.id]) { it.open = true; } });
    each(".scroll[id]", function (it) {
      var at = scrolled[it.id];
      if (at) { it.scrollLeft = at[0]; it.scrollTop = at[1]; }
    });
    if (focused) {
      var again = find(focused);
      if (again) { again.focus({ preventScroll: true }); }
    }
    var first = live.firstElementChild;
    if (first && first.dataset.title) { document.title = first.dataset.title; }
    local();
    speak();
    tell();
  }

  // How something focused is found again: by its id, or by where it leads.
  function path(it) {
    if (it.id) { return { id: it.id }; }
    if (it.getAttribute("href")) { return { href: it.getAttribute("href"), text: it.textContent }; }
    if (it.tagName === "SUMMARY" && it.parentNode.id) { return { summary: it.parentNode.id }; }
    return null;
  }

  function find(it) {
    if (it.id) { return document.getElementById(it.id); }
    if (it.summary) {
      var details = document.getElementById(it.summary);
      return details && details.querySelector("summary");
    }
    var found = null;
    each("a[href]", function (link) {
      if (!found && link.getAttribute("href") === it.href && link.textContent === it.text) { found = link; }
    });
    return found;
  }

  // Read aloud what has changed in the first sentence: at most every ten seconds.
  function speak() {
    var now = words();
    if (now === said || !announce || Date.now() - said_at < 10000) { return; }
    said = now;
    said_at = Date.now();
    announce.textContent = now;
  }

  // The reader's own time, on whoever points at a time.
  function local() {
    each("time[datetime]", function (it) { it.title = new Date(it.dateTime).toLocaleString(); });
  }

  function connect() {
    window.clearTimeout(again);
    if (source || document.hidden) { return; }
    source = new EventSource(live.dataset.live);
    source.onopen = function () { last = Date.now(); tell(); };
    source.onmessage = function (event) {
      last = Date.now();
      waiting = event.data;
      n_waiting += 1;
      apply();
    };
    source.onerror = function () {
      // The browser connects again by itself, except where it was answered with an error.
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        again = window.setTimeout(connect, 5000);
      }
      tell();
    };
  }

  // A page that nobody sees holds no connection: a browser has only six for a host.
  function disconnect() {
    window.clearTimeout(again);
    if (source) { source.close(); source = null; }
    tell();
  }

  toggle.addEventListener("click", function () {
    paused = !paused;
    toggle.textContent = paused ? "Resume" : "Pause";
    apply();
  });
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) { disconnect(); } else { connect(); }
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", connect);
  document.addEventListener("pointerdown", function () { pressed = true; });
  ["pointerup", "pointercancel"].forEach(function (name) {
    document.addEventListener(name, function () { pressed = false; window.setTimeout(apply, 0); });
  });
  document.addEventListener("pointerover", function (event) {
    var over = event.pointerType !== "touch" && event.target.closest && event.target.closest("#live [data-hold]") !== null;
    if (over !== pointing) { pointing = over; apply(); }
  });
  document.documentElement.addEventListener("pointerleave", function () { pointing = false; apply(); });
  document.addEventListener("selectionchange", function () { window.setTimeout(apply, 0); });
  live.addEventListener("focusout", function () { window.setTimeout(apply, 0); });

  shown.hidden = false;
  toggle.hidden = false;
  reload.hidden = true;
  state("…", "Connecting");
  local();
  connect();
  window.setInterval(tell, 1000);
}());
