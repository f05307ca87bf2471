//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use earmark_core::Failure;

use super::api::Api;
use crate::desk::readiness::Unready;

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the work can be done, and how much waits: 200, or 503 with what is in its way.
pub async fn ready(State(api): State<Api>) -> Response {
    match api.desk.readiness(&api.accounts).await {
        Ok(readiness) if readiness.is_ready => (StatusCode::OK, Json(readiness)).into_response(),
        Ok(readiness) => (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response(),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(Unready { is_ready: false, error: error.problem() })).into_response()
        }
    }
}
