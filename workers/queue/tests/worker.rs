//! A worker on a real journal: whatever a handler does, every job ends as its outcome says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Clock, Disposition, Job, JobId, JobState, Lease, NewJob, Problem, SystemClock, Tenant, WorkerId};
use earmark_journal::{Database, Journal, WorkerInfo};
use earmark_queue::{AttemptRunner, Backoff, Failed, Handler, JournalQueue, Worker, WorkerOptions};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Does what the job's URI says, and tells when it begins.
struct Scripted {
    journal: Journal,
    begun: mpsc::UnboundedSender<JobId>,
    tries: Mutex<HashMap<JobId, u32>>,
    running: AtomicU32,
    most: AtomicU32,
    gate: Semaphore,
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<(), Failed> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let tries = {
            let mut tries = self.tries.lock().unwrap();
            let tries = tries.entry(job.id.clone()).or_default();
            *tries += 1;
            *tries
        };
        let _ = self.begun.send(job.id.clone());
        let result = match job.uri.expose() {
            "gated" => {
                let _pass = self.gate.acquire().await.unwrap();
                Ok(())
            }
            "fails" => Err(failed(Disposition::Fail)),
            "fails twice" if tries <= 2 => Err(failed(Disposition::Retry)),
            "fails always" => Err(failed(Disposition::Retry)),
            "throttled" if tries <= 7 => Err(failed(Disposition::RetryAfter(Duration::from_millis(1)))),
            "panics" if tries == 1 => {
                self.running.fetch_sub(1, Ordering::SeqCst);
                panic!("a defect");
            }
            "lacks a disk" if tries <= 2 => {
                Err(Failed { rest: Some(Duration::from_secs(1)), ..failed(Disposition::Release) })
            }
            "waits to be stopped" | "hangs" => {
                stop.cancelled().await;
                Err(failed(Disposition::Release))
            }
            _ => Ok(()),
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        if result.is_ok() {
            // What the pipeline's last transaction does, as far as the queue can see it.
            self.journal.finish_cancel(lease).await.expect("the lease is held");
        }
        result
    }
}

fn failed(disposition: Disposition) -> Failed {
    Failed::new(Problem { code: "test.failed".into(), message: "as told".into(), hint: None }, disposition)
}

struct Bench {
    _folder: tempfile::TempDir,
    journal: Journal,
    handler: Arc<Scripted>,
    begun: mpsc::UnboundedReceiver<JobId>,
    attempts: Arc<AttemptRunner>,
}

impl Bench {
    async fn new(timeout: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let url = format!("sqlite:{}", folder.path().join("journal.sqlite").display());
        let database = Database::open(&url, clock.clone()).await.unwrap();
        database.migrate().await.unwrap();
        let journal = Journal::new(database);
        let (sender, begun) = mpsc::unbounded_channel();
        let handler = Arc::new(Scripted {
            journal: journal.clone(),
            begun: sender,
            tries: Mutex::default(),
            running: AtomicU32::new(0),
            most: AtomicU32::new(0),
            gate: Semaphore::new(0),
        });
        let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(4) };
        let attempts = AttemptRunner::new(
            journal.clone(),
            handler.clone(),
            clock,
            Duration::from_millis(900),
            5,
            backoff,
            timeout,
        );
        Self { _folder: folder, journal, handler, begun, attempts: Arc::new(attempts) }
    }

    /// The next job that is begun.
    async fn begins(&mut self) -> JobId {
        earmark_servers::within("a job to begin", self.begun.recv()).await.unwrap()
    }

    async fn submit(&self, uri: &str) -> JobId {
        let mut new = NewJob::new(uri, uri, Tenant::default());
        // A job each time, though it is always the same recording.
        new.options.is_repeat = true;
        self.journal.accept(&new, "test").await.unwrap().job.id
    }

    /// Starts a worker with two slots.
    async fn start(&self, grace: Duration) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let id = WorkerId::fresh();
        let lock = self
            .journal
            .register_worker(&id, &WorkerInfo { host: "here".into(), pid: std::process::id(), slots: 2 })
            .await
            .unwrap();
        let queue =
            JournalQueue::new(self.journal.clone(), id.clone(), self.attempts.lease_ms(), Duration::from_millis(5));
        let worker = Worker::new(id, Arc::new(queue), self.attempts.clone(), WorkerOptions { slots: 2, grace });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            worker.run(stopped).await;
            drop(lock);
        });
        (stop, running)
    }

    async fn ended(&self, id: &JobId) -> Job {
        let ending = async {
            loop {
                let job = self.journal.get(id).await.unwrap();
                if job.state.is_final() {
                    return job;
                }
                tokio::task::yield_now().await;
            }
        };
        earmark_servers::within(&format!("the end of job {id}"), ending).await
    }

    fn tries(&self, id: &JobId) -> u32 {
        self.handler.tries.lock().unwrap().get(id).copied().unwrap_or(0)
    }
}

const NO_TIMEOUT: Duration = Duration::from_secs(600);
const NO_GRACE: Duration = Duration::ZERO;

// In these tests a job that went well is `cancelled`: the handler ends it with the journal's shortest final write.
const WELL: JobState = JobState::Cancelled;

#[tokio::test]
async fn every_outcome_is_settled_as_it_says() {
    let bench = Bench::new(NO_TIMEOUT).await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    for (uri, state, tries) in [
        ("well", WELL, 1),
        ("fails", JobState::Dead, 1),
        ("fails twice", WELL, 3),
        ("fails always", JobState::Dead, 5),
        ("throttled", WELL, 8),
        ("panics", WELL, 2),
    ] {
        let id = bench.submit(uri).await;
        let job = bench.ended(&id).await;
        assert_eq!((job.state, bench.tries(&id)), (state, tries), "{uri}");
        assert_eq!(
            job.state == JobState::Dead,
            job.error.is_some_and(|error| error.code == "test.failed")
                && uri.starts_with("fails")
                && state == JobState::Dead,
            "{uri}"
        );
    }
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn no_more_jobs_run_than_there_are_slots() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(bench.submit("gated").await);
    }
    let (stop, worker) = bench.start(NO_GRACE).await;
    bench.begins().await;
    bench.begins().await;
    bench.handler.gate.add_permits(6);
    for id in &ids {
        bench.ended(id).await;
    }
    assert_eq!(bench.handler.most.load(Ordering::SeqCst), 2);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_worker_that_lacks_something_of_its_own_hands_jobs_back_at_no_cost_and_rests() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    let id = bench.submit("lacks a disk").await;
    let mut began = Vec::new();
    for _ in 0..3 {
        assert_eq!(bench.begins().await, id);
        began.push(std::time::Instant::now());
    }
    // Less than it rests: a beginning is seen later than it is.
    assert!(began.windows(2).all(|two| two[1] - two[0] > Duration::from_millis(500)), "{began:?}");
    let job = bench.ended(&id).await;
    assert_eq!((job.state, job.attempt, job.error.is_none()), (WELL, 1, true));
    // Rest keeps nobody from stopping.
    let job = bench.submit("lacks a disk").await;
    assert_eq!(bench.begins().await, job);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_stopping_worker_hands_back_what_it_cannot_finish_and_another_takes_it_at_once() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let id = bench.submit("waits to be stopped").await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    bench.begins().await;
    stop.cancel();
    worker.await.unwrap();
    let job = bench.journal.get(&id).await.unwrap();
    assert_eq!((job.state, job.attempt), (JobState::Ready, 0));
    let (_, lease) = bench.journal.lease_job(&id, &WorkerId::fresh(), 1000).await.unwrap().expect("ready at once");
    assert_eq!(lease.epoch, 2);
}

#[tokio::test]
async fn a_stopping_worker_lets_running_jobs_finish_within_the_grace_period() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let id = bench.submit("gated").await;
    let (stop, worker) = bench.start(NO_TIMEOUT).await;
    bench.begins().await;
    stop.cancel();
    bench.handler.gate.add_permits(1);
    worker.await.unwrap();
    assert_eq!(bench.journal.get(&id).await.unwrap().state, WELL);
}

#[tokio::test]
async fn a_running_job_can_be_called_off() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let id = bench.submit("waits to be stopped").await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    bench.begins().await;
    bench.journal.cancel(&id, "test").await.unwrap();
    assert_eq!(bench.ended(&id).await.state, JobState::Cancelled);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_job_that_hangs_is_stopped_and_given_up_in_the_end() {
    let bench = Bench::new(Duration::from_millis(10)).await;
    let id = bench.submit("hangs").await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    let job = bench.ended(&id).await;
    assert_eq!((job.state, bench.tries(&id)), (JobState::Dead, 5));
    assert_eq!(job.error.expect("the cause").code, "job.timeout");
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn leases_are_kept_for_longer_than_they_last() {
    let mut bench = Bench::new(NO_TIMEOUT).await;
    let id = bench.submit("gated").await;
    let (stop, worker) = bench.start(NO_GRACE).await;
    bench.begins().await;
    let (_, first) = (0, bench.journal.get(&id).await.unwrap());
    // Two leases later the job is still this worker's: nobody else could take it, no second try was begun.
    let later = SystemClock.now_ms() + 2 * bench.attempts.lease_ms();
    while SystemClock.now_ms() < later {
        assert!(bench.journal.lease_job(&id, &WorkerId::fresh(), 1000).await.unwrap().is_none());
        bench.journal.sweep().await.unwrap();
    }
    assert_eq!((first.state, bench.tries(&id)), (JobState::Leased, 1));
    bench.handler.gate.add_permits(1);
    assert_eq!(bench.ended(&id).await.state, WELL);
    stop.cancel();
    worker.await.unwrap();
}
