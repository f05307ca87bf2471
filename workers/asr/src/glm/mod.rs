//! Recognisers elsewhere: GLM-ASR, and servers that speak OpenAI's dialect.
//!
//! ```text
//! ClipRequest -> client            the Transcriber: one request for each clip, sent once
//!                |-- upload            the clip's samples as a WAV file
//!                |   |-- mp3               or as MP3, by the ffmpeg program
//!                |-- form              the file and what is known about it, as fields
//!                |-- authorization     the key, or a token made of it
//!                body              what comes back, bounded in size and in time
//!                |-- json_answer       an answer in one piece
//!                |-- streamed_answer   an answer in many, made of `server_sent_events`
//!                |-- fault             a complaint, and what it means
//!                |   |-- resume_time       the instant in it at which the account goes on by itself
//! ClipText   <-- clip_text         what of an answer is believed, with times
//!                |-- language          in which language it is
//! ```
//!
//! `options` is how all of it is set up.

mod authorization;
mod body;
mod client;
mod clip_text;
mod fault;
mod form;
mod json_answer;
mod language;
mod mp3;
mod options;
mod resume_time;
mod server_sent_events;
mod streamed_answer;
mod upload;

pub use client::GlmClient;
pub use options::{Billing, Dialect, GlmAuth, GlmOptions, GlmTimeouts, HotwordSpelling};
pub use upload::wav;
