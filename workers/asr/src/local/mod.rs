//! The engine built in: Whisper through CTranslate2.
//!
//! [`LocalEngine`] queues requests; its threads (`worker`) take what waits as a batch and give it to `recognise`:
//! log-mel windows (`mel`), the encoder and decoder (`model`), the language (`language`), what is said to the decoder
//! beforehand (`prompt`, `script`), and tokens to text and times (`vocabulary`, `timing`).

mod engine;
mod language;
mod late;
mod mel;
mod model;
mod prompt;
mod recognise;
mod script;
mod timing;
mod vocabulary;
mod worker;

pub use engine::{LocalEngine, LocalOptions};
pub use late::LateEngine;
