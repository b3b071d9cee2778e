//! Reads one quoted text, whatever it is quoted with, and never changes what it says.
//!
//! A quote inside the text that nobody escaped is kept only where it can be nothing else: quotes around words, in pairs,
//! or an apostrophe between letters. An escape that JSON does not know is a backslash only where it can have been
//! nothing else. In doubt the text is not read, and the answer not repaired.

use super::RepairStep;
use super::cursor::{Broken, Cursor, QUOTES, Role, closers, starts_colon};

/// The text between two quotes, as far as it was read.
#[derive(Default)]
struct Inside {
    content: String,
    /// Quotes inside that nobody escaped.
    quotes: u32,
    /// Whether the first of them stands at the very start.
    from_start: bool,
    /// Length of the content after the last of them.
    last_quote: usize,
    /// Backslashes taken literally before a letter, as in `\d`.
    before_letters: bool,
    /// Backslashes taken literally before anything else, as in `\.`.
    before_others: bool,
    /// Escapes of one letter that JSON knows, as `\n`: in a path or a pattern it may have been meant otherwise.
    short: bool,
}

/// Reads the text whose opening quote is next.
pub(super) fn read(cursor: &mut Cursor<'_>, role: Role) -> Result<String, Broken> {
    let open = cursor.peek().filter(|it| QUOTES.contains(it)).ok_or(Broken)?;
    if open == '`' && cursor.rest().starts_with("``") {
        return Err(Broken);
    }
    let tripled = ["\"\"\"", "'''"].into_iter().find(|it| cursor.rest().starts_with(it));
    if let Some(fence) = tripled {
        return read_tripled(cursor, fence, role);
    }
    cursor.pass(open);
    let mut inside = Inside::default();
    while let Some(c) = cursor.peek() {
        cursor.pass(c);
        if c == '\\' {
            inside.escape(cursor)?;
        } else if closers(open).contains(&c) {
            if role.ends_before(cursor.rest()) {
                if open != '"' || c != '"' {
                    cursor.note(RepairStep::Quotes);
                }
                return inside.end(cursor);
            }
            inside.quote(c, cursor.rest(), role)?;
        } else if open == '`' && c == '$' && cursor.peek() == Some('{') {
            return Err(Broken);
        } else {
            inside.character(c, cursor);
        }
    }
    Err(Broken)
}

fn read_tripled(cursor: &mut Cursor<'_>, fence: &str, role: Role) -> Result<String, Broken> {
    cursor.at += fence.len();
    let mut inside = Inside::default();
    while let Some(c) = cursor.peek() {
        if cursor.rest().starts_with(fence) {
            cursor.at += fence.len();
            cursor.note(RepairStep::Quotes);
            return if role.ends_before(cursor.rest()) { inside.end(cursor) } else { Err(Broken) };
        }
        cursor.pass(c);
        if c == '\\' {
            inside.escape(cursor)?;
        } else {
            inside.character(c, cursor);
        }
    }
    Err(Broken)
}

// === impl Inside ===

impl Inside {
    fn character(&mut self, c: char, cursor: &mut Cursor<'_>) {
        if c < ' ' {
            cursor.note(RepairStep::Escapes);
        }
        self.content.push(c);
    }

    /// A quote that does not end the text.
    fn quote(&mut self, c: char, rest: &str, role: Role) -> Result<(), Broken> {
        let before = self.content.chars().next_back();
        let after = rest.chars().next().ok_or(Broken)?;
        if matches!(c, '\'' | '’' | '‘') {
            let is_apostrophe = before.is_some_and(char::is_alphanumeric) && after.is_alphanumeric();
            self.content.push(c);
            return if is_apostrophe { Ok(()) } else { Err(Broken) };
        }
        let opens = before.is_none_or(|it| it.is_whitespace() || matches!(it, '(' | '='))
            && (after.is_alphanumeric() || "/#.@$<".contains(after));
        let closes = before.is_some_and(|it| !it.is_whitespace())
            && (after.is_whitespace() || ".,;!?)]>/-".contains(after) || QUOTES.contains(&after))
            && !starts_colon(rest.trim_start());
        let in_place = if self.quotes.is_multiple_of(2) { opens } else { closes };
        if role == Role::Name || c == '`' || !in_place {
            return Err(Broken);
        }
        self.from_start |= self.content.is_empty();
        self.quotes += 1;
        self.content.push(c);
        self.last_quote = self.content.len();
        Ok(())
    }

    /// What stands after a backslash.
    fn escape(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Broken> {
        let c = cursor.peek().ok_or(Broken)?;
        let rest = cursor.rest();
        cursor.pass(c);
        let meant = match c {
            '"' | '\\' | '/' => c,
            'b' | 'f' | 'n' | 'r' | 't' => {
                self.short = true;
                match c {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    _ => '\t',
                }
            }
            'u' if hex(rest, 1, 4).is_some() => unicode(cursor, rest)?,
            '\'' => {
                cursor.note(RepairStep::Escapes);
                c
            }
            'x' | 'v' => return Err(Broken),
            'U' if hex(rest, 1, 8).is_some() => return Err(Broken),
            _ if c.is_ascii_alphabetic() => self.backslash(c, cursor),
            _ if c.is_ascii_punctuation() => self.backslash(c, cursor),
            _ => return Err(Broken),
        };
        self.content.push(meant);
        Ok(())
    }

    /// A backslash that was meant as one.
    fn backslash(&mut self, c: char, cursor: &mut Cursor<'_>) -> char {
        cursor.note(RepairStep::Escapes);
        if c.is_ascii_alphabetic() {
            self.before_letters = true;
        } else {
            self.before_others = true;
        }
        self.content.push('\\');
        c
    }

    fn end(self, cursor: &mut Cursor<'_>) -> Result<String, Broken> {
        let quotes_the_whole = self.quotes == 2 && self.from_start && self.last_quote == self.content.len();
        // `\_` and the like may be Markdown's, unless a `\d` beside it shows that backslashes are meant.
        let could_be_markdown = self.before_others && !self.before_letters;
        // `C:\Users\new` holds a line break to JSON and none to who wrote it.
        let could_be_a_path = self.before_letters && self.short;
        if !self.quotes.is_multiple_of(2) || quotes_the_whole || could_be_markdown || could_be_a_path {
            return Err(Broken);
        }
        if self.quotes > 0 {
            cursor.note(RepairStep::Quotes);
        }
        Ok(self.content)
    }
}

/// The character of `uXXXX` or of a pair of them; `rest` begins at the `u`, and the cursor stands after it.
fn unicode(cursor: &mut Cursor<'_>, rest: &str) -> Result<char, Broken> {
    let unit = hex(rest, 1, 4).ok_or(Broken)?;
    cursor.at += 4;
    if !(0xd800..0xe000).contains(&unit) {
        return char::from_u32(unit).ok_or(Broken);
    }
    let low = rest.get(5..7).filter(|it| *it == "\\u").and_then(|_| hex(rest, 7, 4)).ok_or(Broken)?;
    if unit >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
        return Err(Broken);
    }
    cursor.at += 6;
    char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Broken)
}

fn hex(text: &str, from: usize, digits: usize) -> Option<u32> {
    let digits = text.get(from..from + digits)?;
    let are_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}
