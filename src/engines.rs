//! Who transcribes: all that depends on the engine in use, behind one trait, and the one match that chooses it.
//!
//! ```text
//!  [asr] engine ── of() ──┬─ local   the engine built in: a process of its own, permits of this process
//!                         └─ glm     accounts at GLM-ASR and its kin: permits that all processes share
//!                 setup   what both answer
//! ```
//! A new engine is a word of [`EngineKind`], a file beside these two and an arm in [`of`].

mod glm;
mod local;
mod setup;

use crate::config::{Config, EngineKind};

pub use local::built_in;
pub use setup::{AccountParts, EngineSetup, Loading};

/// The engine that `config` names.
pub fn of(config: &Config) -> Box<dyn EngineSetup + '_> {
    match config.asr.engine {
        EngineKind::Local => Box::new(local::Local { config }),
        EngineKind::Glm => Box::new(glm::Glm { config }),
    }
}
