//! Errors of the API: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::rejection::PathRejection;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use earmark_core::{Failure, Problem};
use earmark_journal::JournalError;
use serde_json::json;

/// An error with its HTTP status.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    problem: Problem,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, problem: Problem { code: code.into(), message: message.into(), hint: None } }
    }

    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn hint(mut self, hint: &str) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.problem}))).into_response()
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        let status = match &error {
            JournalError::NotRetriable { .. } | JournalError::NotHeld(_) | JournalError::KeyNames(_) => {
                StatusCode::CONFLICT
            }
            JournalError::NoSuchRuleSet(_) => StatusCode::UNPROCESSABLE_ENTITY,
            JournalError::NoSuchJob { .. } | JournalError::NoSuchFinding { .. } => StatusCode::NOT_FOUND,
            JournalError::NulInText { .. } | JournalError::TextTooLong { .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(%error, "the database failed a request");
        }
        Self { status, problem: error.problem() }
    }
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
