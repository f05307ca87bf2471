//! Recognisers elsewhere: GLM-ASR, and servers that speak OpenAI's dialect.

mod client;
mod options;

pub use client::GlmClient;
pub use options::{Billing, Dialect, GlmAuth, GlmOptions, GlmTimeouts, HotwordSpelling};
