//! Work that cannot be stopped: its try is given up, the others end in order, the process asks to be replaced.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Disposition, Job, JobId, JobState, Lease, NewJob, Problem, Stage, SystemClock, Tenant, WorkerId};
use earmark_journal::{Database, Journal, WorkerInfo};
use earmark_queue::{
    AttemptRunner, Backoff, Failed, Handler, JournalQueue, LeftBehind, Worker, WorkerEnd, WorkerOptions,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Hangs where the job's URI says.
struct Hanging {
    journal: Journal,
    begun: tokio::sync::mpsc::UnboundedSender<JobId>,
    gate: Semaphore,
    /// What the hanging threads wait for, which comes only with the end of the test.
    never: Arc<Mutex<mpsc::Receiver<()>>>,
}

#[async_trait]
impl Handler for Hanging {
    async fn handle(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<(), Failed> {
        let _ = self.begun.send(job.id.clone());
        let failed = |disposition| {
            let problem = Problem { code: "test.failed".into(), message: "as told".into(), hint: None };
            Err(Failed::new(problem, disposition))
        };
        match job.uri.expose() {
            "never yields" => {
                let _ = self.never.lock().unwrap().recv();
            }
            "ends but its thread does not" => return failed(Disposition::Retry),
            "waits and ends when dropped" => std::future::pending().await,
            "gated" => {
                tokio::select! {
                    _ = self.gate.acquire() => {}
                    () = stop.cancelled() => return failed(Disposition::Release),
                }
            }
            _ => {}
        }
        self.journal.finish_cancel(lease).await.expect("the lease is held");
        Ok(())
    }

    fn left_behind(&self, _: &Lease) -> Option<LeftBehind> {
        Some(LeftBehind { stage: Stage::Decode, running: Duration::from_secs(7) })
    }

    async fn quiet(&self, lease: &Lease) {
        if self.journal.get(&lease.job_id).await.unwrap().uri == "ends but its thread does not" {
            std::future::pending().await
        }
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    journal: Journal,
    handler: Arc<Hanging>,
    begun: tokio::sync::mpsc::UnboundedReceiver<JobId>,
    /// Dropped, it lets the threads go.
    _end: mpsc::Sender<()>,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("journal.sqlite").display());
        let database = Database::open(&url, Arc::new(SystemClock)).await.unwrap();
        database.migrate().await.unwrap();
        let journal = Journal::new(database);
        let (sender, begun) = tokio::sync::mpsc::unbounded_channel();
        let (end, never) = mpsc::channel();
        let never = Arc::new(Mutex::new(never));
        let handler = Hanging { journal: journal.clone(), begun: sender, gate: Semaphore::new(0), never };
        Self { _folder: folder, journal, handler: Arc::new(handler), begun, _end: end }
    }

    /// The next job that is begun.
    async fn begins(&mut self) -> JobId {
        earmark_servers::within("a job to begin", self.begun.recv()).await.unwrap()
    }

    async fn submit(&self, uri: &str) -> JobId {
        let new = NewJob::new(uri, uri, Tenant::default());
        self.journal.accept(&new, "test").await.unwrap().job.id
    }

    /// A worker with two slots, whose tries may take `timeout`.
    async fn start(
        &self,
        timeout: Duration,
        grace: Duration,
    ) -> (CancellationToken, tokio::task::JoinHandle<WorkerEnd>) {
        let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(4) };
        let (lease, clock) = (Duration::from_secs(30), Arc::new(SystemClock));
        let attempts =
            AttemptRunner::new(self.journal.clone(), self.handler.clone(), clock, lease, 5, backoff, timeout);
        let attempts = Arc::new(attempts.stopping_within(Duration::from_millis(500)));
        let id = WorkerId::fresh();
        let info = WorkerInfo { host: "here".into(), pid: std::process::id(), slots: 2 };
        let lock = self.journal.register_worker(&id, &info).await.unwrap();
        let queue = JournalQueue::new(self.journal.clone(), id.clone(), attempts.lease_ms(), Duration::from_millis(5));
        let worker = Worker::new(id, Arc::new(queue), attempts, WorkerOptions { slots: 2, grace });
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move {
                let ended = worker.run(stop).await;
                drop(lock);
                ended
            }
        });
        (stop, running)
    }
}

const NO_TIMEOUT: Duration = Duration::from_secs(600);
const LONG_GRACE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_job_that_never_yields_is_given_up_and_the_worker_ends_when_the_others_have() {
    let mut bench = Bench::new().await;
    let hanging = bench.submit("never yields").await;
    let gated = bench.submit("gated").await;
    let (_stop, worker) = bench.start(Duration::from_millis(300), LONG_GRACE).await;
    bench.begins().await;
    bench.begins().await;
    bench.handler.gate.add_permits(1);
    assert_eq!(worker.await.unwrap(), WorkerEnd::Hung);
    let job = bench.journal.get(&hanging).await.unwrap();
    let error = job.error.unwrap();
    assert_eq!((job.state, job.attempt, job.deaths, error.code.as_str()), (JobState::Ready, 0, 1, "job.hung"));
    assert!(error.message.starts_with("decode ran for 7 s"), "{error}");
    // What went well is `cancelled`: the handler ends it with the journal's shortest final write.
    assert_eq!(bench.journal.get(&gated).await.unwrap().state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_failed_try_whose_thread_runs_on_takes_the_worker_down_and_nothing_new_is_taken() {
    let mut bench = Bench::new().await;
    let gated = bench.submit("gated").await;
    let (_stop, worker) = bench.start(NO_TIMEOUT, Duration::from_millis(100)).await;
    bench.begins().await;
    let hanging = bench.submit("ends but its thread does not").await;
    assert_eq!(bench.begins().await, hanging);
    while bench.journal.get(&hanging).await.unwrap().deaths == 0 {}
    let late = bench.submit("well").await;
    assert_eq!(worker.await.unwrap(), WorkerEnd::Hung);
    let state = async |id| bench.journal.get(id).await.map(|job| (job.state, job.attempt)).unwrap();
    assert_eq!(state(&late).await, (JobState::Ready, 0));
    // Handed back after the grace, unharmed.
    assert_eq!(state(&gated).await, (JobState::Ready, 0));
    assert_eq!(bench.journal.get(&gated).await.unwrap().deaths, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_try_that_only_waits_is_dropped_and_handed_back_without_a_death() {
    let mut bench = Bench::new().await;
    let waiting = bench.submit("waits and ends when dropped").await;
    let (stop, worker) = bench.start(NO_TIMEOUT, Duration::ZERO).await;
    bench.begins().await;
    stop.cancel();
    assert_eq!(worker.await.unwrap(), WorkerEnd::Stopped);
    let job = bench.journal.get(&waiting).await.unwrap();
    assert_eq!((job.state, job.attempt, job.deaths), (JobState::Ready, 0, 0));
}
