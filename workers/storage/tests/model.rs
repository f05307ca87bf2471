//! The journal against a model: random operations of several workers, some of them dead or late, on both; they must
//! agree at every step, and in the end every job must have found its way out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::HashMap;

use earmark_core::{JobId, JobState, Lane, Lease, NewJob, Tenant};
use earmark_storage::{
    AuditLog, CancelOutcome, Hold, QUARANTINE_DEATHS, ResultStore, StorageError, WorkerInfo, WorkerLock,
};
use proptest::prelude::*;
use support::*;

#[derive(Debug, Clone)]
enum Op {
    Accept { key: Option<u8>, tenant: u8 },
    Lease { worker: usize },
    Renew { lease: usize },
    Release { lease: usize },
    RetryAt { lease: usize, wait_ms: i64, costs_attempt: bool },
    Bury { lease: usize },
    Finish { lease: usize },
    FinishCancel { lease: usize },
    SaveClip { lease: usize, index: u32 },
    Cancel { job: usize },
    Retry { job: usize },
    Wait { ms: i64 },
    Die { worker: usize },
    Sweep,
}

fn op() -> impl Strategy<Value = Op> {
    let number = any::<usize>;
    prop_oneof![
        4 => (proptest::option::of(0..3_u8), 0..2_u8).prop_map(|(key, tenant)| Op::Accept { key, tenant }),
        6 => (0..3_usize).prop_map(|worker| Op::Lease { worker }),
        2 => number().prop_map(|lease| Op::Renew { lease }),
        1 => number().prop_map(|lease| Op::Release { lease }),
        2 => (number(), 0..50_000_i64, any::<bool>()).prop_map(|(lease, wait_ms, costs_attempt)| Op::RetryAt { lease, wait_ms, costs_attempt }),
        1 => number().prop_map(|lease| Op::Bury { lease }),
        2 => number().prop_map(|lease| Op::Finish { lease }),
        1 => number().prop_map(|lease| Op::FinishCancel { lease }),
        2 => (number(), 0..3_u32).prop_map(|(lease, index)| Op::SaveClip { lease, index }),
        2 => number().prop_map(|job| Op::Cancel { job }),
        2 => number().prop_map(|job| Op::Retry { job }),
        3 => (1..40_000_i64).prop_map(|ms| Op::Wait { ms }),
        1 => (0..3_usize).prop_map(|worker| Op::Die { worker }),
        3 => Just(Op::Sweep),
    ]
}

/// What the model knows of a job.
#[derive(Debug, Clone)]
struct Expected {
    state: JobState,
    attempt: u32,
    deaths: u32,
    run_at_ms: i64,
    holder: Option<(Lease, i64)>,
    ended_by: Option<Lease>,
    is_cancel_requested: bool,
    clips: Vec<u32>,
}

struct Model {
    stores: Stores,
    now_ms: i64,
    jobs: Vec<(JobId, Expected)>,
    keys: HashMap<(u8, u8), JobId>,
    leases: Vec<Lease>,
    workers: Vec<(earmark_core::WorkerId, WorkerLock)>,
    /// Those whose death is known before their leases end: their lock files tell.
    dead: Vec<earmark_core::WorkerId>,
    starts: u32,
}

impl Model {
    async fn fresh(ground: &Ground) -> Self {
        let mut model = Self {
            stores: Stores::on(ground).await,
            now_ms: START_MS,
            jobs: Vec::new(),
            keys: HashMap::new(),
            leases: Vec::new(),
            workers: Vec::new(),
            dead: Vec::new(),
            starts: 0,
        };
        for _ in 0..3 {
            let started = model.start_worker().await;
            model.workers.push(started);
        }
        model
    }

    async fn start_worker(&mut self) -> (earmark_core::WorkerId, WorkerLock) {
        self.starts += 1;
        let id = worker(&format!("w{}", self.starts));
        let lock = self
            .stores
            .journal
            .register_worker(&id, &WorkerInfo { host: "here".into(), pid: self.starts, slots: 1 })
            .await
            .unwrap();
        (id, lock)
    }

    fn job(&mut self, id: &JobId) -> &mut Expected {
        &mut self.jobs.iter_mut().find(|(known, _)| known == id).expect("a job of ours").1
    }

    /// The job, if `lease` still holds it.
    fn held(&mut self, lease: &Lease) -> Option<&mut Expected> {
        let job = self.job(&lease.job_id);
        job.holder.as_ref().is_some_and(|(holder, _)| holder == lease).then_some(job)
    }

    fn lease(&self, number: usize) -> Option<Lease> {
        (!self.leases.is_empty()).then(|| self.leases[number % self.leases.len()].clone())
    }

    fn job_id(&self, number: usize) -> Option<JobId> {
        (!self.jobs.is_empty()).then(|| self.jobs[number % self.jobs.len()].0.clone())
    }

    async fn apply(&mut self, op: &Op) {
        let journal = self.stores.journal.clone();
        match *op {
            Op::Accept { key, tenant } => self.accept(key, tenant).await,
            Op::Lease { worker } => self.take(worker).await,
            Op::Wait { ms } => {
                self.stores.clock.advance_ms(ms);
                self.now_ms += ms;
            }
            Op::Die { worker } => {
                let started = self.start_worker().await;
                let (id, lock) = std::mem::replace(&mut self.workers[worker], started);
                drop(lock);
                if self.stores.db.runtime_folder().is_some() {
                    self.dead.push(id);
                }
            }
            Op::Sweep => self.sweep().await,
            Op::Cancel { job } => {
                let Some(id) = self.job_id(job) else { return };
                let outcome = journal.cancel(&id, "cli").await.unwrap();
                let job = self.job(&id);
                let expected = match job.state {
                    JobState::Ready => {
                        job.state = JobState::Cancelled;
                        CancelOutcome::Cancelled
                    }
                    JobState::Leased => {
                        job.is_cancel_requested = true;
                        CancelOutcome::Requested
                    }
                    state => CancelOutcome::AlreadyFinal(state),
                };
                assert_eq!(outcome, expected);
            }
            Op::Retry { job } => {
                let Some(id) = self.job_id(job) else { return };
                let result = journal.retry(&id, "cli").await;
                let now_ms = self.now_ms;
                let job = self.job(&id);
                if matches!(job.state, JobState::Dead | JobState::Cancelled) {
                    result.unwrap();
                    *job = Expected {
                        state: JobState::Ready,
                        attempt: 0,
                        deaths: 0,
                        run_at_ms: now_ms,
                        is_cancel_requested: false,
                        ..job.clone()
                    };
                } else {
                    assert!(matches!(result, Err(StorageError::NotRetriable { .. })));
                }
            }
            Op::Renew { lease }
            | Op::Release { lease }
            | Op::RetryAt { lease, .. }
            | Op::Bury { lease }
            | Op::Finish { lease }
            | Op::FinishCancel { lease }
            | Op::SaveClip { lease, .. } => {
                if let Some(lease) = self.lease(lease) {
                    self.holder_does(op, &lease).await;
                }
            }
        }
    }

    async fn accept(&mut self, key: Option<u8>, tenant: u8) {
        let name = Tenant::parse(&format!("t{tenant}")).unwrap();
        let new = NewJob { tenant: name, key: key.map(|key| key.to_string()), ..new_job("a") };
        let accepted = self.stores.journal.accept(&new, "cli").await.unwrap();
        let known = key.and_then(|key| self.keys.get(&(tenant, key)).cloned());
        assert_eq!(accepted.is_new, known.is_none());
        if let Some(known) = known {
            assert_eq!(accepted.job.id, known);
            return;
        }
        let id = accepted.job.id;
        if let Some(key) = key {
            self.keys.insert((tenant, key), id.clone());
        }
        let expected = Expected {
            state: JobState::Ready,
            attempt: 0,
            deaths: 0,
            run_at_ms: self.now_ms,
            holder: None,
            ended_by: None,
            is_cancel_requested: false,
            clips: Vec::new(),
        };
        self.jobs.push((id, expected));
    }

    async fn take(&mut self, worker: usize) {
        let id = self.workers[worker].0.clone();
        let leased = self.stores.journal.lease_next(&id, Lane::ALL, LEASE_MS).await.unwrap();
        let now_ms = self.now_ms;
        let Some((job, lease)) = leased else {
            assert!(
                !self.jobs.iter().any(|(_, job)| job.state == JobState::Ready && job.run_at_ms <= now_ms),
                "a due job was passed over"
            );
            return;
        };
        let expected = self.job(&job.id);
        assert!(expected.state == JobState::Ready && expected.run_at_ms <= now_ms, "{expected:?}");
        expected.state = JobState::Leased;
        expected.attempt += 1;
        expected.holder = Some((lease.clone(), now_ms + LEASE_MS));
        assert_eq!((job.attempt, job.deaths), (expected.attempt, expected.deaths));
        assert!(!self.leases.contains(&lease), "a lease is never given twice");
        self.leases.push(lease);
    }

    async fn holder_does(&mut self, op: &Op, lease: &Lease) {
        let (journal, now_ms) = (self.stores.journal.clone(), self.now_ms);
        let was_finished_by_it = self.job(&lease.job_id).ended_by.as_ref() == Some(lease);
        let held = self.held(lease);
        let is_held = held.is_some();
        let mut unheld = None;
        let result = match *op {
            Op::Renew { .. } => {
                let hold = journal.renew(std::slice::from_ref(lease), LEASE_MS).await.unwrap()[0].hold;
                let Some(job) = held else {
                    assert_eq!(hold, Hold::Lost);
                    return;
                };
                assert_eq!(hold, if job.is_cancel_requested { Hold::CancelRequested } else { Hold::Held });
                job.holder = Some((lease.clone(), now_ms + LEASE_MS));
                return;
            }
            Op::Release { .. } => {
                unheld = held.map(|job| job.to_ready(job.run_at_ms.min(now_ms), job.attempt - 1));
                journal.release(lease, "").await.map(drop)
            }
            Op::RetryAt { wait_ms, costs_attempt, .. } => {
                unheld = held.map(|job| {
                    job.to_ready(now_ms + wait_ms, if costs_attempt { job.attempt } else { job.attempt - 1 })
                });
                journal.retry_at(lease, now_ms + wait_ms, &problem("x"), costs_attempt).await.map(drop)
            }
            Op::Bury { .. } => {
                unheld = held.map(|job| job.to_final(JobState::Dead));
                journal.bury(lease, &problem("x")).await
            }
            Op::FinishCancel { .. } => {
                unheld = held.map(|job| job.to_final(JobState::Cancelled));
                journal.finish_cancel(lease).await
            }
            Op::Finish { .. } => {
                unheld = held.map(|job| Expected { ended_by: Some(lease.clone()), ..job.to_final(JobState::Done) });
                let job = journal.get(&lease.job_id).await.unwrap();
                let result = self.stores.results.finish(lease, &finished(&job)).await;
                if was_finished_by_it {
                    assert!(result.is_ok(), "the last write may be repeated");
                    return;
                }
                result
            }
            Op::SaveClip { index, .. } => {
                if let Some(job) = held
                    && !job.clips.contains(&index)
                {
                    job.clips.push(index);
                    job.deaths = 0;
                }
                journal.save_clip(lease, "f", &clip(index), &clip_text("a"), None).await
            }
            _ => unreachable!("only what holders do"),
        };
        match result {
            Ok(()) => assert!(is_held, "{op:?} of a zombie was let through"),
            Err(StorageError::LeaseLost(_)) => assert!(!is_held, "{op:?} of the holder was refused"),
            Err(error) => panic!("{op:?}: {error}"),
        }
        if let Some(after) = unheld {
            *self.job(&lease.job_id) = after;
        }
    }

    async fn sweep(&mut self) {
        self.stores.journal.sweep().await.unwrap();
        let (now_ms, dead) = (self.now_ms, self.dead.clone());
        for (_, job) in &mut self.jobs {
            let Some((lease, until_ms)) = job.holder.clone() else { continue };
            let is_gone = dead.contains(&lease.worker);
            if !is_gone && until_ms >= now_ms {
                continue;
            }
            job.deaths += 1;
            let delay_ms = if is_gone { 0 } else { 2_000 << (job.deaths - 1) };
            *job = if job.deaths >= QUARANTINE_DEATHS && !job.is_cancel_requested {
                job.to_final(JobState::Dead)
            } else {
                job.to_ready(now_ms + delay_ms, job.attempt - 1)
            };
        }
    }

    async fn assert_agrees(&self) {
        for (id, expected) in &self.jobs {
            let job = self.stores.journal.get(id).await.unwrap();
            assert_eq!(
                (job.state, job.attempt, job.deaths, job.clips_done as usize),
                (expected.state, expected.attempt, expected.deaths, expected.clips.len()),
                "{expected:?}"
            );
            if job.state == JobState::Ready {
                assert_eq!(job.run_at_ms, expected.run_at_ms, "{expected:?}");
            }
            assert_eq!(job.finished_at_ms.is_some(), job.state.is_final());
            assert_eq!(self.stores.results.report(id).await.unwrap().is_some(), job.state == JobState::Done);
        }
    }

    /// Every job that is not final comes to an end by nothing but time, sweeps and one honest worker.
    async fn drain(&mut self) {
        for worker in 0..3 {
            self.apply(&Op::Die { worker }).await;
        }
        // Where nothing but time tells that a holder is dead, its lease has to end first.
        self.apply(&Op::Wait { ms: 100_000 }).await;
        self.apply(&Op::Sweep).await;
        self.apply(&Op::Wait { ms: 100_000 }).await;
        let before = self.leases.len();
        while self.jobs.iter().any(|(_, job)| !job.state.is_final()) {
            self.apply(&Op::Lease { worker: 0 }).await;
            assert!(self.leases.len() > before, "a job that is not final and that nobody can take");
            self.apply(&Op::Finish { lease: self.leases.len() - 1 }).await;
        }
        self.assert_agrees().await;
        for chain in self.stores.audit.verify(None).await.unwrap() {
            assert_eq!(chain.result, Ok(()), "{chain:?}");
        }
        for (id, job) in &self.jobs {
            let done = self
                .stores
                .audit
                .of_job(id)
                .await
                .unwrap()
                .iter()
                .filter(|entry| entry.head.kind == "job.done")
                .count();
            assert_eq!(done, usize::from(job.state == JobState::Done), "a job is done once");
        }
    }
}

impl Expected {
    fn to_ready(&self, run_at_ms: i64, attempt: u32) -> Self {
        if self.is_cancel_requested {
            return self.to_final(JobState::Cancelled);
        }
        Self { state: JobState::Ready, run_at_ms, attempt, holder: None, ..self.clone() }
    }

    fn to_final(&self, state: JobState) -> Self {
        Self { state, holder: None, ..self.clone() }
    }
}

async fn agree(ground: &Ground, ops: &[Op]) {
    let mut model = Model::fresh(ground).await;
    for op in ops {
        model.apply(op).await;
        model.assert_agrees().await;
    }
    model.drain().await;
}

fn in_runtime<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn the_journal_and_its_model_agree_and_every_job_finds_its_way_out(ops in proptest::collection::vec(op(), 1..60)) {
        in_runtime(agree(&Ground::sqlite(), &ops));
    }
}

#[test]
fn they_agree_on_a_server_too() {
    let ground = Ground::postgres();
    proptest!(config(12), |(ops in proptest::collection::vec(op(), 1..60))| in_runtime(agree(&ground, &ops)));
}
