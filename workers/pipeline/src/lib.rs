//! One recording's way: fetch, decode, segment, transcribe, stitch, flag, write. One file per stage; [`Pipeline::run`]
//! is the list.

mod decode;
mod error;
mod fetch;
mod flag;
mod pipeline;
mod progress;
pub mod render;
mod segment;
mod stitch;
mod transcribe;
mod write;

pub use error::JobError;
pub use flag::RuleBook;
pub use pipeline::{Pipeline, Settings};
pub use progress::{NoProgress, Progress, Stage};
pub use stitch::Speakers;
