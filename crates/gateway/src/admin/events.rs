//! Finished requests as they finish: server-sent events, one decision record each.
//!
//! A follower that lags loses events and is told how many. A comment every ten seconds, whatever else is told, keeps the
//! line alive. Whoever has gone, or may no longer look, is followed by nobody within a second.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde::Deserialize;
use switchback_config::glob;
use switchback_core::record::DecisionRecord;
use switchback_store::{Store, StoreError};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio::time::{Instant, interval_at};

use super::Refused;
use super::pages::Desk;
use super::session::Visitor;
use crate::tasks::Tasks;

/// Followers at once.
const MOST: usize = 64;
/// Events that wait for one follower.
const WAITING: usize = 64;
/// Time between comments.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How often it is asked whether a follower may still look.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most records that are told before the first new one.
const MOST_LAST: usize = 1_000;
/// Most records that are looked through for them where a filter leaves some out.
const LOOKED_THROUGH: usize = 5_000;
/// Records of one look.
const AT_ONCE: usize = 500;

/// Who is followed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    task: Option<String>,
    outcome: Option<String>,
    route: Option<String>,
    last: Option<usize>,
}

/// How many follow.
#[derive(Debug, Default)]
pub(crate) struct Followers(AtomicUsize);

/// A place among the followers, given back when it is dropped.
struct Place(Arc<Followers>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Followers {
    fn place(self: &Arc<Self>) -> Result<Place, Refused> {
        let place = Place(Arc::clone(self));
        if self.0.fetch_add(1, Ordering::Relaxed) >= MOST {
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, format!("{MOST} follow already; close one")));
        }
        Ok(place)
    }
}

impl Wanted {
    fn takes(&self, record: &DecisionRecord) -> bool {
        let object = &record.object;
        let task = self.task.as_deref().is_none_or(|it| glob::matches(it, &object.task));
        let outcome = self.outcome.as_deref().is_none_or(|it| glob::matches(it, &object.outcome));
        let route = self.route.as_deref().is_none_or(|it| {
            let served = object.served_by.as_deref().is_some_and(|name| glob::matches(it, name));
            served || object.attempts.iter().any(|attempt| glob::matches(it, &attempt.route))
        });
        task && outcome && route
    }

    fn takes_all(&self) -> bool {
        self.task.is_none() && self.outcome.is_none() && self.route.is_none()
    }

    /// The newest records that are wanted, oldest first: at most so many, from among the newest 5,000.
    async fn past(&self, store: &Store, most: usize) -> Result<Vec<String>, StoreError> {
        // What was answered a moment ago may still wait to be written.
        store.flush().await;
        let all = self.takes_all();
        let limit = if all { most } else { AT_ONCE };
        let (mut found, mut before, mut n_read) = (Vec::new(), None, 0);
        while found.len() < most && n_read < LOOKED_THROUGH {
            let wanted = switchback_store::Wanted { limit, before, ..switchback_store::Wanted::default() };
            let page = store.search(wanted).await?;
            n_read += page.records.len();
            let is_wanted = |it: &String| all || serde_json::from_str(it).is_ok_and(|it| self.takes(&it));
            found.extend(page.records.into_iter().filter(is_wanted));
            before = page.older;
            if before.is_none() {
                break;
            }
        }
        found.truncate(most);
        found.reverse();
        Ok(found)
    }
}

pub(super) async fn follow(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let admin = desk.admin.clone();
    // First the ear, then the past: nothing falls between them.
    let mut events = admin.shared.events.subscribe();
    let mut past = Vec::new();
    if let Some(last) = wanted.last.filter(|n| *n > 0) {
        past = wanted.past(&admin.shared.store, last.min(MOST_LAST)).await.map_err(|it| Refused::store(&it))?;
    }
    live(&desk.clone(), visitor.clone(), move |to| async move {
        for record in past {
            to.send(event("request", &record)).await?;
        }
        loop {
            let next = events.recv().await;
            if !desk.holds(&visitor) {
                return Ok(());
            }
            match next {
                Ok(record) if wanted.takes(&record) => {
                    to.send(event("request", &serde_json::to_string(&*record).unwrap_or_default())).await?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(n)) => to.send(event("missed", &n.to_string())).await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    })
}

/// An endless answer of events, made by a task that ends when its reader goes or may no longer look.
pub(super) fn live<F>(
    desk: &Desk,
    visitor: Visitor,
    make: impl FnOnce(mpsc::Sender<Bytes>) -> F + Send + 'static,
) -> Result<Response, Refused>
where
    F: Future<Output = Result<(), mpsc::error::SendError<Bytes>>> + Send + 'static,
{
    let place = desk.admin.followers.place()?;
    let (to, from) = mpsc::channel(WAITING);
    let tasks: &Tasks = &desk.admin.tasks;
    let (desk, line) = (desk.clone(), to.clone());
    tasks.spawn_unwaited(async move {
        let _place = place;
        tokio::select! {
            // Whoever reads has gone: nobody is left to tell.
            _ = make(to) => {}
            () = kept(&desk, &visitor, &line) => {}
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::new(Events(from))).into_response())
}

/// Tells a follower every now and then that we are here, for as long as they are and may look.
async fn kept(desk: &Desk, visitor: &Visitor, line: &mpsc::Sender<Bytes>) {
    let mut comment = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    let mut look = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    loop {
        tokio::select! {
            () = line.closed() => return,
            _ = look.tick() => {
                if !desk.holds(visitor) {
                    return;
                }
            }
            _ = comment.tick() => {
                // Where the line is full, other events are on their way.
                let _ = line.try_send(Bytes::from_static(b": still here\n\n"));
            }
        }
    }
}

/// One event; its data must be one line or several, never a carriage return.
pub(super) fn event(name: &str, data: &str) -> Bytes {
    let mut text = format!("event: {name}\n");
    for line in data.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text.into()
}

/// A body of events.
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.0.poll_recv(cx).map(|it| it.map(|data| Ok(Frame::data(data))))
    }
}
