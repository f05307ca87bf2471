//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use earmark_core::Failure;
use serde_json::{Value, json};

use super::Api;

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The database can be written, and how much waits.
pub async fn ready(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    if let Err(error) = api.database.check().await {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "error": error.problem()})));
    }
    match api.journal.counts().await {
        Ok(counts) => {
            let jobs: Vec<Value> = counts
                .iter()
                .map(|count| json!({"lane": count.lane, "state": count.state, "jobs": count.jobs, "oldest_age_ms": count.oldest_age_ms}))
                .collect();
            (StatusCode::OK, Json(json!({"ready": true, "jobs": jobs})))
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "error": error.problem()}))),
    }
}
