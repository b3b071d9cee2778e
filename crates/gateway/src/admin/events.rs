//! Finished requests as they finish: server-sent events, one decision record each.
//!
//! A follower that lags loses events and is told how many. A comment every ten seconds keeps the line alive and finds
//! out who has gone.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde::Deserialize;
use switchback_config::glob;
use switchback_core::record::DecisionRecord;
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio::time::timeout;

use super::{Admin, Refused};
use crate::tasks::Tasks;

/// Followers at once.
const MOST: usize = 64;
/// Events that wait for one follower.
const WAITING: usize = 64;
/// Time between comments.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Most records that are told before the first new one.
const MOST_LAST: usize = 1_000;

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
        let outcome = self.outcome.as_deref().is_none_or(|it| *it == *object.outcome);
        let route = self.route.as_deref().is_none_or(|it| {
            let served = object.served_by.as_deref().is_some_and(|name| glob::matches(it, name));
            served || object.attempts.iter().any(|attempt| glob::matches(it, &attempt.route))
        });
        task && outcome && route
    }
}

pub(super) async fn follow(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Result<Response, Refused> {
    // First the ear, then the past: nothing falls between them.
    let mut events = admin.shared.events.subscribe();
    let mut past = Vec::new();
    if let Some(last) = wanted.last.filter(|n| *n > 0) {
        admin.shared.store.flush().await;
        let found = admin.shared.store.recent(last.min(MOST_LAST), wanted.task.as_deref(), wanted.outcome.as_deref());
        past = found.await.map_err(|it| Refused::store(&it))?;
        past.reverse();
    }
    live(&admin, move |to| async move {
        for record in past {
            to.send(event("request", &record)).await?;
        }
        loop {
            match timeout(KEEP_ALIVE, events.recv()).await {
                Err(_) => to.send(Bytes::from_static(b": still here\n\n")).await?,
                Ok(Ok(record)) if wanted.takes(&record) => {
                    to.send(event("request", &serde_json::to_string(&*record).unwrap_or_default())).await?;
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(n))) => to.send(event("missed", &n.to_string())).await?,
                Ok(Err(RecvError::Closed)) => return Ok(()),
            }
        }
    })
}

/// An endless answer of events, made by a task that ends when its reader goes.
pub(super) fn live<F>(
    admin: &Admin,
    make: impl FnOnce(mpsc::Sender<Bytes>) -> F + Send + 'static,
) -> Result<Response, Refused>
where
    F: Future<Output = Result<(), mpsc::error::SendError<Bytes>>> + Send + 'static,
{
    let place = admin.followers.place()?;
    let (to, from) = mpsc::channel(WAITING);
    let tasks: &Tasks = &admin.tasks;
    tasks.spawn_unwaited(async move {
        let _place = place;
        // Whoever reads has gone: nobody is left to tell.
        let _ = make(to).await;
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::new(Events(from))).into_response())
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
