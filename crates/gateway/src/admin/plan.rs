//! What would happen to the next request, from what is known now. Makes no call and changes nothing: it walks a copy.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use switchback_config::{Supposed, Unsupposed};
use switchback_core::rehearse::{Forecast, forecast};

use super::{Admin, Refused};

/// Most tokens that a prompt can be supposed to have.
const MOST_TOKENS: u64 = 10_000_000;

/// Which request is supposed.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    task: String,
    surface: Option<String>,
    segment: Option<String>,
    tokens: Option<u64>,
    /// `SELECTOR=FAULT`, several separated by `;`.
    #[serde(rename = "if")]
    hypotheses: Option<String>,
}

pub(super) async fn plan(State(admin): State<Admin>, Query(asked): Query<Asked>) -> Result<Json<Forecast>, Refused> {
    let shared = &admin.shared;
    let snapshot = shared.snapshot.load();
    let supposed = Supposed {
        task: &asked.task,
        surface: asked.surface.as_deref(),
        segment: asked.segment.as_deref(),
        tokens: asked.tokens.unwrap_or(100).min(MOST_TOKENS),
    };
    let hypotheses = asked.hypotheses.as_deref().unwrap_or_default();
    let hypotheses = hypotheses.split(';').filter(|it| !it.is_empty());
    let scenario = supposed.scenario(&snapshot.policy, hypotheses).map_err(|it| match it {
        Unsupposed::Unknown(why) => Refused::new(StatusCode::NOT_FOUND, why),
        Unsupposed::Wrong(why) => Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why),
    })?;
    let found = forecast(&snapshot.policy, &scenario, &snapshot.health.copied(), shared.clock.now());
    found.map(Json).ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "there is no such task"))
}
