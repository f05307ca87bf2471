//! A journal, a Redis of the test's own, and processes that work on both.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::{Clock, Job, JobId, Lane, Lease, NewJob, SystemClock, Tenant, WorkerId};
use earmark_journal::{Database, Journal, Outbox, Seam, WorkerInfo};
use earmark_queue::{AttemptRunner, Backoff, Broker, Failed, Handler, Worker, WorkerOptions};
use earmark_servers::{RedisServer, within};
use redis::FromRedisValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// A database and a Redis, and what was done with their jobs.
pub struct Fleet {
    folder: tempfile::TempDir,
    pub journal: Journal,
    pub outbox: Outbox,
    pub redis: RedisServer,
    pub handled: Arc<Mutex<Vec<(Tenant, JobId)>>>,
    pub gate: Arc<Semaphore>,
    started: Arc<Semaphore>,
}

impl Fleet {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        Self {
            folder,
            journal: Journal::new(database.clone()),
            outbox: Outbox::new(database),
            redis: RedisServer::start(),
            handled: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            started: Arc::new(Semaphore::new(0)),
        }
    }

    /// The same, where `seam` says what becomes of the journal's statements.
    pub async fn with_seam(seam: Arc<dyn Seam>) -> Self {
        let fleet = Self::new().await;
        let database = open(fleet.folder.path()).await.with_seam(seam);
        Self { journal: Journal::new(database.clone()), outbox: Outbox::new(database), ..fleet }
    }

    /// The journal as another process sees it.
    pub async fn journal_elsewhere(&self) -> Journal {
        Journal::new(open(self.folder.path()).await)
    }

    pub async fn submit(&self, tenant: &str, lane: Lane) -> JobId {
        let new =
            NewJob { lane, ..NewJob::new("s3://calls/a.wav", "s3://calls/a.wav", Tenant::parse(tenant).unwrap()) };
        let new = NewJob { key: Some(WorkerId::fresh().to_string()), ..new };
        self.journal.accept(&new, "test").await.unwrap().job.id
    }

    /// Jobs that wait at the gate.
    pub async fn submit_gated(&self, count: usize) -> Vec<JobId> {
        let mut jobs = Vec::new();
        for at in 0..count {
            let new = NewJob { key: Some(at.to_string()), ..NewJob::new("gated", "gated", Tenant::default()) };
            jobs.push(self.journal.accept(&new, "test").await.unwrap().job.id);
        }
        jobs
    }

    /// Waits until `count` more jobs were begun.
    pub async fn begun(&self, count: u32) {
        within("jobs to begin", self.started.acquire_many(count)).await.unwrap().forget();
    }

    pub async fn ended(&self, id: &JobId) -> Job {
        let ending = async {
            loop {
                let job = self.journal.get(id).await.unwrap();
                if job.state.is_final() {
                    return job;
                }
                tokio::task::yield_now().await;
            }
        };
        within(&format!("the end of job {id}"), ending).await
    }

    /// Asks the server.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.redis.ask(words).await
    }

    /// Asks until the answer is as it should be.
    pub async fn until<T: FromRedisValue>(&self, words: &[&str], is_so: impl Fn(&T) -> bool) -> T {
        let asking = async {
            loop {
                let answer = self.ask(words).await;
                if is_so(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        within(&format!("another answer to {words:?}"), asking).await
    }
}

async fn open(folder: &std::path::Path) -> Database {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let url = format!("sqlite:{}", folder.join("journal.sqlite").display());
    let database = Database::open(&url, clock).await.unwrap();
    database.migrate().await.unwrap();
    database
}

/// Ends every job, those with `gated` for a URI once the gate lets them.
struct Ending {
    journal: Journal,
    handled: Arc<Mutex<Vec<(Tenant, JobId)>>>,
    gate: Arc<Semaphore>,
    started: Arc<Semaphore>,
}

#[async_trait]
impl Handler for Ending {
    async fn handle(&self, job: &Job, lease: &Lease, _: &CancellationToken) -> Result<(), Failed> {
        self.started.add_permits(1);
        if job.uri == "gated" {
            self.gate.acquire().await.unwrap().forget();
        }
        self.handled.lock().unwrap().push((job.tenant.clone(), job.id.clone()));
        // The journal's shortest final write.
        self.journal.finish_cancel(lease).await.expect("the lease is held");
        Ok(())
    }
}

/// A process with a broker and a worker.
pub struct Process {
    pub broker: Arc<Broker>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Process {
    pub fn start(fleet: &Fleet, slots: usize) -> Self {
        Self::start_on(fleet, &fleet.redis, slots)
    }

    /// With the queue in `redis`.
    pub fn start_on(fleet: &Fleet, redis: &RedisServer, slots: usize) -> Self {
        let journal = fleet.journal.clone();
        let broker =
            Arc::new(Broker::open(&redis.url(), journal.clone(), earmark_intake::Look::anywhere(|_| None)).unwrap());
        let handler = Ending {
            journal: journal.clone(),
            handled: fleet.handled.clone(),
            gate: fleet.gate.clone(),
            started: fleet.started.clone(),
        };
        let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(4) };
        let (lease, timeout) = (Duration::from_secs(60), Duration::from_secs(600));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let attempts =
            Arc::new(AttemptRunner::new(journal.clone(), Arc::new(handler), clock, lease, 5, backoff, timeout));
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (broker, stop) = (broker.clone(), stop.clone());
            async move {
                let id = WorkerId::fresh();
                let info =
                    WorkerInfo { host: "here".into(), pid: std::process::id(), slots: u32::try_from(slots).unwrap() };
                let lock = journal.register_worker(&id, &info).await.unwrap();
                let queue = Arc::new(broker.queue(&id, slots, attempts.lease_ms()));
                let options = WorkerOptions { slots, grace: Duration::from_secs(60) };
                let worker = Worker::new(id, queue, attempts, options);
                tokio::select! {
                    () = broker.run(&stop) => {}
                    _ = worker.run(stop.clone()) => {}
                }
                broker.close().await;
                drop(lock);
            }
        });
        Self { broker, stop, running }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }

    /// As a kill does: nothing is said to anybody.
    pub async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}
