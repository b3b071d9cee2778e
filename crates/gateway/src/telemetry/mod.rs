//! What others see of the gateway while it runs: metrics, and one line of log for each request that was not plain.
//!
//! Everything is counted from the finished decision record, so that metrics, log and record can never disagree. Labels
//! are names of the configuration and of closed lists, and the models that stars stand for, of which there are a bounded
//! number. Nothing else that a caller chooses becomes one.

mod labels;
mod metrics;
mod scrape;

use std::time::Duration;

use switchback_core::id::Name;
use switchback_core::record::DecisionRecord;

pub(crate) use metrics::Metrics;
pub(crate) use scrape::{Gauges, text};

/// What the record does not say of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// What its answers were held against: a contract's name, `request` for the request's own format, or nothing.
    pub(crate) contract: Option<Name>,
    /// Time that was ours: neither a call nor a wait.
    pub(crate) own: Duration,
}

/// One line for a request, at a level that says whether a person should look.
pub(crate) fn log(record: &DecisionRecord) {
    let object = &record.object;
    let (id, task, outcome) = (&*object.request_id, &*object.task, &*object.outcome);
    let served_by = object.served_by.as_deref().unwrap_or("nobody");
    let (attempts, why) = (object.attempts.len(), object.why.as_deref().unwrap_or("none"));
    let (total_ms, cost_usd) = (record.total_ms, object.cost_usd);
    let error = record.error.as_ref().map_or("", |it| &*it.code);
    match outcome {
        "ok" => {
            tracing::debug!(id, task, outcome, served_by, attempts, why, total_ms, cost_usd, "request finished");
        }
        "failed" => {
            tracing::warn!(id, task, outcome, error, attempts, why, total_ms, cost_usd, "request finished");
        }
        _ => tracing::info!(id, task, outcome, served_by, error, attempts, why, total_ms, cost_usd, "request finished"),
    }
}
