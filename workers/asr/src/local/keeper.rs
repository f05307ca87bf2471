//! Keeps one engine's process: starts it, has it prove itself, starts it anew when it dies, finds out which clip ends it,
//! and ends it when it has nothing to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use earmark_core::ClipText;

use super::choice::{self, Choice, PassedOver, Surroundings};
use super::death::Death;
use super::freed;
use super::lock::locked;
use super::options::LocalOptions;
use super::process::{NotStarted, Process, Texts};
use super::proof::{Failed, prove};
use super::rung::Rung;
use super::weights::Weights;
use crate::{AsrError, ClipRequest, LanguageChoice};

/// So often a clip is asked for again when the engine is killed from outside, before its job is put back.
const MOST_KILLS: usize = 3;

/// One engine's process at a time, and what is known of it.
pub(super) struct Keeper {
    options: LocalOptions,
    weights: Weights,
    process: Mutex<Option<Arc<Process>>>,
    belief: Mutex<Belief>,
    /// Whoever asks for a batch shares it; whoever finds out what a clip does has it alone.
    company: RwLock<()>,
    last_asked: Mutex<Instant>,
    /// No other engine is to be started, and the one that is there is not wanted any more.
    closing: Arc<AtomicBool>,
}

/// What is computed with.
#[derive(Default)]
struct Belief {
    /// What was proved in these surroundings.
    choice: Option<Choice>,
    /// Rungs that failed since this process began.
    passed_over: Vec<PassedOver>,
}

impl Keeper {
    /// One that has started nothing.
    pub(super) fn new(options: LocalOptions, weights: Weights) -> Self {
        Self {
            options,
            weights,
            process: Mutex::new(None),
            belief: Mutex::default(),
            company: RwLock::new(()),
            last_asked: Mutex::new(Instant::now()),
            closing: Arc::default(),
        }
    }

    /// One answer for each request of a batch, in order. A batch that ends the engine is asked for again, clip by clip,
    /// each alone in a fresh engine.
    pub(super) fn hear(&self, thread: usize, requests: &[ClipRequest]) -> Vec<Result<ClipText, AsrError>> {
        *locked(&self.last_asked) = Instant::now();
        let heard = {
            let _shared = self.company.read().unwrap_or_else(PoisonError::into_inner);
            self.together(thread, requests)
        };
        *locked(&self.last_asked) = Instant::now();
        match heard {
            Ok(answers) => answers,
            Err(Together::NotStarted(none)) => requests.iter().map(|_| Err(none.clone().into())).collect(),
            Err(Together::Died(death)) => {
                tracing::warn!(clips = requests.len(), "the built-in engine is started anew: {death}");
                let _alone = self.company.write().unwrap_or_else(PoisonError::into_inner);
                requests.iter().map(|request| self.alone(request)).collect()
            }
        }
    }

    /// Has an engine running that was proved in these surroundings, proving one where it was not.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn believe(&self) -> Result<Choice, NoEngine> {
        // While it is held nobody ends what is being proved for having had nothing to do.
        let _shared = self.company.read().unwrap_or_else(PoisonError::into_inner);
        let running = self.running();
        *locked(&self.last_asked) = Instant::now();
        running?;
        locked(&self.belief).choice.clone().ok_or_else(|| "the engine was not proved".to_owned().into())
    }

    /// Has the engine prove itself afresh, whatever was proved before.
    ///
    /// # Errors
    /// Why no way to compute is to be believed.
    pub(super) fn prove_afresh(&self) -> Result<Choice, NoEngine> {
        let _alone = self.company.write().unwrap_or_else(PoisonError::into_inner);
        *locked(&self.belief) = Belief::default();
        let mut place = locked(&self.process);
        *place = None;
        let first = Rung::first(&choice::processor());
        *place = Some(Arc::new(self.proved_from(first, None)?));
        locked(&self.belief).choice.clone().ok_or_else(|| "the engine was not proved".to_owned().into())
    }

    /// The fingerprint of the weights that are loaded, or would be.
    ///
    /// # Errors
    /// What is wrong with their file.
    pub(super) fn weights(&self) -> Result<String, String> {
        let loaded = locked(&self.belief).choice.as_ref().map(|choice| choice.surroundings.weights.clone());
        loaded.map_or_else(|| self.weights.fingerprint(), Ok)
    }

    /// What is computed with, as far as it is known before an engine is started.
    pub(super) fn rung(&self) -> Rung {
        self.believed().map_or_else(|| Rung::first(&choice::processor()), |choice| choice.rung)
    }

    /// Ends an engine that has had nothing to do for so long.
    pub(super) fn rest(&self, idle: Duration) {
        // Nobody is asking while this is held.
        let Ok(_alone) = self.company.try_write() else { return };
        if locked(&self.last_asked).elapsed() >= idle && self.forget().is_some() {
            tracing::debug!("the built-in engine had nothing to do and was ended");
            freed::give_back();
        }
    }

    /// Ends the engine, whatever it is at, for good.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.forget();
    }

    fn forget(&self) -> Option<Arc<Process>> {
        locked(&self.process).take()
    }

    fn together(&self, thread: usize, requests: &[ClipRequest]) -> Result<Vec<Result<ClipText, AsrError>>, Together> {
        let process = self.running().map_err(Together::NotStarted)?;
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

    fn ask(&self, process: &Arc<Process>, thread: usize, requests: &[ClipRequest]) -> Result<Texts, Together> {
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
        asked.map_err(Together::Died)
    }

    /// The text of a clip that was there when an engine died, from an engine that has nothing else to do. A clip that
    /// ends it again is to blame, unless the engine fails without it too.
    fn alone(&self, request: &ClipRequest) -> Result<ClipText, AsrError> {
        let mut kills = 0;
        loop {
            self.forget();
            let process = self.running()?;
            if let Some(language) = unknown_language(&process, request) {
                return Err(AsrError::UnknownLanguage { language });
            }
            let asked = process.ask(0, std::slice::from_ref(request), self.options.deadline);
            let death = match asked {
                Ok(texts) => return heard(texts.into_iter().next()),
                Err(Death::Unwanted) => return Err(AsrError::Closed),
                Err(death) => death,
            };
            let detail = process.with_last_words(death.to_string());
            drop(process);
            self.forget();
            if !death.is_own() {
                kills += 1;
                tracing::warn!(request = %request.request_id, "the built-in engine is started anew: {detail}");
                if kills == MOST_KILLS {
                    return Err(AsrError::Unavailable { code: None, detail });
                }
                continue;
            }
            let rung = self.rung();
            match self.proved(rung) {
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
                Err(Unproved::Rung(why)) => {
                    self.pass_over(rung, why).map_err(|detail| AsrError::NotLoaded { detail })?
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
        let Some(believed) = self.believed() else {
            let first = self.first_untried()?;
            return self.proved_from(first, None);
        };
        let mut kills = 0;
        let started = loop {
            match self.start(believed.rung) {
                Ok(process) => break process,
                Err(NotStarted::Died(death)) if death.is_own() => {
                    // What was proved once does not hold any more.
                    self.pass_over(believed.rung, death.to_string())?;
                    let first = self.first_untried()?;
                    return self.proved_from(first, None);
                }
                Err(NotStarted::Died(_)) if kills + 1 < MOST_KILLS => kills += 1,
                Err(error @ NotStarted::Died(_)) => {
                    return Err(NoEngine { detail: error.to_string(), is_killed: true });
                }
                Err(error @ (NotStarted::Model(_) | NotStarted::Program(_))) => return Err(error.to_string().into()),
            }
        };
        if believed.surroundings == self.surroundings(&started.library, &started.weights) {
            locked(&self.belief).choice = Some(believed);
            return Ok(started);
        }
        let first = self.first_untried()?;
        let started = (believed.rung == first).then_some(started);
        self.proved_from(first, started)
    }

    /// What was proved for these surroundings, the library aside.
    pub(super) fn believed(&self) -> Option<Choice> {
        let belief = locked(&self.belief);
        if let Some(choice) = &belief.choice {
            return Some(choice.clone());
        }
        let is_passed_over = |rung: Rung| belief.passed_over.iter().any(|passed| passed.rung == rung);
        let kept = choice::kept(&self.options.model_path);
        let here = self.surroundings("", &self.weights.fingerprint().ok()?);
        let is_meant = |choice: &Choice| {
            let library = choice.surroundings.library.clone();
            choice.surroundings == Surroundings { library, ..here.clone() } && !is_passed_over(choice.rung)
        };
        kept.into_iter().find(is_meant)
    }

    fn first_untried(&self) -> Result<Rung, String> {
        let mut belief = locked(&self.belief);
        let mut rung = Rung::first(&choice::processor());
        while belief.passed_over.iter().any(|passed| passed.rung == rung) {
            rung = rung.next().ok_or_else(|| every_way_failed(&mut belief))?;
        }
        Ok(rung)
    }

    /// The first engine from `rung` down that proves itself; `started` is one on it that is there already.
    fn proved_from(&self, mut rung: Rung, mut started: Option<Process>) -> Result<Process, NoEngine> {
        let mut kills = 0;
        loop {
            let proved = match started.take() {
                Some(process) => self.proof_of(process, rung),
                None => self.proved(rung),
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
                Err(Unproved::Rung(why)) => {
                    self.pass_over(rung, why)?;
                    rung = self.first_untried()?;
                }
            }
        }
    }

    fn proved(&self, rung: Rung) -> Result<Process, Unproved> {
        let process = self.start(rung).map_err(|error| match error {
            NotStarted::Died(death) if !death.is_own() => Unproved::Killed(death.to_string()),
            NotStarted::Died(death) => Unproved::Rung(death.to_string()),
            error @ (NotStarted::Model(_) | NotStarted::Program(_)) => Unproved::Model(error.to_string()),
        })?;
        self.proof_of(process, rung)
    }

    fn proof_of(&self, process: Process, rung: Rung) -> Result<Process, Unproved> {
        let proved = prove(&process, self.options.threads, self.options.batch, self.options.deadline);
        let took = proved.map_err(|failed| match failed {
            Failed::Died(death) if !death.is_own() => Unproved::Killed(death.to_string()),
            Failed::NotAsked(detail) => Unproved::Model(detail),
            Failed::Died(death) => Unproved::Rung(process.with_last_words(death.to_string())),
            Failed::Wrong(what) => Unproved::Rung(what),
        })?;
        let surroundings = self.surroundings(&process.library, &process.weights);
        let mut belief = locked(&self.belief);
        let choice = Choice {
            surroundings,
            rung,
            proved_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            passed_over: belief.passed_over.clone(),
        };
        if let Err(error) = choice::keep(&self.options.model_path, &choice) {
            tracing::debug!("what the engine computes with is not kept beside the model: {error}");
        }
        tracing::info!("the built-in engine {}", choice.line());
        belief.choice = Some(choice);
        Ok(process)
    }

    /// Notes that a rung is not to be used.
    ///
    /// # Errors
    /// What each showed, when none is left.
    fn pass_over(&self, rung: Rung, why: String) -> Result<(), String> {
        tracing::warn!("the built-in engine does not work with {}: {why}", rung.name());
        let mut belief = locked(&self.belief);
        belief.choice = None;
        belief.passed_over.retain(|passed| passed.rung != rung);
        belief.passed_over.push(PassedOver { rung, why });
        if rung.next().is_none() { Err(every_way_failed(&mut belief)) } else { Ok(()) }
    }

    fn start(&self, rung: Rung) -> Result<Process, NotStarted> {
        let memory_limit = self.options.memory_limit(self.weights.bytes());
        let weights = self.weights.fingerprint().map_err(NotStarted::Model)?;
        let process = Process::start(&self.options, rung, memory_limit, weights.clone(), &self.closing)?;
        if self.weights.fingerprint().is_ok_and(|now| now == weights) {
            return Ok(process);
        }
        Err(NotStarted::Model("the weights were replaced while they were loaded".into()))
    }

    fn surroundings(&self, library: &str, weights: &str) -> Surroundings {
        Surroundings {
            processor: choice::processor(),
            library: library.to_owned(),
            weights: weights.to_owned(),
            threads: self.options.threads,
            batch: self.options.batch,
            earmark: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// Why a batch has no answers.
enum Together {
    NotStarted(NoEngine),
    Died(Death),
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
    /// The next rung may do better.
    Rung(String),
    /// From outside.
    Killed(String),
    /// No rung will.
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
fn every_way_failed(belief: &mut Belief) -> String {
    let passed_over = std::mem::take(&mut belief.passed_over);
    let each: Vec<String> =
        passed_over.iter().map(|passed| format!("{}: {}", passed.rung.name(), passed.why)).collect();
    format!("no way to compute works on this machine ({})", each.join("; "))
}
