//! Recognisers behind one trait: a clip in, its text out.
//!
//! ```text
//! transcriber      the seam: the Transcriber trait, a clip's request, what may go wrong
//! |-- local        the built-in engine, in a process of its own (`workers/engine`), which speaks `local::wire`
//! |-- glm          the client of recognisers elsewhere: GLM-ASR, and servers that speak OpenAI's dialect
//! hallucination    what a recogniser says without having heard it, for `glm` and for the engine
//! scripts          which script a character belongs to
//! ```

pub mod glm;
pub mod hallucination;
pub mod local;
pub mod scripts;
mod transcriber;

pub use glm::{Billing, Dialect, GlmAuth, GlmClient, GlmOptions, GlmTimeouts, HotwordSpelling};
pub use local::{LocalEngine, LocalOptions};
pub use transcriber::{
    AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, NotHearing, Sound, Transcriber, UploadFormat,
};
