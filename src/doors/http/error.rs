//! Errors of the API: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::rejection::PathRejection;
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use earmark_core::{Disposition, Failure, JobId, Problem};
use serde::Serialize;

use crate::desk::{JournalError, instant};

/// An error with its HTTP status.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    problem: Problem,
    /// When the same request may go well.
    retry_after_secs: Option<u64>,
}

/// What a caller is told to wait where nothing better is known.
const RETRY_AFTER_SECS: u64 = 5;

impl ApiError {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let problem = Problem { code: code.into(), message: message.into(), hint: None };
        Self { status, problem, retry_after_secs: None }
    }

    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn hint(mut self, hint: &str) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }
}

/// An error as it is sent.
#[derive(Serialize)]
struct Body {
    error: Problem,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after_secs.map(|secs| [(RETRY_AFTER, secs.to_string())]);
        (self.status, retry_after, Json(Body { error: self.problem })).into_response()
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        let status = status_of(&error);
        if status.is_server_error() {
            tracing::error!(%error, "the database failed a request");
        }
        let wait = match error.disposition() {
            Disposition::RetryAfter(wait) => wait.as_secs().max(1),
            Disposition::Retry | Disposition::Release | Disposition::Fail => RETRY_AFTER_SECS,
        };
        let retry_after_secs = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(wait);
        Self { status, problem: error.problem(), retry_after_secs }
    }
}

/// 4xx where the request is to be mended, 503 where the same request may go well later, and 500 where it never will
/// before somebody has looked at the database.
fn status_of(error: &JournalError) -> StatusCode {
    match error {
        JournalError::NulInText { .. } | JournalError::TextTooLong { .. } => StatusCode::BAD_REQUEST,
        JournalError::NoSuchJob(_)
        | JournalError::NoSuchAlert(_)
        | JournalError::NoSuchFinding { .. }
        | JournalError::NoSuchReplay(_) => StatusCode::NOT_FOUND,
        JournalError::LeaseLost(_)
        | JournalError::NotRetriable { .. }
        | JournalError::KeyTaken { .. }
        | JournalError::KeyNames(_)
        | JournalError::NothingBefore
        | JournalError::NotHeld(_) => StatusCode::CONFLICT,
        // A part of the body names it; the path is there.
        JournalError::NoSuchRuleSet(_) | JournalError::AmbiguousRuleSet(_) => StatusCode::UNPROCESSABLE_ENTITY,
        JournalError::BudgetSpent { .. } => StatusCode::TOO_MANY_REQUESTS,
        JournalError::Unreadable { .. } | JournalError::Encode { .. } | JournalError::Audit(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        JournalError::UnknownDatabase(_)
        | JournalError::Folder { .. }
        | JournalError::Open { .. }
        | JournalError::Missing { .. }
        | JournalError::NotADatabase { .. }
        | JournalError::Corrupt { .. }
        | JournalError::Full { .. }
        | JournalError::ReadOnly { .. }
        | JournalError::Locked { .. }
        | JournalError::Newer { .. }
        | JournalError::Older { .. }
        | JournalError::Migrate { .. }
        | JournalError::LockFile { .. }
        | JournalError::Unreachable { .. }
        | JournalError::Denied { .. }
        | JournalError::TooOld { .. }
        | JournalError::Pooled { .. }
        | JournalError::Conflict { .. }
        | JournalError::TooSlow { .. }
        | JournalError::Busy { .. }
        | JournalError::Database { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The job id in a path or a filter; 404 for what is none.
pub fn job_id(text: &str) -> Result<JobId, ApiError> {
    JobId::parse(text).map_err(|error| ApiError::new(StatusCode::NOT_FOUND, "job.unknown", error.to_string()))
}

/// The instant in the filter `since`, in milliseconds since the epoch; an error has `code`.
pub fn since_ms(text: Option<&str>, code: &str) -> Result<Option<i64>, ApiError> {
    let parsed = text.map(|text| {
        let wrong = |why| ApiError::bad_request(code, format!("since is `{text}`: {why}")).hint(instant::HINT);
        instant::parse(text).map_err(wrong)
    });
    parsed.transpose()
}

/// What a path names; a path that cannot be read is answered like every other mistake.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "http.path", rejection.body_text())
    }
}

pub async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "http.no_such_method",
        format!("{} does not answer {method}", uri.path()),
    )
    .hint("the header Allow names the methods it answers")
}

pub async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "http.no_such_path", format!("there is nothing at {}", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_well_later_says_when_to_ask_again() {
        let place = || "postgres://me@db/earmark".to_owned();
        let cases = [
            (JournalError::Full { place: place() }, StatusCode::SERVICE_UNAVAILABLE, Some("5")),
            (JournalError::ReadOnly { place: place() }, StatusCode::SERVICE_UNAVAILABLE, Some("5")),
            (JournalError::Busy { place: place(), waited_secs: 30 }, StatusCode::SERVICE_UNAVAILABLE, Some("5")),
            (JournalError::Missing { place: place() }, StatusCode::SERVICE_UNAVAILABLE, Some("60")),
            (JournalError::NoSuchAlert("a".into()), StatusCode::NOT_FOUND, None),
        ];
        for (error, status, wait) in cases {
            let code = error.code();
            let response = ApiError::from(error).into_response();
            let told = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!((response.status(), told), (status, wait), "{code}");
        }
    }
}
