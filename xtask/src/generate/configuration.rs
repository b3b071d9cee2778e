//! `docs/configuration-reference.md`: every key of the configuration, from the tables that the reader reads by.

use std::fmt::Write as _;

use switchback_config::{KEY_FAMILIES, KeyFamily};
use switchback_wire::dialect::APIS;

use super::table;

const OPENING: &str = "\
# Configuration reference

Every key that `switchback.toml` may hold: what it takes, what holds without it, what it does. What the parts mean together
stands in [configuration](configuration.md). `switchback check --show` says what holds in a file of yours and where each
value comes from.

Times carry a unit (`\"8s\"`, `\"1.5h\"`), sizes too (`\"32MiB\"`), shares end in `%`. A secret is `env:NAME` or `file:PATH`, a
text is text or `file:PATH`, a pattern matches whole values with `*` as its only wildcard. Keys named \"not supported yet\"
belong to the design; this version refuses them (SB103) rather than ignoring them.

";

const APIS_OPENING: &str = "\
## APIs

What `api` of a provider can be. Without it the provider's name says which.

";

pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    for family in KEY_FAMILIES {
        // Writing to a string cannot fail.
        let _ = write!(page, "## {}\n\n{}", family.name, keys(family));
    }
    page += APIS_OPENING;
    page += &table(
        ["api", "base URL", "usual variable of its key"],
        APIS.iter().map(|it| {
            let cell = |text: Option<&str>| text.map_or_else(|| "none".to_owned(), |it| format!("`{it}`"));
            [format!("`{}`", it.name), cell(it.base_url), cell(it.key_variable)]
        }),
    );
    page
}

fn keys(family: &KeyFamily) -> String {
    let rows = family
        .keys
        .iter()
        .map(|it| [format!("`{}`", it.name), it.takes.to_owned(), it.default.to_owned(), it.about.to_owned()]);
    let known = match family.keys {
        [] => "Takes no keys.\n\n".to_owned(),
        _ => table(["key", "takes", "default", "effect"], rows),
    };
    let later: Vec<String> = family.later.iter().map(|it| format!("`{it}`")).collect();
    let later = if later.is_empty() { String::new() } else { format!("Not supported yet: {}.\n\n", later.join(", ")) };
    format!("{known}{later}")
}
