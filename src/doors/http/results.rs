//! `/v1/jobs/{id}/report`, `/v1/jobs/{id}/transcript.{srt,vtt,txt}` and `/v1/jobs/{id}/release`

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use earmark_core::Report;
use serde::Deserialize;

use super::api::Api;
use super::auth::Caller;
use super::error::{ApiError, Path, job_id};
use crate::desk::results::{Format, StoredResult};
use crate::desk::views::{HoldingView, ReleasedView};

/// The report.
pub async fn report(State(api): State<Api>, Path(id): Path<String>) -> Result<impl IntoResponse, ApiError> {
    rendered(Format::Json, find(&api, &id).await?).await
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
    rendered(format, find(&api, &id).await?).await
}

/// What a reviewer may write down when releasing a result.
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
) -> Result<Json<ReleasedView>, ApiError> {
    let id = job_id(&id)?;
    let malformed = |error: serde_json::Error| {
        ApiError::bad_request("result.release", error.to_string()).hint("send nothing, or JSON: {\"note\": …}")
    };
    let release: Release =
        if body.is_empty() { Release::default() } else { serde_json::from_slice(&body).map_err(malformed)? };
    Ok(Json(api.desk.release(&id, &caller.actor, release.note.as_deref()).await?))
}

async fn rendered(format: Format, report: Report) -> Result<impl IntoResponse + use<>, ApiError> {
    // Finding where words end in hours of Thai takes seconds.
    let text = tokio::task::spawn_blocking(move || format.render(&report)).await;
    let text = text.map_err(|_| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "http.stopping", "the service is stopping").hint("ask again")
    })?;
    Ok(([(CONTENT_TYPE, format.media_type())], text))
}

async fn find(api: &Api, id: &str) -> Result<Report, ApiError> {
    match api.desk.result(&job_id(id)?).await? {
        StoredResult::Report(_, HoldingView { is_held: true, held_since, .. }) => {
            let since = held_since.unwrap_or_default();
            let message = format!("a rule holds the result back for review, since {since}");
            Err(ApiError::new(StatusCode::LOCKED, "result.held", message)
                .hint("a reviewer releases it: POST /v1/jobs/{id}/release, or `earmark results release ID --by NAME`"))
        }
        StoredResult::Report(report, _) => Ok(*report),
        StoredResult::None(job) => {
            let message = format!("the job has no report, it is {}", job.state);
            let error = ApiError::new(StatusCode::CONFLICT, "job.no_report", message);
            Err(if job.state.is_final() { error } else { error.hint("ask again once GET /v1/jobs/{id} says done") })
        }
    }
}
