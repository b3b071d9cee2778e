//! The filter of the list of requests: its state is the URL, so that a view can be sent to somebody else.

use std::fmt::Write as _;

use serde::Deserialize;

/// Which requests are listed. Read from the query of the URL (`/requests?task=…&outcome=…`), under these names. An
/// empty field, as a form sends it, asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The task's name.
    pub task: Option<String>,
    /// The outcome's name; `moved` stands for every request that moved or tried again.
    pub outcome: Option<String>,
    /// A route that was called.
    pub route: Option<String>,
    /// The failure class of any of its attempts.
    pub class: Option<String>,
    /// The application key's name.
    pub key: Option<String>,
    /// How long ago it arrived at most, as a time of the configuration: `15m`, `1h`, `24h`.
    pub since: Option<String>,
    /// The request's id, or its beginning.
    pub id: Option<String>,
    /// The cursor: only requests older than the one with this id.
    pub before: Option<String>,
}

// === impl Filter ===

impl Filter {
    /// Each field that asks for something, under its name in the URL; the cursor is not among them.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("task", &self.task),
            ("outcome", &self.outcome),
            ("route", &self.route),
            ("class", &self.class),
            ("key", &self.key),
            ("since", &self.since),
            ("id", &self.id),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, asked(value.as_ref())?)))
    }

    /// The cursor, where there is one.
    pub(crate) fn cursor(&self) -> Option<&str> {
        asked(self.before.as_ref())
    }

    /// The address of a list under this filter, from where the cursor is.
    pub(crate) fn path(&self, page: &str, before: Option<&str>) -> String {
        let mut pairs: Vec<(&str, &str)> = self.given().collect();
        pairs.extend(before.map(|it| ("before", it)));
        path(page, pairs)
    }
}

fn asked(value: Option<&String>) -> Option<&str> {
    value.map(|it| it.trim()).filter(|it| !it.is_empty())
}

/// A path with a query of these pairs.
pub(crate) fn path<'a>(page: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = page.to_owned();
    for (place, (name, value)) in pairs.into_iter().enumerate() {
        let separator = if place == 0 { '?' } else { '&' };
        let _ = write!(text, "{separator}{name}={}", encoded(value));
    }
    text
}

/// A text as one component of a URL.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_into_a_filter_cannot_leave_its_place_in_the_address() {
        let filter = Filter { task: Some("a&outcome=ok#x ü".into()), key: Some("  ".into()), ..Filter::default() };
        assert_eq!(
            filter.path("/requests", Some("req_1")),
            "/requests?task=a%26outcome%3Dok%23x%20%C3%BC&before=req_1"
        );
        assert_eq!(Filter::default().path("/requests", None), "/requests");
    }
}
