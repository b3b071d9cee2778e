//! `relay` of a provider: paths of other endpoints that are passed on as they are.

use super::reader::Reader;
use super::tree::At;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::glob;

/// Endpoints that the gateway serves, or will: what is passed on as it is has no ladder, no contract and no safety.
const OURS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/*",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/moderations",
    "/v1/messages",
    "/v1/messages/*",
    "/v1/models",
    "/v1/models/*",
    "/v1/tasks/*",
    "/v1/feedback",
    "/v1/tickets/*",
];

/// Most patterns of one provider; each is compared with all others.
const MOST: usize = 64;

/// Reads the patterns; those that cannot be used are reported and left out.
pub(crate) fn read(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<At<String>> {
    let Some(texts) = reader.texts("relay", report) else { return Vec::new() };
    if texts.value.len() > MOST {
        report.add(
            Diagnostic::error(
                codes::OUT_OF_RANGE,
                &texts.span,
                format!("`relay` in {} has more than {MOST} patterns", reader.place),
            )
            .label("too many")
            .fix("write fewer: \"/v1/files*\" takes all paths below /v1/files"),
        );
        return Vec::new();
    }
    let mut patterns: Vec<At<String>> = Vec::new();
    for text in texts.value {
        if let Some((label, fix)) = problem(&text.value) {
            report.add(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &text.span,
                    format!("`relay` in {} cannot hold {}", reader.place, shown(&text.value)),
                )
                .label(label)
                .fix(fix),
            );
        } else if patterns.iter().any(|it| it.value == text.value) {
            report.add(
                Diagnostic::error(
                    codes::DUPLICATE,
                    &text.span,
                    format!("{} is given twice in {}", shown(&text.value), reader.place),
                )
                .label("once is enough")
                .fix("keep one of the two"),
            );
        } else {
            patterns.push(text);
        }
    }
    patterns
}

/// What is wrong with a pattern, and what would do.
fn problem(pattern: &str) -> Option<(String, String)> {
    let usual = "write \"/v1/files*\"".to_owned();
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"/-_.~*:@".contains(&it);
    let Some(path) = pattern.strip_prefix("/v1/") else {
        let bare = pattern.trim_start_matches('/');
        let sound = !bare.is_empty() && bare.len() <= 200 && bare.bytes().all(plain) && !bare.starts_with('v');
        let fix = if sound { format!("write \"/v1/{bare}\"") } else { usual };
        return Some(("a path begins with /v1/".to_owned(), fix));
    };
    if path.is_empty() || pattern.len() > 256 || !pattern.bytes().all(plain) {
        return Some(("a path of letters, digits and -_.~:@, with `*` for anything".to_owned(), usual));
    }
    if path.split('/').any(|it| it == "." || it == "..") {
        return Some(("no `.` or `..` between slashes".to_owned(), usual));
    }
    let ours = OURS.iter().find(|it| glob::overlap(pattern, it))?;
    let label = format!("it takes in {ours}, which is the gateway's own");
    Some((label, "remove it, or write a narrower path: \"/v1/files*\"".to_owned()))
}
