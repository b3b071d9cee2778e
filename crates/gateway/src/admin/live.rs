//! The moving parts of pages: the same HTML, rendered again and sent as events.
//!
//! One event carries a whole region, so that a lost one is made good by the next. About one in a second at most, when
//! something has changed, and one every five seconds besides: ages and probes count on by themselves. A reader that
//! does not keep up gets fewer, never older ones.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use switchback_console::Filter;
use switchback_core::record::DecisionRecord;
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use super::Refused;
use super::events::{self, event};
use super::pages::{self, Desk};
use super::session::Visitor;

/// The least time between two events.
const LEAST: Duration = Duration::from_secs(1);
/// The most, together with the least.
const MOST: Duration = Duration::from_secs(4);
/// How often it is looked whether an operator has changed something.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From the end of a request until its record has been handed to the store, at the most.
const HANDED_OVER: Duration = Duration::from_millis(50);

/// A part of a page that moves.
enum Region {
    Now,
    Requests(Box<Filter>),
    Routes,
}

pub(super) async fn now(State(desk): State<Desk>, Extension(visitor): Extension<Visitor>) -> Result<Response, Refused> {
    follow(desk, visitor, Region::Now)
}

pub(super) async fn requests(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refused> {
    follow(desk, visitor, Region::Requests(Box::new(filter)))
}

pub(super) async fn routes(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Refused> {
    follow(desk, visitor, Region::Routes)
}

/// Sends a region again and again, until its reader goes or is signed out.
fn follow(desk: Desk, visitor: Visitor, region: Region) -> Result<Response, Refused> {
    events::live(&desk.clone(), visitor.clone(), move |to| async move {
        let shared = &desk.admin.shared;
        let mut finished = shared.events.subscribe();
        loop {
            let revision = shared.revision.load(Ordering::Acquire);
            if !desk.holds(&visitor) {
                return Ok(());
            }
            if to.capacity() == to.max_capacity() {
                to.send(event("message", &region.render(&desk, &visitor).await)).await?;
            }
            sleep(LEAST).await;
            // Whether or not something happens until then, it is time.
            let _ = timeout(MOST, changed(&mut finished, || shared.revision.load(Ordering::Acquire) != revision)).await;
            sleep(HANDED_OVER).await;
            // All that has finished by now is in what is rendered next.
            finished = finished.resubscribe();
        }
    })
}

/// Waits for the end of a request, or for a change by an operator.
async fn changed(finished: &mut broadcast::Receiver<Arc<DecisionRecord>>, is_changed: impl Fn() -> bool) {
    while !is_changed() {
        if timeout(LOOK_EVERY, finished.recv()).await.is_ok() {
            return;
        }
    }
}

// === impl Region ===

impl Region {
    async fn render(&self, desk: &Desk, visitor: &Visitor) -> String {
        match self {
            Region::Now => pages::now_live(desk, visitor).await,
            Region::Requests(filter) => pages::requests_live(desk, visitor, filter).await,
            Region::Routes => pages::routes_live(desk, visitor),
        }
    }
}
