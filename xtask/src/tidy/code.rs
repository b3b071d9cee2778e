//! Rust source taken apart just far enough for the rules: code without comments and texts, comments alone, and which
//! lines are tests.
//!
//! No parser: strings, characters, comments and braces are followed, nothing else. It never fails; on source that does
//! not compile its answer is of no use, and the compiler says so first.

/// One line, taken apart.
#[derive(Debug, Default, Clone)]
pub(crate) struct Line {
    /// Its code, with comments and the contents of texts blanked out.
    pub(crate) code: String,
    /// Its comments.
    pub(crate) comment: String,
    /// Whether it belongs to an item under `#[cfg(test)]`.
    pub(crate) is_test: bool,
}

/// What the next character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Code,
    LineComment,
    /// Nested so deep.
    BlockComment(u32),
    Text,
    /// Ends with a quote and so many `#`.
    RawText(usize),
}

/// Takes a file apart.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut at = At::Code;
    let characters: Vec<char> = text.chars().collect();
    let mut place = 0;
    while let Some(character) = characters.get(place).copied() {
        let ahead = |n: usize| characters.get(place + n).copied();
        if character == '\n' {
            at = if at == At::LineComment { At::Code } else { at };
            lines.push(Line::default());
            place += 1;
            continue;
        }
        let Some(line) = lines.last_mut() else { break };
        let (next, length) = match at {
            At::Code => in_code(&characters, place),
            At::LineComment => (At::LineComment, 1),
            At::BlockComment(deep) => match (character, ahead(1)) {
                ('/', Some('*')) => (At::BlockComment(deep + 1), 2),
                ('*', Some('/')) if deep > 1 => (At::BlockComment(deep - 1), 2),
                ('*', Some('/')) => (At::Code, 2),
                _ => (at, 1),
            },
            At::Text => match character {
                '\\' if ahead(1) != Some('\n') => (At::Text, 2),
                '"' => (At::Code, 1),
                _ => (At::Text, 1),
            },
            At::RawText(hashes) => {
                let ends = character == '"' && (1..=hashes).all(|n| ahead(n) == Some('#'));
                if ends { (At::Code, hashes + 1) } else { (at, 1) }
            }
        };
        for taken in characters.iter().skip(place).take(length) {
            match (at, next) {
                (At::LineComment | At::BlockComment(_), _) | (_, At::LineComment | At::BlockComment(_)) => {
                    line.comment.push(*taken)
                }
                (At::Code, At::Code) if length == 1 => line.code.push(*taken),
                // Quotes stay, so that an empty text is still seen; characters in quotes and contents go.
                _ if *taken == '"' => line.code.push('"'),
                _ => line.code.push(' '),
            }
        }
        at = next;
        place += length;
    }
    mark_tests(&mut lines);
    lines
}

/// What begins here in code, and how many characters belong to its beginning.
fn in_code(characters: &[char], place: usize) -> (At, usize) {
    let ahead = |n: usize| characters.get(place + n).copied();
    let in_a_name =
        place.checked_sub(1).and_then(|it| characters.get(it)).is_some_and(|it| it.is_alphanumeric() || *it == '_');
    match ahead(0) {
        Some('/') if ahead(1) == Some('/') => (At::LineComment, 2),
        Some('/') if ahead(1) == Some('*') => (At::BlockComment(1), 2),
        Some('"') => (At::Text, 1),
        Some('r') if !in_a_name || ahead_is_byte_text(characters, place) => {
            let hashes = (1..).take_while(|n| ahead(*n) == Some('#')).count();
            if ahead(hashes + 1) == Some('"') { (At::RawText(hashes), hashes + 2) } else { (At::Code, 1) }
        }
        // A character, or a lifetime: only the former has its closing quote where it must be.
        Some('\'') if ahead(1) == Some('\\') => {
            let length = (3..12).find(|n| ahead(*n) == Some('\'')).unwrap_or(0);
            (At::Code, length + 1)
        }
        Some('\'') if ahead(2) == Some('\'') => (At::Code, 3),
        _ => (At::Code, 1),
    }
}

/// Whether the `r` here is the one of `br"…"` and not the end of a name.
fn ahead_is_byte_text(characters: &[char], place: usize) -> bool {
    let before = |n: usize| place.checked_sub(n).and_then(|it| characters.get(it)).copied();
    before(1) == Some('b') && !before(2).is_some_and(|it| it.is_alphanumeric() || it == '_')
}

/// Marks the items that stand under `#[cfg(test)]`: to their closing brace, or to the semicolon of one without.
fn mark_tests(lines: &mut [Line]) {
    let mut depth: Option<i32> = None;
    for line in lines {
        let begins = line.code.find("#[cfg(test)]");
        let rest = match (depth, begins) {
            (None, None) => continue,
            (None, Some(at)) => {
                depth = Some(0);
                line.code.get(at + "#[cfg(test)]".len()..).unwrap_or_default()
            }
            (Some(_), _) => line.code.as_str(),
        };
        line.is_test = true;
        for character in rest.chars() {
            let Some(deep) = depth else { break };
            depth = match character {
                '{' => Some(deep + 1),
                '}' if deep <= 1 => None,
                '}' => Some(deep - 1),
                ';' if deep == 0 => None,
                _ => depth,
            };
        }
    }
}

/// Whether a whole file is tests.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}

/// The lines of a file that are code of the product, numbered from one.
pub(crate) fn product_lines(path: &str, text: &str) -> Vec<(usize, Line)> {
    if is_test_file(path) {
        return Vec::new();
    }
    let numbered = lines(text).into_iter().enumerate().map(|(at, line)| (at + 1, line));
    numbered.filter(|(_, line)| !line.is_test).collect()
}

/// Where `word` stands in `text` as a whole word.
pub(crate) fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|it| it.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|it| it.chars().next());
        let begins_inside = word.starts_with(is_part) && before.is_some_and(is_part);
        let ends_inside = word.ends_with(is_part) && behind.is_some_and(is_part);
        !begins_inside && !ends_inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        lines(text).into_iter().map(|it| it.code).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        assert_eq!(code("a(\"b // c\"); // d").trim_end(), "a(\"      \");");
        assert_eq!(code("a /* b /* c */ d */ e").replace(' ', ""), "ae");
        assert_eq!(code("a(r#\"b \"c\" d\"#, 'x', '\\'', '\"', \"\\\"e\")").matches(char::is_alphabetic).count(), 1);
        assert_eq!(code("fn a<'a>(it: &'a str) {}"), "fn a<'a>(it: &'a str) {}");
        assert_eq!(code("let bytes = br\"todo\"; for").replace(' ', ""), "letb\"\";for".replace("letb", "letbytes=b"));
    }

    #[test]
    fn comments_can_be_read_alone() {
        let read = lines("let a = \"no\"; // yes\n/* and\nthis */ let b;");
        let comments: Vec<&str> = read.iter().map(|it| it.comment.trim()).collect();
        assert_eq!(comments, ["// yes", "/* and", "this */"]);
    }

    #[test]
    fn what_stands_under_cfg_test_is_a_test_to_its_end() {
        let read =
            lines("fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n#[cfg(test)] use d;\nfn e() {}");
        let tests: Vec<usize> = (1..).zip(&read).filter(|(_, it)| it.is_test).map(|(at, _)| at).collect();
        assert_eq!(tests, [2, 3, 4, 5, 7]);
    }

    #[test]
    fn a_word_is_found_only_as_a_whole() {
        assert_eq!(find_word("not_async async", "async"), Some(10));
        assert_eq!(find_word("asynchronous", "async"), None);
        assert_eq!(find_word("crate::a::b", "::b"), Some(8));
    }
}
