//! Recognisers behind one trait: a clip in, its text out.
//!
//! [`Transcriber`] is the seam; `local` has the built-in engine in a process of its own (`workers/engine`), `glm` is the
//! client of recognisers elsewhere. `doubt` tells what a recogniser says without having heard it.

pub mod doubt;
pub mod glm;
pub mod letters;
pub mod local;
mod transcriber;

pub use glm::{Billing, Dialect, GlmAuth, GlmClient, GlmOptions, GlmTimeouts, HotwordSpelling};
pub use local::{LocalEngine, LocalOptions};
pub use transcriber::{
    AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, Transcriber, UploadFormat,
};
