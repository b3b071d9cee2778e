//! Shows findings as a terminal should: code and what, the place with its source underlined, effect, fix. The only
//! file that knows `annotate-snippets`. What looks like a secret in the source is starred out before it is shown.

use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, looks_secret, opening};

/// Longest piece of a source line that is kept around a finding, in bytes; a generated file may be one line.
const WINDOW: usize = 2_000;

/// The findings as text, an empty line between two. `sources` are the texts by file name, as
/// [`compile`](crate::compile) got them; a finding in a file without text is shown without its source line.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &[(&str, &str)], color: bool) -> String {
    let masked: HashMap<&str, String> =
        sources.iter().map(|(file, text)| (*file, mask(text, &typed_secrets(diagnostics, file)))).collect();
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Unicode);
    let shown: Vec<String> =
        diagnostics.iter().map(|it| one(it, masked.get(it.file.as_str()).map(String::as_str), &renderer)).collect();
    let mut text = shown.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn one(diagnostic: &Diagnostic, source: Option<&str>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR.with_name(format!("✗ {}", diagnostic.code)),
        Severity::Warning => Level::WARNING.with_name(format!("! {}", diagnostic.code)),
    };
    let mut group = level.primary_title(diagnostic.message.as_str()).elements(Vec::<Origin<'_>>::new());
    group = match source.and_then(|it| line_of(it, &diagnostic.span)) {
        Some((line, span)) => {
            let label = Some(diagnostic.label.as_str()).filter(|it| !it.is_empty());
            let annotation = AnnotationKind::Primary.span(span).label(label);
            let snippet = Snippet::source(line).line_start(diagnostic.line).path(diagnostic.file.as_str());
            group.element(snippet.annotation(annotation))
        }
        None => {
            group.element(Origin::path(diagnostic.file.as_str()).line(diagnostic.line).char_column(diagnostic.column))
        }
    };
    if let Some(effect) = &diagnostic.effect {
        group = group.element(Level::NOTE.with_name("effect").message(effect.as_str()));
    }
    if let Some(fix) = &diagnostic.fix {
        group = group.element(Level::HELP.with_name("fix").message(fix.as_str()));
    }
    renderer.render(&[group])
}

/// The line on which a span begins, and the part of the span on it.
fn line_of<'t>(text: &'t str, span: &Range<usize>) -> Option<(&'t str, Range<usize>)> {
    let before = text.get(..span.start)?;
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(begin..)?;
    let line = rest.split('\n').next().unwrap_or(rest);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let line = line.get(..WINDOW).filter(|_| span.start - begin < WINDOW / 2).unwrap_or(line);
    let from = (span.start - begin).min(line.len());
    let to = (span.end - begin).clamp(from, line.len());
    Some((line, from..to))
}

/// Places of secrets that were typed into a file.
fn typed_secrets(diagnostics: &[Diagnostic], file: &str) -> Vec<Range<usize>> {
    let typed = diagnostics.iter().filter(|it| it.file == file && it.code == codes::LITERAL_SECRET);
    typed.map(|it| it.span.clone()).collect()
}

/// The text with every secret replaced by stars, byte for byte, so that places stay what they are.
fn mask(text: &str, secrets: &[Range<usize>]) -> String {
    let mut masked = text.to_owned();
    for span in secrets {
        star(&mut masked, span);
    }
    for separators in [&['"', '\'', '\n'][..], &['"', '\'', '\n', ' ', '\t', '=', ',', ':', '[', ']', '{', '}'][..]] {
        let mut at = 0;
        for piece in text.split(separators) {
            if looks_secret(piece) {
                star(&mut masked, &(at..at + piece.len()));
            }
            at += piece.len() + 1;
        }
    }
    masked
}

/// Stars out all but the quotes and the first characters.
fn star(text: &mut String, span: &Range<usize>) {
    let Some(secret) = text.get(span.clone()) else { return };
    let quote = usize::from(secret.starts_with(['"', '\'']));
    let bare = secret.trim_matches(['"', '\'']);
    let kept = quote + opening(bare).len();
    let starred: String = secret
        .char_indices()
        .flat_map(|(at, it)| {
            let (sign, n_times) = if at < kept || it == '"' || it == '\'' { (it, 1) } else { ('*', it.len_utf8()) };
            std::iter::repeat_n(sign, n_times)
        })
        .collect();
    text.replace_range(span.clone(), &starred);
}
