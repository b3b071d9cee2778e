//! `[segment.NAME]`: declares a segment of users.

use super::keys::SEGMENT;
use super::reader::Reader;
use super::tree::{At, Entry};
use crate::diagnostic::Report;

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> At<String> {
    Reader::open(&entry.node, &SEGMENT, format!("[segment.{}]", entry.key), report);
    At { value: entry.key.clone(), span: entry.key_span.clone() }
}
