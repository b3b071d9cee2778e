//! Reads one document that is almost JSON: once from left to right, with a stack of its own and no second thoughts.
//!
//! Where JSON's grammar allows one reading only of what was written, that is taken and the step noted; where it would
//! allow two, nothing is. No value is made up here, none is left out, and what the end of the text may have cut is not
//! completed.

use super::RepairStep;
use super::cursor::{Broken, Cursor, QUOTES, Role, is_bare, is_bare_name_ahead, is_name_ahead, is_space};
use super::quoted;
use super::tree::{Digits, Node};

/// Most brackets open at once; `serde_json` takes no more.
const DEEPEST: usize = 127;

/// One document as it was read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) steps: std::collections::BTreeSet<RepairStep>,
    /// Where it begins and ends in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// How many lists and objects the text ended in: the root, the last that stands in it, the last in that…
    pub(super) open: usize,
    /// Whether a bracket had to be closed before the end of the text, because another one closed around it.
    pub(super) closed_inside: bool,
}

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// What stands there is no document: a bracket in prose. So many bytes were looked at.
    Prose(usize),
    /// It begins like a document and is broken beyond repair.
    Document,
}

struct Frame {
    holds: Holds,
    expects: Expects,
}

enum Holds {
    List(Vec<Node>),
    Object {
        members: Vec<(String, Node)>,
        /// The name that was read and has no value yet.
        name: Option<String>,
        /// Opened by two brackets, as templates write them.
        doubled: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// A name or an item, or the closing bracket.
    First,
    /// The value of a member.
    Value,
    /// A comma or the closing bracket.
    Separator,
    /// A name or an item: a comma stands before.
    Next,
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    stack: Vec<Frame>,
    open: usize,
    closed_inside: bool,
    /// Whether it is a document by what was read so far, not a bracket in prose.
    is_document: bool,
}

/// Reads the document that begins at this byte.
pub(super) fn read(text: &str, start: usize) -> Result<Document, Failed> {
    Reader::new(text, start).document(start)
}

/// Reads the members of an object whose opening bracket is missing.
pub(super) fn read_members(text: &str) -> Result<Document, Failed> {
    let mut reader = Reader::new(text, 0);
    reader.cursor.note(RepairStep::Brackets);
    reader.stack.push(Frame::object(false));
    reader.document(0)
}

// === impl Reader ===

impl<'t> Reader<'t> {
    fn new(text: &'t str, start: usize) -> Self {
        let cursor = Cursor::new(text, start);
        Self { cursor, stack: Vec::new(), open: 0, closed_inside: false, is_document: false }
    }

    fn document(mut self, start: usize) -> Result<Document, Failed> {
        match self.run() {
            Ok(root) => Ok(Document {
                root,
                steps: self.cursor.steps,
                start,
                end: self.cursor.at,
                open: self.open,
                closed_inside: self.closed_inside,
            }),
            Err(Broken) if self.is_document || self.cursor.rest().is_empty() => Err(Failed::Document),
            Err(Broken) => Err(Failed::Prose(self.cursor.at - start)),
        }
    }

    fn run(&mut self) -> Result<Node, Broken> {
        loop {
            let line_ended = self.cursor.blank()?;
            let root = match self.stack.last() {
                None => self.value(Role::Root)?,
                Some(frame) => match (&frame.holds, frame.expects) {
                    (_, Expects::Separator) => self.separator(line_ended)?,
                    (_, Expects::Value) => self.value(Role::Member)?,
                    (Holds::List(_), _) => self.item()?,
                    (Holds::Object { .. }, expects) => self.member(expects)?,
                },
            };
            if let Some(root) = root {
                return Ok(root);
            }
        }
    }

    /// An item, or the end of the list.
    fn item(&mut self) -> Result<Option<Node>, Broken> {
        match self.cursor.peek() {
            Some(c @ (']' | '}')) => self.close(c),
            _ => self.value(Role::Item),
        }
    }

    /// A name with its colon, or the end of the object.
    fn member(&mut self, expects: Expects) -> Result<Option<Node>, Broken> {
        match self.cursor.peek() {
            Some(c @ (']' | '}')) => self.close(c),
            Some(c @ ',') if expects == Expects::Next => {
                self.cursor.pass(c);
                self.cursor.note(RepairStep::Commas);
                Ok(None)
            }
            _ => self.name(),
        }
    }

    fn name(&mut self) -> Result<Option<Node>, Broken> {
        let read = if self.cursor.peek().is_some_and(|c| QUOTES.contains(&c)) {
            self.is_document = true;
            quoted::read(&mut self.cursor, Role::Name)?
        } else {
            let bare = self.cursor.take_while(is_bare);
            let is_number = bare.bytes().all(|byte| byte.is_ascii_digit()) && (bare == "0" || !bare.starts_with('0'));
            if bare.is_empty() || bare.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && !is_number {
                return Err(Broken);
            }
            self.cursor.note(RepairStep::Quotes);
            bare.to_owned()
        };
        self.cursor.blank()?;
        if self.cursor.peek() == Some(':') {
            self.cursor.pass(':');
        } else {
            let rest = self.cursor.rest();
            let colon = ["：", "=>"].into_iter().find(|it| rest.starts_with(it)).ok_or(Broken)?;
            self.cursor.at += colon.len();
            self.cursor.note(RepairStep::Punctuation);
        }
        self.is_document = true;
        if let Some(Frame { holds: Holds::Object { name, .. }, expects }) = self.stack.last_mut() {
            *name = Some(read);
            *expects = Expects::Value;
        }
        Ok(None)
    }

    fn value(&mut self, role: Role) -> Result<Option<Node>, Broken> {
        let first = self.cursor.peek().ok_or(Broken)?;
        match first {
            '{' | '[' => {
                if self.stack.len() >= DEEPEST {
                    self.is_document = true;
                    return Err(Broken);
                }
                self.open_bracket(first);
                Ok(None)
            }
            _ if QUOTES.contains(&first) => {
                self.is_document = true;
                let text = quoted::read(&mut self.cursor, role)?;
                Ok(self.place(Node::Text(text)))
            }
            '0'..='9' | '-' | '+' | '.' => self.number(),
            _ => self.word(),
        }
    }

    fn open_bracket(&mut self, bracket: char) {
        let doubled = bracket == '{' && self.cursor.rest().starts_with("{{");
        self.cursor.pass(bracket);
        if doubled {
            self.cursor.pass(bracket);
            self.cursor.note(RepairStep::Brackets);
        }
        self.stack.push(match bracket {
            '[' => Frame { holds: Holds::List(Vec::new()), expects: Expects::First },
            _ => Frame::object(doubled),
        });
    }

    fn number(&mut self) -> Result<Option<Node>, Broken> {
        let source = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'));
        // `...` stands for what was left out, and `-Infinity` for nothing that JSON has.
        if source.contains("..") || !source.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(Broken);
        }
        let digits = Digits::read(source);
        match self.cursor.peek() {
            // A number has no end of its own: `12` may be what is left of `125`.
            None if !self.stack.is_empty() => return Err(Broken),
            None | Some(',' | '，' | ']' | '}' | '/' | '#' | '`') => (),
            Some(c) if is_space(c) => (),
            Some(_) => return Err(Broken),
        }
        if digits.json.as_deref() != Some(source) {
            self.cursor.note(RepairStep::Numbers);
        }
        Ok(self.place(Node::Number(digits)))
    }

    fn word(&mut self) -> Result<Option<Node>, Broken> {
        let word = self.cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        let node = match word {
            "true" | "True" | "TRUE" => Node::Bool(true),
            "false" | "False" | "FALSE" => Node::Bool(false),
            "null" | "None" | "NULL" | "Null" | "nil" => Node::Null,
            _ => return Err(Broken),
        };
        if !matches!(word, "true" | "false" | "null") {
            self.cursor.note(RepairStep::Literals);
        }
        Ok(self.place(node))
    }

    /// What stands after a value.
    fn separator(&mut self, line_ended: bool) -> Result<Option<Node>, Broken> {
        let rest = self.cursor.rest();
        let next = match self.cursor.peek() {
            None => {
                self.open = self.stack.len();
                return Ok(self.close_all());
            }
            Some(_) if rest.starts_with("```") => {
                self.closed_inside = true;
                return Ok(self.close_all());
            }
            Some(c @ (',' | '，')) => {
                self.cursor.pass(c);
                if c == '，' {
                    self.cursor.note(RepairStep::Punctuation);
                }
                if let Some(frame) = self.stack.last_mut() {
                    frame.expects = Expects::Next;
                }
                return Ok(None);
            }
            Some(c @ (']' | '}')) => return self.close(c),
            Some(next) => next,
        };
        let is_bracket = matches!(next, '{' | '[');
        match self.stack.last().map(|frame| &frame.holds) {
            Some(Holds::Object { .. }) if is_name_ahead(rest) || line_ended && is_bare_name_ahead(rest) => {
                self.cursor.note(RepairStep::Commas);
                self.name()
            }
            Some(Holds::List(items))
                if line_ended || is_bracket && matches!(items.last(), Some(Node::List(_) | Node::Object(_))) =>
            {
                self.cursor.note(RepairStep::Commas);
                self.value(Role::Item)
            }
            _ => Err(Broken),
        }
    }

    /// A closing bracket: of what is open, or of something around it.
    fn close(&mut self, bracket: char) -> Result<Option<Node>, Broken> {
        let top = self.stack.last().ok_or(Broken)?;
        let fits = top.closes_with(bracket);
        match top.expects {
            Expects::Next => self.cursor.note(RepairStep::Commas),
            Expects::Value => return Err(Broken),
            Expects::First | Expects::Separator => (),
        }
        let top = self.stack.last().ok_or(Broken)?;
        if !fits {
            if top.expects != Expects::Separator {
                return Err(Broken);
            }
            self.cursor.note(RepairStep::Brackets);
            if self.stack.iter().any(|frame| frame.closes_with(bracket)) {
                self.closed_inside = true;
                return Ok(self.pop());
            }
        } else if matches!(top.holds, Holds::Object { doubled: true, .. }) && self.cursor.rest().starts_with("}}") {
            self.cursor.pass(bracket);
        }
        self.cursor.pass(bracket);
        Ok(self.pop())
    }

    fn close_all(&mut self) -> Option<Node> {
        self.cursor.note(RepairStep::Brackets);
        loop {
            if self.stack.is_empty() {
                return None;
            }
            if let Some(root) = self.pop() {
                return Some(root);
            }
        }
    }

    /// Closes what is open innermost; the root, if it is that.
    fn pop(&mut self) -> Option<Node> {
        let node = match self.stack.pop()?.holds {
            Holds::List(items) => Node::List(items),
            Holds::Object { members, .. } => Node::Object(members),
        };
        self.place(node)
    }

    /// Puts a value where it belongs; the root belongs nowhere.
    fn place(&mut self, node: Node) -> Option<Node> {
        let Some(frame) = self.stack.last_mut() else {
            return Some(node);
        };
        frame.expects = Expects::Separator;
        match &mut frame.holds {
            Holds::List(items) => {
                items.push(node);
                self.is_document |= items.len() > 1;
            }
            Holds::Object { members, name, .. } => members.push((name.take().unwrap_or_default(), node)),
        }
        None
    }
}

// === impl Frame ===

impl Frame {
    fn object(doubled: bool) -> Self {
        let holds = Holds::Object { members: Vec::new(), name: None, doubled };
        Self { holds, expects: Expects::First }
    }

    fn closes_with(&self, bracket: char) -> bool {
        match self.holds {
            Holds::List(_) => bracket == ']',
            Holds::Object { .. } => bracket == '}',
        }
    }
}
