//! Recognisers elsewhere: GLM-ASR, and servers that speak OpenAI's dialect.
//!
//! [`GlmClient`] makes a clip a file (`upload`, `mp3`) and sends it with what is known about it (`form`, `token`). What
//! comes back (`body`) is an answer in one piece (`reply`) or in many (`events`, `stream`), or a complaint (`fault`, and
//! in it perhaps an instant: `reset`). `heard` decides what of an answer is believed, `language` in which language it is.

mod body;
mod client;
mod events;
mod fault;
mod form;
mod heard;
mod language;
mod mp3;
mod options;
mod reply;
mod reset;
mod stream;
mod token;
mod upload;

pub use client::GlmClient;
pub use options::{Billing, Dialect, GlmAuth, GlmOptions, GlmTimeouts, HotwordSpelling};
pub use upload::wav;
