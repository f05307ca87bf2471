//! `/v1/jobs/{id}/report`, `/v1/jobs/{id}/transcript.{srt,vtt,txt}` and `/v1/jobs/{id}/release`

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use earmark_core::{Report, rfc3339};
use earmark_pipeline::render::Format;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::auth::Caller;
use super::error::{ApiError, Path};
use super::jobs::job_id;

/// The report.
pub async fn report(State(api): State<Api>, Path(id): Path<String>) -> Result<impl IntoResponse, ApiError> {
    rendered(Format::Json, &find(&api, &id).await?)
}

/// The transcript in the format that the file's ending names.
pub async fn transcript(
    State(api): State<Api>,
    Path((id, file)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let format = [Format::Srt, Format::Vtt, Format::Txt].into_iter().find(|format| format.file_name() == file);
    let format = format.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "http.no_such_path", format!("a job has no `{file}`"))
            .hint("use report, transcript.srt, transcript.vtt or transcript.txt")
    })?;
    rendered(format, &find(&api, &id).await?)
}

/// What a reviewer says when releasing a result.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    note: Option<String>,
}

/// Releases a held result, on record under the caller's name; the body is empty or `{"note": …}`.
pub async fn release(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = job_id(&id)?;
    let malformed = |error: serde_json::Error| {
        ApiError::bad_request("result.release", error.to_string()).hint("send nothing, or JSON: {\"note\": …}")
    };
    let said: Release =
        if body.is_empty() { Release::default() } else { serde_json::from_slice(&body).map_err(malformed)? };
    api.results.release_held(&id, &caller.actor, said.note.as_deref()).await?;
    Ok(Json(json!({"job_id": id, "held": false, "released_by": caller.actor})))
}

fn rendered(format: Format, report: &Report) -> Result<impl IntoResponse + use<>, ApiError> {
    Ok(([(CONTENT_TYPE, format.media_type())], format.render(report)))
}

async fn find(api: &Api, id: &str) -> Result<Report, ApiError> {
    let id = job_id(id)?;
    if let Some(report) = api.results.current_report(&id).await? {
        if let Some(holding) = api.results.review_hold(&id).await?.filter(earmark_journal::ReviewHold::is_held) {
            let message = format!("a rule holds the result back for review, since {}", rfc3339(holding.held_since_ms));
            return Err(ApiError::new(StatusCode::LOCKED, "result.held", message).hint(
                "a reviewer releases it: POST /v1/jobs/{id}/release, or `earmark results release ID --by NAME`",
            ));
        }
        return Ok(report);
    }
    let job = api.journal.get(&id).await?;
    let error =
        ApiError::new(StatusCode::CONFLICT, "job.no_report", format!("the job has no report, it is {}", job.state));
    Err(if job.state.is_final() { error } else { error.hint("ask again once GET /v1/jobs/{id} says done") })
}
