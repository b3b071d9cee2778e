//! Results as JUnit XML, as build servers read it.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Done, story};

/// The report of one configuration file.
pub(super) fn report(file: &str, done: &[Done], took: Duration) -> String {
    let failed = done.iter().filter(|it| !it.ok).count();
    let counts = format!("tests=\"{}\" failures=\"{failed}\" time=\"{:.6}\"", done.len(), took.as_secs_f64());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites {counts}>\n  <testsuite name=\"{}\" {counts}>", escaped(file));
    for it in done {
        let _ = write!(
            xml,
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6}\"",
            escaped(&it.task),
            escaped(&it.name),
            escaped(file),
            it.line,
            it.ms / 1_000.0
        );
        if it.ok {
            xml.push_str("/>\n");
            continue;
        }
        let lines = story(it);
        let first = lines.first().map_or("", String::as_str);
        let _ = writeln!(
            xml,
            ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
            escaped(first),
            escaped(&lines.join("\n"))
        );
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text as XML takes it; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => {}
            it => safe.push(it),
        }
    }
    safe
}
