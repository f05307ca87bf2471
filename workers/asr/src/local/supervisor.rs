//! Supervises one engine's process: starts it, has it prove itself, starts it anew when it dies, finds out which clip ends it,
//! and ends it when it has nothing to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use earmark_core::ClipText;

use super::backend::Backend;
use super::heap;
use super::lock::locked;
use super::options::LocalOptions;
use super::process::{NotStarted, Process, Texts};
use super::proof::{Failed, prove};
use super::proved_backends::{self, FailedBackend, ProvedBackend, Surroundings};
use super::termination::Termination;
use super::weights::Weights;
use crate::{AsrError, ClipRequest, LanguageChoice};

/// So often a clip is asked for again when the engine is killed from outside, before its job is put back.
const MOST_KILLS: usize = 3;

/// One engine's process at a time, and what is known of it.
pub(super) struct Supervisor {
    options: LocalOptions,
    weights: Weights,
    process: Mutex<Option<Arc<Process>>>,
    known: Mutex<Known>,
    /// Whoever asks for a batch shares it; whoever finds out what a clip does has it alone.
    isolation: RwLock<()>,
    last_asked: Mutex<Instant>,
    /// No other engine is to be started, and the one that is there is not wanted any more.
    closing: Arc<AtomicBool>,
}

/// What is computed with.
#[derive(Default)]
struct Known {
    /// What was proved in these surroundings.
    proved: Option<ProvedBackend>,
    /// Backends that failed since this process began.
    passed_over: Vec<FailedBackend>,
}

impl Supervisor {
    /// One that has started nothing.
    pub(super) fn new(options: LocalOptions, weights: Weights) -> Self {
        Self {
            options,
            weights,
            process: Mutex::new(None),
            known: Mutex::default(),
            isolation: RwLock::new(()),
            last_asked: Mutex::new(Instant::now()),
            closing: Arc::default(),
        }
    }

    /// One answer for each request of a batch, in order. A batch that ends the engine is asked for again, clip by clip,
    /// each alone in a fresh engine.
    pub(super) fn hear(&self, thread: usize, requests: &[ClipRequest]) -> Vec<Result<ClipText, AsrError>> {
        *locked(&self.last_asked) = Instant::now();
        let heard = {
            let _shared = self.isolation.read().unwrap_or_else(PoisonError::into_inner);
            self.ask_batch(thread, requests)
        };
        *locked(&self.last_asked) = Instant::now();
        match heard {
            Ok(answers) => answers,
            Err(Unanswered::NotStarted(none)) => requests.iter().map(|_| Err(none.clone().into())).collect(),
            Err(Unanswered::Ended(termination)) => {
                tracing::warn!(clips = requests.len(), "the built-in engine is started anew: {termination}");
                let _alone = self.isolation.write().unwrap_or_else(PoisonError::into_inner);
                requests.iter().map(|request| self.ask_alone(request)).collect()
            }
        }
    }

    /// Has an engine running that was proved in these surroundings, proving one where it was not.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn start_proved(&self) -> Result<ProvedBackend, NoEngine> {
        // While it is held nobody ends what is being proved for having had nothing to do.
        let _shared = self.isolation.read().unwrap_or_else(PoisonError::into_inner);
        let running = self.running();
        *locked(&self.last_asked) = Instant::now();
        running?;
        locked(&self.known).proved.clone().ok_or_else(|| "the engine was not proved".to_owned().into())
    }

    /// Has the engine prove itself afresh, whatever was proved before.
    ///
    /// # Errors
    /// Why no way to compute is to be believed.
    pub(super) fn prove_afresh(&self) -> Result<ProvedBackend, NoEngine> {
        let _alone = self.isolation.write().unwrap_or_else(PoisonError::into_inner);
        *locked(&self.known) = Known::default();
        let mut place = locked(&self.process);
        *place = None;
        let first = Backend::first(&proved_backends::processor());
        *place = Some(Arc::new(self.proved_from(first, None)?));
        locked(&self.known).proved.clone().ok_or_else(|| "the engine was not proved".to_owned().into())
    }

    /// The fingerprint of the weights that are loaded, or would be.
    ///
    /// # Errors
    /// What is wrong with their file.
    pub(super) fn weights(&self) -> Result<String, String> {
        let loaded = locked(&self.known).proved.as_ref().map(|proved| proved.surroundings.weights.clone());
        loaded.map_or_else(|| self.weights.fingerprint(), Ok)
    }

    /// What is computed with, as far as it is known before an engine is started.
    pub(super) fn backend(&self) -> Backend {
        self.proved_before().map_or_else(|| Backend::first(&proved_backends::processor()), |proved| proved.backend)
    }

    /// Ends an engine that has had nothing to do for so long.
    pub(super) fn end_if_idle(&self, idle: Duration) {
        // Nobody is asking while this is held.
        let Ok(_alone) = self.isolation.try_write() else { return };
        if locked(&self.last_asked).elapsed() >= idle && self.end_process().is_some() {
            tracing::debug!("the built-in engine had nothing to do and was ended");
            heap::trim();
        }
    }

    /// Ends the engine, whatever it is at, for good.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.end_process();
    }

    fn end_process(&self) -> Option<Arc<Process>> {
        locked(&self.process).take()
    }

    fn ask_batch(
        &self,
        thread: usize,
        requests: &[ClipRequest],
    ) -> Result<Vec<Result<ClipText, AsrError>>, Unanswered> {
        let process = self.running().map_err(Unanswered::NotStarted)?;
        let known: Vec<ClipRequest> =
            requests.iter().filter(|request| unknown_language(&process, request).is_none()).cloned().collect();
        let texts = if known.is_empty() { Vec::new() } else { self.ask(&process, thread, &known)? };
        let mut texts = texts.into_iter();
        let answer = |request: &ClipRequest| match unknown_language(&process, request) {
            Some(language) => Err(AsrError::UnknownLanguage { language }),
            None => heard(texts.next()),
        };
        Ok(requests.iter().map(answer).collect())
    }

    fn ask(&self, process: &Arc<Process>, thread: usize, requests: &[ClipRequest]) -> Result<Texts, Unanswered> {
        let asked = process.ask(thread, requests, self.options.deadline);
        // One that leaks is replaced before it takes the machine down; whoever still waits for it is answered.
        let is_too_large = asked.is_ok() && process.memory_bytes() > process.memory_limit;
        if asked.is_err() || is_too_large {
            let mut place = locked(&self.process);
            if place.as_ref().is_some_and(|current| Arc::ptr_eq(current, process)) {
                *place = None;
            }
        }
        if is_too_large {
            tracing::warn!(
                limit_mb = process.memory_limit >> 20,
                "the built-in engine took too much memory and is replaced"
            );
        }
        asked.map_err(Unanswered::Ended)
    }

    /// The text of a clip that was there when an engine died, from an engine that has nothing else to do. A clip that
    /// ends it again is to blame, unless the engine fails without it too.
    fn ask_alone(&self, request: &ClipRequest) -> Result<ClipText, AsrError> {
        let mut kills = 0;
        loop {
            self.end_process();
            let process = self.running()?;
            if let Some(language) = unknown_language(&process, request) {
                return Err(AsrError::UnknownLanguage { language });
            }
            let asked = process.ask(0, std::slice::from_ref(request), self.options.deadline);
            let termination = match asked {
                Ok(texts) => return heard(texts.into_iter().next()),
                Err(Termination::Shutdown) => return Err(AsrError::Closed),
                Err(termination) => termination,
            };
            let detail = process.with_last_words(termination.to_string());
            drop(process);
            self.end_process();
            if !termination.is_own_fault() {
                kills += 1;
                tracing::warn!(request = %request.request_id, "the built-in engine is started anew: {detail}");
                if kills == MOST_KILLS {
                    return Err(AsrError::Unavailable { code: None, detail });
                }
                continue;
            }
            let backend = self.backend();
            match self.proved(backend) {
                // Killed while it proves itself: nothing is known, and the clip is asked for once more.
                Err(Unproved::Killed(detail)) => {
                    kills += 1;
                    if kills == MOST_KILLS {
                        return Err(AsrError::Unavailable { code: None, detail });
                    }
                }
                Ok(process) => {
                    *locked(&self.process) = Some(Arc::new(process));
                    tracing::error!(request = %request.request_id, "a clip ends the built-in engine whenever it is asked for: {detail}");
                    return Err(AsrError::EngineEnded { detail });
                }
                Err(Unproved::Backend(why)) => {
                    self.pass_over(backend, why).map_err(|detail| AsrError::NotLoaded { detail })?
                }
                Err(Unproved::Model(detail)) => return Err(AsrError::NotLoaded { detail }),
            }
        }
    }

    /// The engine's process, started and proved where there is none.
    fn running(&self) -> Result<Arc<Process>, NoEngine> {
        let mut place = locked(&self.process);
        if let Some(process) = place.as_ref().filter(|process| !process.is_gone()) {
            return Ok(Arc::clone(process));
        }
        *place = None;
        let process = Arc::new(self.started()?);
        *place = Some(Arc::clone(&process));
        Ok(process)
    }

    fn started(&self) -> Result<Process, NoEngine> {
        let Some(proved_before) = self.proved_before() else {
            let first = self.first_untried()?;
            return self.proved_from(first, None);
        };
        let mut kills = 0;
        let started = loop {
            match self.start(proved_before.backend) {
                Ok(process) => break process,
                Err(NotStarted::Ended(termination)) if termination.is_own_fault() => {
                    // What was proved once does not hold any more.
                    self.pass_over(proved_before.backend, termination.to_string())?;
                    let first = self.first_untried()?;
                    return self.proved_from(first, None);
                }
                Err(NotStarted::Ended(_)) if kills + 1 < MOST_KILLS => kills += 1,
                Err(error @ NotStarted::Ended(_)) => {
                    return Err(NoEngine { detail: error.to_string(), is_killed: true });
                }
                Err(error @ (NotStarted::Model(_) | NotStarted::Program(_))) => return Err(error.to_string().into()),
            }
        };
        if proved_before.surroundings == self.surroundings(&started.library, &started.weights) {
            locked(&self.known).proved = Some(proved_before);
            return Ok(started);
        }
        let first = self.first_untried()?;
        let started = (proved_before.backend == first).then_some(started);
        self.proved_from(first, started)
    }

    /// What was proved for these surroundings, the library aside.
    pub(super) fn proved_before(&self) -> Option<ProvedBackend> {
        let known = locked(&self.known);
        if let Some(proved) = &known.proved {
            return Some(proved.clone());
        }
        let is_passed_over = |backend: Backend| known.passed_over.iter().any(|passed| passed.backend == backend);
        let kept = proved_backends::load(&self.options.model_path);
        let here = self.surroundings("", &self.weights.fingerprint().ok()?);
        let is_meant = |proved: &ProvedBackend| {
            let library = proved.surroundings.library.clone();
            proved.surroundings == Surroundings { library, ..here.clone() } && !is_passed_over(proved.backend)
        };
        kept.into_iter().find(is_meant)
    }

    fn first_untried(&self) -> Result<Backend, String> {
        let mut known = locked(&self.known);
        let mut backend = Backend::first(&proved_backends::processor());
        while known.passed_over.iter().any(|passed| passed.backend == backend) {
            backend = backend.next().ok_or_else(|| every_way_failed(&mut known))?;
        }
        Ok(backend)
    }

    /// The first engine from `backend` down that proves itself; `started` is one on it that is there already.
    fn proved_from(&self, mut backend: Backend, mut started: Option<Process>) -> Result<Process, NoEngine> {
        let mut kills = 0;
        loop {
            let proved = match started.take() {
                Some(process) => self.proof_of(process, backend),
                None => self.proved(backend),
            };
            match proved {
                Ok(process) => return Ok(process),
                Err(Unproved::Model(detail)) => return Err(detail.into()),
                // Says nothing of the way to compute: the same is tried again.
                Err(Unproved::Killed(detail)) => {
                    kills += 1;
                    if kills == MOST_KILLS {
                        return Err(NoEngine { detail, is_killed: true });
                    }
                }
                Err(Unproved::Backend(why)) => {
                    self.pass_over(backend, why)?;
                    backend = self.first_untried()?;
                }
            }
        }
    }

    fn proved(&self, backend: Backend) -> Result<Process, Unproved> {
        let process = self.start(backend).map_err(|error| match error {
            NotStarted::Ended(termination) if !termination.is_own_fault() => Unproved::Killed(termination.to_string()),
            NotStarted::Ended(termination) => Unproved::Backend(termination.to_string()),
            error @ (NotStarted::Model(_) | NotStarted::Program(_)) => Unproved::Model(error.to_string()),
        })?;
        self.proof_of(process, backend)
    }

    fn proof_of(&self, process: Process, backend: Backend) -> Result<Process, Unproved> {
        let proved = prove(&process, self.options.threads, self.options.batch, self.options.deadline);
        let took = proved.map_err(|failed| match failed {
            Failed::Ended(termination) if !termination.is_own_fault() => Unproved::Killed(termination.to_string()),
            Failed::NotAsked(detail) => Unproved::Model(detail),
            Failed::Ended(termination) => Unproved::Backend(process.with_last_words(termination.to_string())),
            Failed::Wrong(what) => Unproved::Backend(what),
        })?;
        let surroundings = self.surroundings(&process.library, &process.weights);
        let mut known = locked(&self.known);
        let proved = ProvedBackend {
            surroundings,
            backend,
            proved_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            passed_over: known.passed_over.clone(),
        };
        if let Err(error) = proved_backends::store(&self.options.model_path, &proved) {
            tracing::debug!("what the engine computes with is not kept beside the model: {error}");
        }
        tracing::info!("the built-in engine {}", proved.line());
        known.proved = Some(proved);
        Ok(process)
    }

    /// Notes that a backend is not to be used.
    ///
    /// # Errors
    /// What each showed, when none is left.
    fn pass_over(&self, backend: Backend, why: String) -> Result<(), String> {
        tracing::warn!("the built-in engine does not work with {}: {why}", backend.name());
        let mut known = locked(&self.known);
        known.proved = None;
        known.passed_over.retain(|passed| passed.backend != backend);
        known.passed_over.push(FailedBackend { backend, why });
        if backend.next().is_none() { Err(every_way_failed(&mut known)) } else { Ok(()) }
    }

    fn start(&self, backend: Backend) -> Result<Process, NotStarted> {
        let memory_limit = self.options.memory_limit(self.weights.bytes());
        let weights = self.weights.fingerprint().map_err(NotStarted::Model)?;
        let process = Process::start(&self.options, backend, memory_limit, weights.clone(), &self.closing)?;
        if self.weights.fingerprint().is_ok_and(|now| now == weights) {
            return Ok(process);
        }
        Err(NotStarted::Model("the weights were replaced while they were loaded".into()))
    }

    fn surroundings(&self, library: &str, weights: &str) -> Surroundings {
        Surroundings {
            processor: proved_backends::processor(),
            library: library.to_owned(),
            weights: weights.to_owned(),
            threads: self.options.threads,
            batch: self.options.batch,
            earmark: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// Why a batch has no answers.
enum Unanswered {
    NotStarted(NoEngine),
    Ended(Termination),
}

/// Why there is no engine.
#[derive(Debug, Clone)]
pub(super) struct NoEngine {
    detail: String,
    /// Whether it was killed from outside again and again: it may be there the next time.
    is_killed: bool,
}

impl From<String> for NoEngine {
    fn from(detail: String) -> Self {
        Self { detail, is_killed: false }
    }
}

impl From<NoEngine> for AsrError {
    fn from(none: NoEngine) -> Self {
        match none {
            NoEngine { detail, is_killed: true } => Self::Unavailable { code: None, detail },
            NoEngine { detail, is_killed: false } => Self::NotLoaded { detail },
        }
    }
}

/// Why an engine is not believed.
enum Unproved {
    /// The next backend may do better.
    Backend(String),
    /// It was killed from outside, which says nothing of the backend.
    Killed(String),
    /// No backend will.
    Model(String),
}

fn heard(text: Option<Result<ClipText, String>>) -> Result<ClipText, AsrError> {
    text.unwrap_or_else(|| Err("no text for the clip".into())).map_err(|detail| AsrError::Failed { detail })
}

fn unknown_language(process: &Process, request: &ClipRequest) -> Option<String> {
    let asked: &[String] = match &request.language {
        LanguageChoice::Fixed(language) => std::slice::from_ref(language),
        LanguageChoice::Detect { candidates, likely: _ } => candidates,
    };
    asked.iter().find(|language| !process.languages.contains(language)).cloned()
}

/// What each way showed. They are forgotten: it may have been the moment, and the next clip tries them again.
fn every_way_failed(known: &mut Known) -> String {
    let passed_over = std::mem::take(&mut known.passed_over);
    let each: Vec<String> =
        passed_over.iter().map(|passed| format!("{}: {}", passed.backend.name(), passed.why)).collect();
    format!("no way to compute works on this machine ({})", each.join("; "))
}
