//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use earmark_core::Failure;
use serde_json::{Value, json};

use crate::desk::health::{Health, Readiness};

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The database can be written, the queue be reached, every account may be used and its permits' store be reached, and how much waits.
pub async fn ready(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    match health.check().await {
        Ok(ready) if ready.is_ready() => (StatusCode::OK, Json(body(&ready))),
        Ok(not_ready) => (StatusCode::SERVICE_UNAVAILABLE, Json(body(&not_ready))),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "error": error.problem()}))),
    }
}

fn body(ready: &Readiness) -> Value {
    let jobs = ready.jobs.iter().map(|count| {
        json!({"lane": count.lane, "state": count.state, "jobs": count.jobs, "oldest_age_ms": count.oldest_age_ms})
    });
    let stopped = ready.stopped_accounts.iter().map(|account| {
        json!({"account": account.name, "code": account.code, "message": account.message, "until": account.until})
    });
    json!({
        "ready": ready.is_ready(), "jobs": jobs.collect::<Vec<_>>(),
        "stopped_accounts": stopped.collect::<Vec<_>>(),
        "accounts_without_permits": ready.accounts_without_permits, "queue": ready.queue,
    })
}
