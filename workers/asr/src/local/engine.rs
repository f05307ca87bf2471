//! The built-in engine as a recogniser: requests wait in a queue, threads take them as batches to the engine's process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use earmark_core::{ClipText, Engine};
use tokio::sync::oneshot;

use super::listening_window::{LONGEST_CLIP_MS, window_frames};
use super::lock::locked;
use super::options::LocalOptions;
use super::proved_backends::ProvedBackend;
use super::request_queue::{RequestQueue, Taken, Waiting};
use super::supervisor::Supervisor;
use super::weights::Weights;
use crate::{AsrError, ClipLimits, ClipRequest, Hearing, Sound, Transcriber};

/// The shared library that `make setup` fetches.
const LIBRARY: &str = "ctranslate2 4.8.4";
/// What the model's folder must hold besides one of [`VOCABULARIES`].
const WEIGHTS: &str = "model.bin";
const FILES: [&str; 3] = [WEIGHTS, "config.json", "tokenizer.json"];
const VOCABULARIES: [&str; 2] = ["vocabulary.txt", "vocabulary.json"];

/// Whisper in a process of its own, which is there only while there is something to do. Dropping it ends the process.
pub struct LocalEngine {
    options: LocalOptions,
    queue: Arc<RequestQueue>,
    supervisor: Arc<Supervisor>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl LocalEngine {
    /// Looks whether the files are there. The engine's process is started with the first clip.
    ///
    /// # Errors
    /// [`AsrError::NotLoaded`] naming the file that is missing.
    pub fn new(options: LocalOptions) -> Result<Self, AsrError> {
        let options = LocalOptions { threads: options.threads.max(1), batch: options.batch.max(1), ..options };
        let folder = &options.model_path;
        let not_there =
            |path: std::path::PathBuf| AsrError::NotLoaded { detail: format!("{} is missing", path.display()) };
        if let Some(file) = FILES.iter().find(|file| !folder.join(file).is_file()) {
            return Err(not_there(folder.join(file)));
        }
        if !VOCABULARIES.iter().any(|file| folder.join(file).is_file()) {
            return Err(not_there(folder.join(VOCABULARIES[0])));
        }
        if !options.program.is_file() {
            return Err(not_there(options.program));
        }
        let supervisor = Arc::new(Supervisor::new(options.clone(), Weights::new(folder.join(WEIGHTS))));
        Ok(Self { options, queue: Arc::default(), supervisor, threads: Mutex::default() })
    }

    /// What the engine computes with: it is started, and proved where it was not in these surroundings. Blocks: for a
    /// proof some seconds.
    ///
    /// # Errors
    /// [`AsrError::NotLoaded`] with what is wrong, [`AsrError::Unavailable`] where it is killed again and again.
    pub fn start_proved(&self) -> Result<ProvedBackend, AsrError> {
        // They end it when nothing comes.
        self.start_threads()?;
        self.supervisor.start_proved().map_err(AsrError::from)
    }

    /// What the engine was proved to compute with in these surroundings, the library aside; nothing is started.
    pub fn proved(&self) -> Option<ProvedBackend> {
        self.supervisor.proved_before()
    }

    /// Has the engine prove itself, whatever was proved before. Blocks for some seconds.
    ///
    /// # Errors
    /// [`AsrError::NotLoaded`] with what each way to compute did, [`AsrError::Unavailable`] where it is killed again and
    /// again.
    pub fn prove(&self) -> Result<ProvedBackend, AsrError> {
        self.supervisor.prove_afresh().map_err(AsrError::from)
    }

    fn check(request: &ClipRequest) -> Result<(), AsrError> {
        if matches!(request.sound, Sound::File { .. }) {
            return Err(AsrError::Failed { detail: "the built-in engine takes samples, not files".into() });
        }
        let length_ms = request.sound.duration_ms();
        if length_ms > LONGEST_CLIP_MS {
            return Err(AsrError::TooLong { length_ms, max_ms: LONGEST_CLIP_MS });
        }
        Ok(())
    }

    /// One thread for each of the engine's: with the first clip.
    fn start_threads(&self) -> Result<(), AsrError> {
        let mut threads = locked(&self.threads);
        for number in threads.len()..self.options.threads {
            let (queue, options, supervisor) =
                (Arc::clone(&self.queue), self.options.clone(), Arc::clone(&self.supervisor));
            let thread = std::thread::Builder::new()
                .name(format!("asr-{number}"))
                .spawn(move || work(&queue, &options, &supervisor, number))
                .map_err(|error| AsrError::NotLoaded { detail: format!("cannot start a thread: {error}") })?;
            threads.push(thread);
        }
        Ok(())
    }
}

/// Takes batches from the queue to thread `number` of the engine, until the queue is closed.
fn work(queue: &RequestQueue, options: &LocalOptions, supervisor: &Supervisor, number: usize) {
    loop {
        match queue.take(options.batch, options.idle_unload, kind) {
            Taken::Batch(batch) => {
                let (requests, answers): (Vec<_>, Vec<_>) =
                    batch.into_iter().map(|waiting| (waiting.request, waiting.answer)).unzip();
                // A panic costs this batch, not the thread: others wait in the queue.
                let texts = catch_unwind(AssertUnwindSafe(|| supervisor.hear(number, &requests)));
                let texts = texts.unwrap_or_else(|_| requests.iter().map(|_| Err(panicked())).collect());
                for (answer, text) in answers.into_iter().zip(texts) {
                    // A caller that has gone needs no answer.
                    let _ = answer.send(text);
                }
            }
            Taken::Nothing => supervisor.end_if_idle(options.idle_unload),
            Taken::Closed => return,
        }
    }
}

fn panicked() -> AsrError {
    AsrError::Failed { detail: "the recogniser panicked".into() }
}

/// Clips of one kind may go through the network together: those listened to in windows of the same length.
fn kind(request: &ClipRequest) -> usize {
    window_frames(request.sound.samples().len())
}

#[async_trait]
impl Transcriber for LocalEngine {
    fn engine(&self) -> Engine {
        let version = match self.supervisor.weights() {
            Ok(weights) => format!("{LIBRARY} {}, weights {weights}", self.supervisor.backend().name()),
            Err(_) => LIBRARY.into(),
        };
        Engine { name: "local".into(), model: self.options.model_name(), version }
    }

    fn limits(&self) -> ClipLimits {
        // One batch in work and one waiting: no thread idles while callers prepare the next.
        let in_flight = 2 * self.options.threads * self.options.batch;
        ClipLimits { max_ms: LONGEST_CLIP_MS, in_flight, takes_files: false }
    }

    fn billed_ms(&self, _: u64) -> u64 {
        0
    }

    fn is_here(&self) -> bool {
        true
    }

    async fn transcribe(&self, request: ClipRequest, _: &dyn Hearing) -> Result<ClipText, AsrError> {
        Self::check(&request)?;
        self.start_threads()?;
        let (answer, receiver) = oneshot::channel();
        self.queue.push(Waiting { request, answer })?;
        // Without an answer the thread is gone.
        receiver.await.unwrap_or(Err(AsrError::Closed))
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        self.queue.close();
        self.supervisor.close();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the recogniser panicked");
            }
        }
    }
}
