//! The composition root: settings in, working parts out. The only file that names concrete back ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use earmark_asr::local::{LocalEngine, LocalOptions};
use earmark_asr::{LanguageChoice, Transcriber};
use earmark_audio::segment::{SegmentOptions, SpeechModel};
use earmark_core::{Clock, Problem, Speaker, SystemClock, WorkerId};
use earmark_notify::{Delivery, Webhook};
use earmark_permits::LocalPool;
use earmark_pipeline::{Pipeline, Progress, RuleBook, Settings, Speakers};
use earmark_queue::{Attempts, Backoff, Handler, JournalQueue, Worker, WorkerOptions};
use earmark_rules::RuleSet;
use earmark_storage::{
    AuditLog, Database, FetchLimits, FileArtifacts, HttpOptions, Journal, Outbox, Recordings, ResultStore, RuleSets,
    SqlAuditLog, SqlResults, WorkerInfo, http_client,
};

use crate::complaint::Complaint;
use crate::config::{Config, EngineKind};
use crate::rule_files;
use crate::work::JobHandler;

/// Longest wait between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// How long a receiver of webhooks may take.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts that every command may need. The recogniser is loaded only by [`App::pipeline`].
pub struct App {
    /// What is in force.
    pub config: Config,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The database behind the next five.
    pub database: Database,
    /// Jobs.
    pub journal: Journal,
    /// Reports and findings.
    pub results: Arc<dyn ResultStore>,
    /// The record of every decision.
    pub audit: Arc<dyn AuditLog>,
    /// What is to be told outside.
    pub outbox: Outbox,
    /// Rule sets by hash.
    pub rule_sets: RuleSets,
}

impl App {
    /// Opens the database, making it if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// [`Complaint`] with a hint.
    pub async fn open(config: Config) -> Result<Self, Complaint> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open(&config.database.url, clock.clone()).await?;
        database.migrate().await?;
        Ok(Self::of(config, clock, database))
    }

    /// Opens a database that is there and up to date, and makes nothing.
    ///
    /// # Errors
    /// [`Complaint`] with a hint.
    pub async fn open_existing(config: Config) -> Result<Self, Complaint> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open_existing(&config.database.url, clock.clone()).await?;
        Ok(Self::of(config, clock, database))
    }

    fn of(config: Config, clock: Arc<dyn Clock>, database: Database) -> Self {
        Self {
            config,
            clock,
            journal: Journal::new(database.clone()),
            results: Arc::new(SqlResults::new(database.clone())),
            audit: Arc::new(SqlAuditLog::new(database.clone())),
            outbox: Outbox::new(database.clone()),
            rule_sets: RuleSets::new(database.clone()),
            database,
        }
    }

    /// The rule set in `path`, in the configured place, or the starter set; kept in the database as evidence.
    ///
    /// # Errors
    /// [`Complaint`] naming file, line and column.
    pub async fn rules(&self, path: Option<&Path>) -> Result<Arc<RuleSet>, Complaint> {
        let rules = match path.or(self.config.rules.path.as_deref()) {
            Some(path) => rule_files::load(path)?,
            None => RuleSet::starter(),
        };
        let sources = serde_json::to_value(rules.sources()).map_err(|error| Complaint::internal(&error))?;
        self.rule_sets.put(&rules.id().sha256, &rules.id().name, &sources).await?;
        Ok(Arc::new(rules))
    }

    /// A pipeline with the recogniser loaded.
    ///
    /// # Errors
    /// [`Complaint`] naming the file that is missing, with a hint.
    pub async fn pipeline(&self, rules: Arc<RuleSet>, progress: Arc<dyn Progress>) -> Result<Pipeline, Complaint> {
        let transcriber = self.transcriber().await?;
        let permits = Arc::new(LocalPool::new(transcriber.limits().in_flight));
        let speech = Arc::new(SpeechModel::load(&self.speech_model_path()?)?);
        let artifacts = FileArtifacts::new(&self.config.storage.output);
        artifacts.check()?;
        Ok(Pipeline {
            recordings: Arc::new(Recordings::new()),
            journal: self.journal.clone(),
            results: self.results.clone(),
            artifacts: Arc::new(artifacts),
            transcriber,
            permits,
            speech,
            rules: Arc::new(RuleBook::new(rules, self.rule_sets.clone())),
            clock: self.clock.clone(),
            progress,
            settings: self.settings()?,
        })
    }

    /// What empties the outbox to the configured receiver; none where nobody is to be told.
    ///
    /// # Errors
    /// [`Complaint`] when HTTPS cannot be set up.
    pub fn delivery(&self) -> Result<Option<Delivery>, Complaint> {
        let notify = &self.config.notify;
        let Some(url) = notify.url.clone() else { return Ok(None) };
        // The receiver was named by whoever runs earmark, so it may well stand in the same house.
        let options = HttpOptions {
            connect_timeout: NOTIFY_TIMEOUT,
            read_timeout: NOTIFY_TIMEOUT,
            timeout: Some(NOTIFY_TIMEOUT),
            allow_private: true,
        };
        let client = http_client(&options).map_err(|error| Complaint::internal(&error))?;
        let webhook = Webhook::new(client, url, notify.secret.clone());
        let poll = Duration::from_millis(self.config.worker.poll_ms);
        Ok(Some(Delivery { outbox: self.outbox.clone(), notifier: Arc::new(webhook), clock: self.clock.clone(), poll }))
    }

    /// This process, as other processes see it.
    pub fn worker_info(&self) -> WorkerInfo {
        WorkerInfo {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            slots: u32::try_from(self.config.worker.slots).unwrap_or(u32::MAX),
        }
    }

    /// Tries made with `pipeline`, settled in the journal.
    pub fn attempts(&self, pipeline: Pipeline) -> Arc<Attempts> {
        let worker = &self.config.worker;
        let handler: Arc<dyn Handler> = Arc::new(JobHandler::new(pipeline));
        let backoff = Backoff { first: Duration::from_millis(worker.backoff_ms), longest: LONGEST_BACKOFF };
        let (lease, timeout) = (Duration::from_secs(worker.lease_secs), Duration::from_secs(worker.job_timeout_secs));
        Arc::new(Attempts::new(
            self.journal.clone(),
            handler,
            self.clock.clone(),
            lease,
            worker.max_attempts,
            backoff,
            timeout,
        ))
    }

    /// A worker on the configured queue.
    pub fn worker(&self, id: &WorkerId, attempts: Arc<Attempts>) -> Worker {
        let worker = &self.config.worker;
        let poll = Duration::from_millis(worker.poll_ms);
        let queue = JournalQueue::new(self.journal.clone(), id.clone(), attempts.lease_ms(), poll);
        let options = WorkerOptions { slots: worker.slots, grace: Duration::from_secs(worker.grace_secs) };
        Worker::new(id.clone(), Arc::new(queue), attempts, options)
    }

    async fn transcriber(&self) -> Result<Arc<dyn Transcriber>, Complaint> {
        match self.config.asr.engine {
            EngineKind::Local => {
                let options = LocalOptions {
                    model_path: self.model_path()?,
                    threads: self.threads(),
                    batch: self.config.asr.batch,
                    ..LocalOptions::default()
                };
                let loading = tokio::task::spawn_blocking(move || LocalEngine::load(&options));
                Ok(Arc::new(loading.await.map_err(|error| Complaint::internal(&error))??))
            }
            EngineKind::Glm => Err(Complaint::usage(Problem {
                code: "config.engine".into(),
                message: "EARMARK__ASR__ENGINE is `glm`, which this build cannot use yet".into(),
                hint: Some("use local".into()),
            })),
        }
    }

    fn threads(&self) -> usize {
        match self.config.asr.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        }
    }

    /// Where the recogniser's model is.
    ///
    /// # Errors
    /// [`Complaint`] when it is nowhere.
    pub fn model_path(&self) -> Result<PathBuf, Complaint> {
        engine_path(self.config.asr.model_path.as_deref(), "engine/model", "EARMARK__ASR__MODEL_PATH")
    }

    /// Where the speech detector's model is.
    ///
    /// # Errors
    /// [`Complaint`] when it is nowhere.
    pub fn speech_model_path(&self) -> Result<PathBuf, Complaint> {
        engine_path(
            self.config.audio.vad_model.as_deref(),
            "engine/vad/silero_vad_16k_op15.onnx",
            "EARMARK__AUDIO__VAD_MODEL",
        )
    }

    /// The ffmpeg program, where there is one.
    pub fn ffmpeg(&self) -> Option<PathBuf> {
        match self.config.audio.ffmpeg.as_deref() {
            Some(path) if path == Path::new("none") => None,
            Some(path) => Some(path.to_owned()),
            None => on_path("ffmpeg"),
        }
    }

    /// Downloads and decoded samples go here.
    pub fn temp_dir(&self) -> PathBuf {
        self.config.worker.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn settings(&self) -> Result<Settings, Complaint> {
        let Config { storage, audio, asr, .. } = &self.config;
        let temp_dir = self.temp_dir();
        std::fs::create_dir_all(&temp_dir).map_err(|error| {
            Complaint::usage(Problem {
                code: "config.temp_dir".into(),
                message: format!("cannot make the folder {} for temporary files: {error}", temp_dir.display()),
                hint: Some("set EARMARK__WORKER__TEMP_DIR to a folder that can be written".into()),
            })
        })?;
        Ok(Settings {
            temp_dir,
            fetch: FetchLimits {
                max_bytes: storage.max_bytes,
                connect_timeout: Duration::from_secs(storage.connect_timeout_secs),
                timeout: Duration::from_secs(storage.fetch_timeout_secs),
                allow_private: storage.allow_private_hosts,
            },
            max_duration_ms: audio.max_duration_secs * 1000,
            decode_timeout: Duration::from_secs(audio.decode_timeout_secs),
            decode_memory_bytes: audio.decode_memory_bytes,
            ffmpeg: self.ffmpeg(),
            segment: SegmentOptions { pack_to_ms: audio.pack_to_ms, ..SegmentOptions::default() },
            speakers: Speakers {
                by_channel: audio.speakers.iter().cloned().map(Speaker).collect(),
                mono: Speaker(audio.mono_speaker.clone()),
            },
            language: match asr.language.as_str() {
                "auto" => LanguageChoice::Detect { candidates: asr.languages.clone(), likely: None },
                language => LanguageChoice::Fixed(language.into()),
            },
            prompt: asr.prompt.clone(),
            glossary: asr.glossary.clone(),
            has_words: asr.word_times,
            price_cny_per_minute: asr.price_cny_per_minute,
        })
    }
}

/// `configured`, or `inside` beside the program or in a folder above it, or in the working folder.
fn engine_path(configured: Option<&Path>, inside: &str, variable: &str) -> Result<PathBuf, Complaint> {
    if let Some(path) = configured {
        return Ok(path.to_owned());
    }
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    // target/release/deps/… is the deepest place a build puts a program in.
    let places = program.ancestors().skip(1).take(5).chain([here.as_path()]);
    places.map(|folder| folder.join(inside)).find(|path| path.exists()).ok_or_else(|| {
        Complaint::usage(Problem {
            code: "transcribe.not_loaded".into(),
            message: format!(
                "{inside} is neither beside the program, nor in a folder above it, nor in the working folder"
            ),
            hint: Some(format!("run `make setup`, or set {variable}; `earmark doctor` checks it")),
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not earmark's")]
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").ok()?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
