//! `POST /api/paas/v4/audio/transcriptions` and `POST /v1/audio/transcriptions`: earmark as GLM-ASR itself.
//!
//! ```text
//!  answer                      one request from its head to its answer
//!    | body                    read within bounds of size, time and memory
//!    | form                    multipart, taken apart
//!    | fields                  GLM-ASR's and OpenAI's fields, checked; languages by their names (language)
//!    | desk::transcribe        an account transcribes it
//!    +- reply                  the text in one piece, as the caller wants it (text)
//!    +- stream                 the text as it comes
//!    +- fault                  everything that can be said instead
//! ```

mod answer;
mod body;
mod fault;
mod fields;
mod form;
mod language;
mod reply;
mod stream;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

pub use answer::Service;

/// Both paths, with bounds and errors of their own.
pub fn routes(service: Service) -> Router {
    Router::new()
        .route("/api/paas/v4/audio/transcriptions", any(answer::answer))
        .route("/v1/audio/transcriptions", any(answer::answer))
        .with_state(Arc::new(service))
}
