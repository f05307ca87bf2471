//! `POST /api/paas/v4/audio/transcriptions` and `POST /v1/audio/transcriptions`: earmark as GLM-ASR itself.
//!
//! One request: `answer` from head to answer, `body` reads it within bounds, `form` takes it apart, `wanted` checks
//! the fields, `sound` makes samples of the upload, `asking` has an account transcribe it, `reply` and `stream` say it,
//! `fault` is everything that can be said instead.

mod answer;
mod asking;
mod body;
mod fault;
mod form;
mod language;
mod reply;
mod sound;
mod stream;
mod text;
mod wanted;

pub use answer::{Service, answer};
