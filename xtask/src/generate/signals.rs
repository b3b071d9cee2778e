//! `docs/signals.md`: which words, codes and statuses of a provider stand for which class.

use switchback_core::failure::Detail;
use switchback_wire::TABLE_VERSION;
use switchback_wire::signal::table::{
    CODES, IN_BAND, LIMIT_TEXTS, NameRow, STATUSES, StatusRow, TEXTS, TYPES, TextRow, Verdict,
};

use super::table;

const ORDER: &str = "\
What a provider sends when it fails becomes a [failure class](failures.md) by these rows
(`crates/wire/src/signal/table.rs`). Order: the provider's code, the type of its error, words of its message, its status.
Within a table the first row that fits wins.

Words count only on the statuses of their row, and only where they are the provider's: what also occurs in the request is
taken for a quotation and does not count, so that nobody can steer a ladder by what a prompt says. What rests on words is
marked as of low confidence in the record. An error inside a 200 counts as the status that it names, else as `in-band`.
What no row knows is `server_error` and is shown as `unclassified`.

";

pub(super) fn page() -> String {
    let mut page = format!("# Signals, version {TABLE_VERSION}\n\n{ORDER}## By code\n\n");
    page += &table(["code", "on statuses", "class"], CODES.iter().map(name));
    page += "## By type\n\n";
    page += &table(["type", "on statuses", "class"], TYPES.iter().map(name));
    page += "## By words\n\nRegular expressions, without letter case. The first table also refines a rate limit that a code or type named.\n\n";
    page += &table(["words", "on statuses", "class"], LIMIT_TEXTS.iter().map(text));
    page += &table(["words", "on statuses", "class"], TEXTS.iter().map(text));
    page += "## By status alone\n\n";
    page += &table(["status", "class"], STATUSES.iter().map(status));
    page
}

fn name(row: &NameRow) -> [String; 3] {
    let params = if row.params.is_empty() { String::new() } else { format!(", of {}", row.params.join(" or ")) };
    [format!("`{}`{params}", row.name), statuses(row.on), class(row.verdict)]
}

fn text(row: &TextRow) -> [String; 3] {
    [format!("`{}`", row.pattern), statuses(row.on), class(row.verdict)]
}

fn status(row: &StatusRow) -> [String; 2] {
    let range = if row.from == row.to { row.from.to_string() } else { format!("{}–{}", row.from, row.to) };
    [range, class(row.verdict)]
}

fn statuses(on: &[u16]) -> String {
    if on.is_empty() {
        return "any".to_owned();
    }
    let shown = on.iter().map(|it| if *it == IN_BAND { "in-band".to_owned() } else { it.to_string() });
    shown.collect::<Vec<_>>().join(", ")
}

fn class(verdict: Verdict) -> String {
    let detail = verdict.detail.map(Detail::name).map_or_else(String::new, |it| format!(", {it}"));
    let forbids = if verdict.forbids_same_route { "; not the same route again" } else { "" };
    format!("`{}`{detail}{forbids}", verdict.class.name())
}
