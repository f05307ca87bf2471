//! How the built-in engine is set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Memory that an engine may take besides its model, in bytes, and for each clip that it works on. Measured with Whisper
/// base: 100 MB for library and vocabulary, 60 MB a clip; models with more layers and wider ones take up to 400 MB a clip.
const BESIDES_BYTES: u64 = 1 << 30;
const CLIP_BYTES: u64 = 512 << 20;
/// Of the weights' size: they are turned from half precision into what is computed with, and packed.
const WEIGHTS: u64 = 6;

/// How the built-in engine is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
    /// The engine's program.
    pub program: PathBuf,
    /// Folder of a CTranslate2 Whisper model: `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt` or
    /// `.json`. Default: `engine/model`.
    pub model_path: PathBuf,
    /// Compute threads, at least one, all on the same weights; each works on its own batch. Default: 1.
    pub threads: usize,
    /// Clips that one thread takes at once, at least one; memory grows with it. Default: 1.
    pub batch: usize,
    /// Hypotheses followed at once, at least one: 5 was not better than 1 on the recordings measured. Default: 1.
    pub beam: usize,
    /// An engine that has had nothing to do for so long is ended, and started again with the next clip. Default: 300 s.
    pub idle_unload: Duration,
    /// Longest time for a batch, and for loading the model. Default: 300 s.
    pub deadline: Duration,
    /// Memory that the engine may take, in bytes; `None` for what suits the model. Default: `None`.
    pub memory_bytes: Option<u64>,
}

impl LocalOptions {
    /// The usual ones, with `program` as the engine.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            model_path: "engine/model".into(),
            threads: 1,
            batch: 1,
            beam: 1,
            idle_unload: Duration::from_secs(300),
            deadline: Duration::from_secs(300),
            memory_bytes: None,
        }
    }

    /// Memory that the engine may take, for weights of so many bytes.
    pub(super) fn memory_limit(&self, weights_bytes: u64) -> u64 {
        let clips = u64::try_from(self.threads * self.batch).unwrap_or(u64::MAX);
        self.memory_bytes.unwrap_or(BESIDES_BYTES + WEIGHTS * weights_bytes + clips * CLIP_BYTES)
    }

    /// What the report calls the model: the folder's name, for the folder that `make setup` fills the model in it.
    pub(super) fn model_name(&self) -> String {
        let folder: &Path = &self.model_path;
        if folder.ends_with("engine/model") {
            return "whisper-base".into();
        }
        folder.file_name().map_or_else(|| "whisper".into(), |name| name.to_string_lossy().into_owned())
    }
}
