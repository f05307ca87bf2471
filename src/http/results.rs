//! `/v1/jobs/{id}/report` and `/v1/jobs/{id}/transcript.{srt,vtt,txt}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use earmark_core::Report;
use earmark_pipeline::render::Format;

use super::Api;
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

fn rendered(format: Format, report: &Report) -> Result<impl IntoResponse + use<>, ApiError> {
    Ok(([(CONTENT_TYPE, format.media_type())], format.render(report)))
}

async fn find(api: &Api, id: &str) -> Result<Report, ApiError> {
    let id = job_id(id)?;
    if let Some(report) = api.results.report(&id).await? {
        return Ok(report);
    }
    let job = api.journal.get(&id).await?;
    let error =
        ApiError::new(StatusCode::CONFLICT, "job.no_report", format!("the job has no report, it is {}", job.state));
    Err(if job.state.is_final() { error } else { error.hint("ask again once GET /v1/jobs/{id} says done") })
}
