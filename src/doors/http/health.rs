//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use earmark_core::Failure;

use super::api::Api;
use crate::desk::readiness::{Readiness, Unready};

/// When whoever asked may ask again after the database did not answer, in seconds.
const AGAIN_SECS: &str = "2";

/// The process answers; that is all it says. What is away is no reason to start it anew: it goes on by itself.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether everything is there that this process needs, and how much waits: 200, or 503 with what is in its way.
pub async fn ready(State(api): State<Api>) -> Response {
    answer(&api, |readiness| readiness.is_ready).await
}

/// The same answer; 200 where offers are accepted: for who routes them.
pub async fn accepting(State(api): State<Api>) -> Response {
    answer(&api, |readiness| readiness.is_accepting).await
}

/// The same answer; 200 where jobs can be worked on, here or elsewhere: for who watches over the whole.
pub async fn working(State(api): State<Api>) -> Response {
    answer(&api, |readiness| readiness.is_working).await
}

async fn answer(api: &Api, is_well: impl Fn(&Readiness) -> bool) -> Response {
    match api.desk.readiness(&api.accounts).await {
        Ok(readiness) if is_well(&readiness) => (StatusCode::OK, Json(readiness)).into_response(),
        Ok(readiness) => (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response(),
        Err(error) => {
            let unready = Unready::because(error.problem());
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN_SECS)], Json(unready)).into_response()
        }
    }
}
