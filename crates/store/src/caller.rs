//! Which failed requests are their caller's own doing: the caller went away, or sent what no provider takes.
//!
//! Their records say `failed` like all others. Counts keep them apart, because they say nothing of how well we serve: one
//! closed tab is no outage.

use switchback_core::id::Name;
use switchback_core::record::DecisionRecord;

/// What such requests are counted as, in the place of an outcome.
pub const CALLER: &str = "caller";

/// The same as [`counted_as`], over the columns of a record.
pub(crate) const COUNTED_AS: &str = "CASE WHEN outcome = 'failed' AND json_valid(json) AND (
         json_extract(json, '$.error.code') = 'cancelled' OR json_extract(json, '$.attempts[#-1].class') = 'invalid_request'
     ) THEN 'caller' ELSE outcome END";

/// The outcome as which a request is counted.
pub(crate) fn counted_as(record: &DecisionRecord) -> Name {
    if record.is_callers_own() { CALLER.into() } else { Name::clone(&record.object.outcome) }
}
