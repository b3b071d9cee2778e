//! Decision records: the newest, and one by its name.

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use switchback_store::Found;

use super::{Admin, Refused};

/// Most records of one page.
const MOST: usize = 1_000;

/// Which records are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    limit: Option<usize>,
    task: Option<String>,
    outcome: Option<String>,
}

/// The newest records, newest first.
pub(super) async fn list(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Result<Response, Refused> {
    admin.shared.store.flush().await;
    let limit = wanted.limit.unwrap_or(100).min(MOST);
    let found = admin.shared.store.recent(limit, wanted.task.as_deref(), wanted.outcome.as_deref()).await;
    let found = found.map_err(|it| Refused::store(&it))?;
    Ok(json(format!("[{}]", found.join(","))))
}

/// One record by its name, a unique beginning of it, or `last`.
pub(super) async fn one(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Response, Refused> {
    let store = &admin.shared.store;
    // What was answered a moment ago may still wait to be written.
    store.flush().await;
    if id == "last" {
        let last = store.last().await.map_err(|it| Refused::store(&it))?;
        let none = || Refused::new(StatusCode::NOT_FOUND, "no request has been recorded yet");
        return last.map(json).ok_or_else(none);
    }
    match store.find(&id).await.map_err(|it| Refused::store(&it))? {
        Found::One(record) => Ok(json(record)),
        Found::Many(ids) => {
            Err(Refused::new(StatusCode::NOT_FOUND, format!("{id} is the beginning of several: {}", ids.join(", "))))
        }
        Found::None { oldest_ms } => {
            let oldest = oldest_ms.map_or_else(
                || "no request has been recorded yet".to_owned(),
                |ms| format!("the oldest request that is kept is from {}", crate::clock::shown(ms)),
            );
            Err(Refused::new(StatusCode::NOT_FOUND, format!("{id} is not here: {oldest}")))
        }
    }
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
