//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use earmark_core::Failure;
use earmark_journal::{AccountState, JournalError};
use serde_json::{Value, json};

use super::Api;

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The database can be written, the queue be reached, every account may be used and its permits' store be reached, and how much waits.
pub async fn ready(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    match state(&api).await {
        Ok(ready) if ready["ready"] == true => (StatusCode::OK, Json(ready)),
        Ok(not_ready) => (StatusCode::SERVICE_UNAVAILABLE, Json(not_ready)),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "error": error.problem()}))),
    }
}

async fn state(api: &Api) -> Result<Value, JournalError> {
    api.database.check().await?;
    let jobs: Vec<Value> = api
        .journal
        .counts()
        .await?
        .iter()
        .map(|count| json!({"lane": count.lane, "state": count.state, "jobs": count.jobs, "oldest_age_ms": count.oldest_age_ms}))
        .collect();
    let mut stopped = Vec::new();
    for account in api.account_states.all().await? {
        // A provider that is only overloaded comes back by itself; a person has to see to the rest.
        if let AccountState::Paused { until_ms, code, message } = &account.state {
            let until = until_ms.map(earmark_core::rfc3339);
            stopped.push(json!({"account": account.name, "code": code, "message": message, "until": until}));
        }
    }
    let without_permits: Vec<String> = api
        .accounts
        .all()
        .iter()
        .filter(|account| !account.permits.status().is_reachable)
        .map(|account| account.name.clone())
        .collect();
    let queue = api.broker.as_ref().and_then(|broker| broker.health().problem());
    Ok(json!({
        "ready": stopped.is_empty() && without_permits.is_empty() && queue.is_none(), "jobs": jobs,
        "stopped_accounts": stopped, "accounts_without_permits": without_permits, "queue": queue,
    }))
}
