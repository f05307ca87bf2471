//! Recognisers behind one trait: a clip in, its text out.
//!
//! [`Transcriber`] is the seam; `local` is the engine built in, `glm` the client of recognisers elsewhere.

mod doubt;
pub mod glm;
mod letters;
pub mod local;
mod transcriber;

pub use glm::{Billing, Dialect, GlmAuth, GlmClient, GlmOptions, GlmTimeouts, HotwordSpelling};
pub use local::{LocalEngine, LocalOptions};
pub use transcriber::{
    AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, Transcriber, UploadFormat,
};
