//! `/v1/queue`

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use earmark_core::{Lane, Tenant};
use serde::Deserialize;

use super::api::Api;
use super::auth::Caller;
use super::error::ApiError;
use crate::desk::views::{PausedView, QueueView, ResumedView};

/// What is paused or resumed; everything where nothing is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    lane: Option<Lane>,
    tenant: Option<Tenant>,
}

/// How many jobs stand where, who works, what is paused, and what lies in the streams.
pub async fn stats(State(api): State<Api>) -> Result<Json<QueueView>, ApiError> {
    Ok(Json(api.desk.queue().await?))
}

/// Has nothing more taken of a lane, a tenant or at all, and tells what is paused then.
pub async fn pause(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    part: Result<Json<Part>, JsonRejection>,
) -> Result<Json<PausedView>, ApiError> {
    let Json(part) = part.map_err(|rejection| malformed(&rejection))?;
    Ok(Json(api.desk.pause(part.lane, part.tenant.as_ref(), &caller.actor).await?))
}

/// Lifts the pauses of a lane, a tenant or all of them, and tells what is still paused then.
pub async fn resume(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    part: Result<Json<Part>, JsonRejection>,
) -> Result<Json<ResumedView>, ApiError> {
    let Json(part) = part.map_err(|rejection| malformed(&rejection))?;
    Ok(Json(api.desk.resume(part.lane, part.tenant.as_ref(), &caller.actor).await?))
}

fn malformed(rejection: &JsonRejection) -> ApiError {
    ApiError::new(rejection.status(), "queue.malformed", rejection.body_text())
        .hint("send JSON: lane, tenant, both, or {} for everything")
}
