// What a page must be for those who cannot see it, or not well, or use no mouse. Returns what is wrong, in sentences.
// Written for these tests; it reads the page as it is rendered and changes nothing but the drawing surface of its own.
const wrong = [];
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const words = (it) => (it ? it.textContent : "").replace(/\s+/g, " ").trim();
const show = (it) => `<${it.tagName.toLowerCase()}${it.id ? ` id=${it.id}` : ""}> “${words(it).slice(0, 40)}”`;
const hidden = (it) => it.closest("[aria-hidden=true], [hidden]") !== null || it.getClientRects().length === 0;

function spoken(it) {
  if (it.nodeType === Node.TEXT_NODE) { return it.data; }
  if (it.nodeType !== Node.ELEMENT_NODE || it.getAttribute("aria-hidden") === "true") { return ""; }
  return it.getAttribute("aria-label") || [...it.childNodes].map(spoken).join("");
}

function name(it) {
  const by = (it.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  const labels = it.labels ? [...it.labels].map((label) => spoken(label)) : [];
  const found = [by.map((id) => words(document.getElementById(id))).join(" "), it.getAttribute("aria-label"),
    labels.join(" "), /^(INPUT|SELECT|TEXTAREA)$/.test(it.tagName) ? "" : spoken(it), it.getAttribute("title")];
  return (found.find((text) => text && text.trim()) || "").trim();
}

// Names, references, landmarks.
for (const it of all("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=region], nav, form[role]")) {
  if (!hidden(it) && !name(it)) { wrong.push(`no name: ${show(it)}`); }
}
for (const it of all("svg")) {
  if (it.getAttribute("aria-hidden") !== "true" && it.getAttribute("role") !== "img") { wrong.push("a drawing that is read out"); }
}
for (const attribute of ["aria-labelledby", "aria-describedby", "for", "aria-controls"]) {
  for (const it of all(`[${attribute}]`)) {
    for (const id of it.getAttribute(attribute).split(/\s+/).filter(Boolean)) {
      if (!document.getElementById(id)) { wrong.push(`${attribute} names nothing: ${id}`); }
    }
  }
}
const ids = all("[id]").map((it) => it.id);
for (const id of new Set(ids.filter((it, at) => ids.indexOf(it) !== at))) { wrong.push(`two elements are named ${id}`); }
for (const [selector, n] of [["main", 1], ["h1", 1], ["header", 1]]) {
  if (all(selector).length !== n) { wrong.push(`${all(selector).length} × ${selector}, not ${n}`); }
}
if (!document.documentElement.lang) { wrong.push("no language"); }
if (all("[tabindex]").some((it) => it.tabIndex > 0)) { wrong.push("an order of its own for the keyboard"); }
for (const it of all(".scroll")) {
  if (it.scrollWidth > it.clientWidth && it.tabIndex !== 0) { wrong.push(`scrolls, but not by keyboard: ${show(it)}`); }
}

// Headings go down one step at a time.
let level = 0;
for (const it of all("h1, h2, h3, h4, h5, h6")) {
  const next = Number(it.tagName[1]);
  if (next > level + 1) { wrong.push(`a heading jumps from ${level} to ${next}: ${show(it)}`); }
  level = next;
}

// Tables say what they are, and what each column and row is.
for (const it of all("table")) {
  if (!it.caption && !name(it)) { wrong.push("a table without a caption"); }
  if (all("th", it).length === 0) { wrong.push("a table without headers"); }
  for (const cell of all("th", it)) {
    if (!cell.scope) { wrong.push(`a header of nothing: ${show(cell)}`); }
    if (!words(cell)) { wrong.push("an empty header"); }
  }
}

// What is pressed is large enough.
for (const it of all("button, select, input:not([type=hidden]):not([type=radio]), a.button, nav a")) {
  const box = it.getBoundingClientRect();
  if (!hidden(it) && (box.width < 24 || box.height < 24)) { wrong.push(`smaller than 24 px: ${show(it)}`); }
}

// Contrast of every text that is seen, against what is really behind it.
const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const known = new Map();
function colour(text) {
  if (!known.has(text)) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    known.set(text, [r, g, b, a / 255]);
  }
  return known.get(text);
}
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
function behind(it) {
  const layers = [];
  for (let at = it; at; at = at.parentElement) { layers.push(colour(getComputedStyle(at).backgroundColor)); }
  const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reduceRight((below, layer) => over(layer, below), paper);
}
function contrast(it, style, text) {
  const back = behind(it);
  let opacity = 1;
  for (let at = it; at; at = at.parentElement) { opacity *= Number(getComputedStyle(at).opacity); }
  const [r, g, b, a] = colour(style.color);
  const front = over([r, g, b, a * opacity], back);
  const [high, low] = [light(front), light(back)].sort((one, other) => other - one);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < 4.5) { wrong.push(`contrast ${ratio.toFixed(2)}: “${text.slice(0, 40)}” in ${show(it)}, ${style.color} on ${back}`); }
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let n_texts = 0;
while (walker.nextNode()) {
  const it = walker.currentNode.parentElement;
  const text = walker.currentNode.data.trim();
  if (!text || it.closest(".unseen, svg, option, script, [hidden]") || it.getClientRects().length === 0) { continue; }
  n_texts += 1;
  contrast(it, getComputedStyle(it), text);
}
for (const it of all("input[placeholder]")) { contrast(it, getComputedStyle(it, "::placeholder"), it.placeholder); }
if (n_texts < 5) { wrong.push("hardly any text was looked at"); }
return [...new Set(wrong)];
