//! A job whose recogniser is on this machine is to blame for a death until it has a new text, and nobody computes alone
//! beside it so long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use earmark_asr::{AsrError, ClipLimits, ClipRequest, Hearing, LanguageChoice, Transcriber};
use earmark_audio::segment::{SegmentOptions, SpeechModel};
use earmark_core::{
    ClipText, Engine, Job, JobId, Lane, Lease, ManualClock, NewJob, Speaker, Stage, Tenant, TimePrecision, WorkerId,
};
use earmark_journal::{Accounts, Database, Journal, Places, RuleSets, SqlResults, Usage};
use earmark_objects::{FetchLimits, FileArtifacts, Recordings, S3, S3Options};
use earmark_permits::{Pool, PoolOptions};
use earmark_pipeline::{
    ExchangeMode, Isolation, Ledger, Pipeline, Progress, ProviderAccount, ProviderAccounts, RuleBook, RunningAttempts,
    Settings, Sources, Speakers,
};
use earmark_rules::RuleSet;
use tempfile::TempDir;
use time::UtcOffset;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const LEASE_MS: i64 = 30_000;

/// A recogniser on this machine that answers a clip when it is told to.
struct Patient {
    asked: mpsc::UnboundedSender<oneshot::Sender<()>>,
    answered: Arc<AtomicUsize>,
}

#[async_trait]
impl Transcriber for Patient {
    fn engine(&self) -> Engine {
        Engine { name: "patient".into(), model: "m".into(), version: "1".into() }
    }

    fn limits(&self) -> ClipLimits {
        ClipLimits { max_ms: 28_000, in_flight: 1, takes_files: false }
    }

    fn billed_ms(&self, _: u64) -> u64 {
        0
    }

    async fn transcribe(&self, _: ClipRequest, _: &dyn Hearing) -> Result<ClipText, AsrError> {
        let (answer, told) = oneshot::channel();
        let _ = self.asked.send(answer);
        let _ = told.await;
        self.answered.fetch_add(1, Ordering::SeqCst);
        Ok(ClipText {
            language: None,
            segments: Vec::new(),
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        })
    }
}

/// Notes for each job how many clips had been answered when it came to be decoded.
struct Watcher {
    answered: Arc<AtomicUsize>,
    decoding: Mutex<HashMap<JobId, usize>>,
}

impl Progress for Watcher {
    fn at(&self, job: &JobId, stage: Stage) {
        if stage == Stage::Decode {
            let answered = self.answered.load(Ordering::SeqCst);
            self.decoding.lock().unwrap().insert(job.clone(), answered);
        }
    }
}

/// A process that computes everything itself.
struct Office {
    pipeline: Arc<Pipeline>,
    clock: Arc<ManualClock>,
    asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    watcher: Arc<Watcher>,
    _folder: TempDir,
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_760_000_000_000));
        let database = Database::open("sqlite::memory:", clock.clone()).await.unwrap();
        database.migrate().await.unwrap();
        let journal = Journal::new(database.clone());
        let (sender, asked) = mpsc::unbounded_channel();
        let answered = Arc::new(AtomicUsize::new(0));
        let watcher = Arc::new(Watcher { answered: answered.clone(), decoding: Mutex::default() });
        let ledger = Ledger {
            journal: journal.clone(),
            usage: Usage::new(database.clone()),
            states: Accounts::new(database.clone()),
            clock: clock.clone(),
            day_offset: UtcOffset::UTC,
            budget: None,
            budgets: HashMap::new(),
        };
        let (pool, patient) = (Pool::in_memory(PoolOptions::new("a/m", 1)), Patient { asked: sender, answered });
        let account = ProviderAccount::new("a".into(), Arc::new(patient), Arc::new(pool), 0.0, Arc::new(ledger));
        let pipeline = Pipeline {
            recordings: Arc::new(Recordings::new(S3::new(S3Options::default()))),
            journal,
            results: Arc::new(SqlResults::new(database.clone())),
            artifacts: Arc::new(FileArtifacts::new(folder.path())),
            accounts: ProviderAccounts { usual: Arc::new(account), bound: HashMap::new(), fallback: None },
            cores: Arc::new(Semaphore::new(2)),
            places: Places::new(database.clone()),
            isolation: Isolation::default(),
            speech: Arc::new(SpeechModel::load(&root().join("engine/vad/silero_vad_16k_op15.onnx")).unwrap()),
            rules: Arc::new(RuleBook::new(Arc::new(RuleSet::starter()), RuleSets::new(database))),
            clock: clock.clone(),
            progress: watcher.clone(),
            running: RunningAttempts::default(),
            settings: settings(folder.path()),
        };
        Self { pipeline: Arc::new(pipeline), clock, asked, watcher, _folder: folder }
    }

    async fn accept(&self, key: &str) {
        let recording = root().join("tests/fixtures/dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav");
        let location = recording.to_str().unwrap().to_owned();
        let new = NewJob { key: Some(key.into()), ..NewJob::new(location.clone(), location, Tenant::default()) };
        self.pipeline.journal.accept(&new, "cli:me").await.unwrap();
    }

    /// The job that is due next.
    async fn lease(&self) -> (Job, Lease) {
        self.pipeline.journal.lease_next(&WorkerId::fresh(), Lane::ALL, LEASE_MS).await.unwrap().unwrap()
    }

    fn run(&self, (job, lease): &(Job, Lease)) -> JoinHandle<()> {
        let (pipeline, job, lease) = (self.pipeline.clone(), job.clone(), lease.clone());
        tokio::spawn(async move {
            let _ = pipeline.run(&job, &lease, &CancellationToken::new()).await;
        })
    }

    /// A clip that waits for its answer.
    async fn asked(&mut self) -> oneshot::Sender<()> {
        self.asked.recv().await.unwrap()
    }

    /// Every worker dies, and their jobs are due again.
    async fn all_die(&self) {
        self.clock.advance_ms(LEASE_MS + 60_000);
        self.pipeline.journal.sweep().await.unwrap();
        self.clock.advance_ms(600_000);
    }

    async fn deaths(&self, job: &Job) -> u32 {
        self.pipeline.journal.get(&job.id).await.unwrap().deaths
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn settings(folder: &Path) -> Settings {
    let long = Duration::from_secs(600);
    Settings {
        temp_dir: folder.into(),
        fetch: FetchLimits {
            max_bytes: 1 << 30,
            connect_timeout: long,
            timeout: long,
            allow_private: false,
            is_confined: false,
        },
        max_duration_ms: 600_000,
        decode_timeout: long,
        segment_timeout: long,
        flag_timeout: long,
        stop_time: long,
        decode_memory_bytes: 1 << 30,
        ffmpeg: None,
        // Many clips.
        segment: SegmentOptions { max_clip_ms: 5000, pack_to_ms: 5000, ..SegmentOptions::default() },
        speakers: Speakers { by_channel: Vec::new(), mono: Speaker::unknown() },
        sources: Sources::default(),
        exchange: ExchangeMode::Off,
        language: LanguageChoice::Fixed("zh".into()),
        prompt: None,
        glossary: Vec::new(),
        glossaries: HashMap::new(),
        has_words: false,
    }
}

#[tokio::test]
async fn a_job_that_is_transcribed_here_is_to_blame_until_its_first_new_text_and_not_after() {
    let mut office = Office::open().await;
    office.accept("one").await;
    let leased = office.lease().await;
    let running = office.run(&leased);
    let unanswered = office.asked().await;
    office.all_die().await;
    assert_eq!(office.deaths(&leased.0).await, 1, "it had no text yet");
    running.abort();
    office.pipeline.running.ended(&leased.1).await;
    drop(unanswered);

    let leased = office.lease().await;
    let running = office.run(&leased);
    // Two clips are under way at a time and writers take turns: with the fourth the first has long been saved.
    for _ in 0..3 {
        let _ = office.asked().await.send(());
    }
    let _unanswered = office.asked().await;
    office.all_die().await;
    assert_eq!(office.deaths(&leased.0).await, 0, "it had got further than before");
    running.abort();
}

#[tokio::test]
async fn a_job_that_is_blamed_is_not_decoded_before_who_is_transcribed_beside_it_has_a_text() {
    let mut office = Office::open().await;
    office.accept("blamed").await;
    let (blamed, lease) = office.lease().await;
    office.pipeline.journal.set_blameless(&lease, false).await.unwrap();
    office.all_die().await;
    assert_eq!(office.deaths(&blamed).await, 1);
    let blamed = office.lease().await;
    office.accept("innocent").await;
    let innocent = office.lease().await;

    let first = office.run(&innocent);
    let unanswered = office.asked().await;
    let second = office.run(&blamed);
    while office.pipeline.running.stage_of(&blamed.1).is_none() {
        tokio::task::yield_now().await;
    }
    let _ = unanswered.send(());
    let _ = office.asked().await.send(());
    while !office.watcher.decoding.lock().unwrap().contains_key(&blamed.0.id) {
        tokio::task::yield_now().await;
    }
    let decoding = office.watcher.decoding.lock().unwrap().clone();
    assert_eq!(decoding.get(&innocent.0.id), Some(&0));
    assert!(decoding[&blamed.0.id] > 0, "decoded alone beside somebody who was to blame as well");
    first.abort();
    second.abort();
}
