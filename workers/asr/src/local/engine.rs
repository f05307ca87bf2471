//! The engine itself: loaded once, shared by all who transcribe.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use earmark_core::{ClipText, Engine};
use tokio::sync::oneshot;

use super::model::{Model, window_frames};
use super::recognise::Recogniser;
use super::worker::{Line, Waiting, work};
use crate::{AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, Sound, Transcriber};

/// Whisper listens to 30 s; the rest is for the silence that tells it that the speech is over.
const LONGEST_CLIP_MS: u64 = 30_000;
/// The shared library that the binding's headers belong to, and the arithmetic.
const LIBRARY: &str = "ctranslate2 4.8.4 int8";

/// How the built-in engine is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
    /// Folder of a CTranslate2 Whisper model: `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt` or
    /// `.json`. Default: `engine/model`.
    pub model_path: PathBuf,
    /// Compute threads, at least one. Each works on its own batch and holds its own copy of the weights.
    /// Default: 1.
    pub threads: usize,
    /// Clips that one thread takes at once, at least one; memory grows with it. Default: 4.
    pub batch: usize,
    /// Hypotheses followed at once, at least one: 5 was not better than 1 on the recordings measured. Default: 1.
    pub beam: usize,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self { model_path: "engine/model".into(), threads: 1, batch: 4, beam: 1 }
    }
}

/// Whisper, with its own threads. Dropping it lets them finish the batches they are at, and waits for that.
pub struct LocalEngine {
    line: Arc<Line>,
    threads: Vec<JoinHandle<()>>,
    languages: Vec<String>,
    name: Engine,
    in_flight: usize,
}

impl LocalEngine {
    /// Loads the model and starts the threads. Takes about half a second for the base model.
    ///
    /// # Errors
    /// [`AsrError::NotLoaded`] naming the file that is missing or damaged.
    pub fn load(options: &LocalOptions) -> Result<Self, AsrError> {
        let threads = options.threads.max(1);
        let batch = options.batch.max(1);
        let model = Model::load(&options.model_path, threads)?;
        let name = Engine {
            name: "local".into(),
            model: name(&options.model_path),
            version: format!("{LIBRARY}, weights {}", model.fingerprint),
        };
        let languages = model.vocabulary.languages().to_vec();
        let recogniser = Arc::new(Recogniser::new(model, options.beam.max(1)));
        let mut engine = Self {
            line: Arc::new(Line::default()),
            threads: Vec::with_capacity(threads),
            languages,
            name,
            in_flight: Self::limits_with(options).in_flight,
        };
        for number in 0..threads {
            let (line, recogniser) = (Arc::clone(&engine.line), Arc::clone(&recogniser));
            let thread = std::thread::Builder::new()
                .name(format!("asr-{number}"))
                .spawn(move || {
                    work(
                        &line,
                        batch,
                        |request| window_frames(request.sound.samples().len()),
                        |requests| recogniser.recognise(requests),
                    )
                })
                .map_err(|error| AsrError::NotLoaded { detail: format!("cannot start a thread: {error}") })?;
            engine.threads.push(thread);
        }
        Ok(engine)
    }

    /// What an engine with `options` will take.
    pub(super) fn limits_with(options: &LocalOptions) -> ClipLimits {
        // One batch in work and one waiting: no thread idles while callers prepare the next.
        let in_flight = 2 * options.threads.max(1) * options.batch.max(1);
        ClipLimits { max_ms: LONGEST_CLIP_MS, in_flight, takes_files: false }
    }

    /// What an engine with `options` will be called, the weights aside.
    pub(super) fn name_before_loading(options: &LocalOptions) -> Engine {
        Engine { name: "local".into(), model: name(&options.model_path), version: LIBRARY.into() }
    }

    fn check(&self, request: &ClipRequest) -> Result<(), AsrError> {
        if matches!(request.sound, Sound::File { .. }) {
            return Err(AsrError::Failed { detail: "the built-in engine takes samples, not files".into() });
        }
        let length_ms = request.sound.duration_ms();
        if length_ms > LONGEST_CLIP_MS {
            return Err(AsrError::TooLong { length_ms, max_ms: LONGEST_CLIP_MS });
        }
        let asked: &[String] = match &request.language {
            LanguageChoice::Fixed(language) => std::slice::from_ref(language),
            LanguageChoice::Detect { candidates, likely: _ } => candidates,
        };
        match asked.iter().find(|language| !self.languages.contains(language)) {
            Some(language) => Err(AsrError::UnknownLanguage { language: language.clone() }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Transcriber for LocalEngine {
    fn engine(&self) -> Engine {
        self.name.clone()
    }

    fn limits(&self) -> ClipLimits {
        ClipLimits { max_ms: LONGEST_CLIP_MS, in_flight: self.in_flight, takes_files: false }
    }

    fn billed_ms(&self, _: u64) -> u64 {
        0
    }

    async fn transcribe(&self, request: ClipRequest, _: &dyn Hearing) -> Result<ClipText, AsrError> {
        self.check(&request)?;
        let (answer, receiver) = oneshot::channel();
        self.line.push(Waiting { request, answer })?;
        // Without an answer the thread is gone.
        receiver.await.unwrap_or(Err(AsrError::Closed))
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        self.line.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the recogniser panicked");
            }
        }
    }
}

/// What the report calls the model: the folder's name, for the folder that `make setup` fills the model in it.
fn name(folder: &Path) -> String {
    if folder.ends_with("engine/model") {
        return "whisper-base".into();
    }
    folder.file_name().map_or_else(|| "whisper".into(), |name| name.to_string_lossy().into_owned())
}
