//! The journal against a model: random operations of several workers, some of them dead or late, on both; they must
//! agree at every step, and in the end every job must have found its way out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod expected;
mod op;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, HashMap};

use earmark_core::{JobId, JobOptions, JobState, Lane, Lease, NewJob, Tenant};
use earmark_journal::{
    AuditLog, CancelOutcome, Caps, JournalError, QUARANTINE_DEATHS, Renewal, ResultStore, SavedClip, WorkerInfo,
    WorkerLock,
};
use expected::Expected;
use op::{Op, op};
use proptest::prelude::*;
use support::*;

struct Model {
    stores: Stores,
    now_ms: i64,
    jobs: Vec<(JobId, Expected)>,
    /// By tenant and key, or tenant and recording.
    keys: HashMap<(u8, Option<u8>, u8), JobId>,
    /// Whether the one lane of this test, and of whom.
    pauses: Vec<(bool, Option<u8>)>,
    leases: Vec<Lease>,
    workers: Vec<(earmark_core::WorkerId, WorkerLock)>,
    /// Those whose death is known before their leases end: their lock files tell.
    dead: Vec<earmark_core::WorkerId>,
    starts: u32,
}

impl Model {
    async fn fresh(ground: &Ground) -> Self {
        let mut stores = Stores::on(ground).await;
        let caps = Caps::new(0, BTreeMap::from([(name_of(Some(CAPPED)).unwrap(), u32::try_from(CAP).unwrap())]));
        stores.journal = stores.journal.with_caps(caps);
        let mut model = Self {
            stores,
            now_ms: START_MS,
            jobs: Vec::new(),
            keys: HashMap::new(),
            pauses: Vec::new(),
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
            Op::Accept { .. } => self.accept(op).await,
            Op::Pause { lane, tenant } => {
                let is_new = !self.pauses.contains(&(lane, tenant));
                assert_eq!(journal.pause(lane_of(lane), name_of(tenant).as_ref(), "cli").await.unwrap(), is_new);
                if is_new {
                    self.pauses.push((lane, tenant));
                }
            }
            Op::Resume { lane, tenant } => {
                let before = self.pauses.len();
                self.pauses.retain(|pause| (lane && !pause.0) || (tenant.is_some() && pause.1 != tenant));
                let lifted = journal.resume(lane_of(lane), name_of(tenant).as_ref(), "cli").await.unwrap();
                assert_eq!(lifted.len(), before - self.pauses.len());
            }
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
                        *job = job.to_final(JobState::Cancelled, "job.cancelled");
                        CancelOutcome::Cancelled
                    }
                    JobState::Leased => {
                        if !job.is_cancel_requested {
                            job.history.push("job.cancel_requested");
                        }
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
                    job.history.push("job.retried");
                    job.epoch += 1;
                    *job = Expected {
                        state: JobState::Ready,
                        attempt: 0,
                        deaths: 0,
                        run_at_ms: now_ms,
                        is_cancel_requested: false,
                        ..job.clone()
                    };
                } else {
                    assert!(matches!(result, Err(JournalError::NotRetriable { .. })));
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

    async fn accept(&mut self, op: &Op) {
        let Op::Accept { key, tenant, recording, is_repeat, priority } = *op else { unreachable!("what is accepted") };
        let new = NewJob {
            tenant: name_of(Some(tenant)).unwrap(),
            key: key.map(|key| key.to_string()),
            priority,
            options: JobOptions { is_repeat, ..JobOptions::default() },
            ..new_job(&recording.to_string())
        };
        let answer = self.stores.journal.accept(&new, "cli").await;
        // A key says what is the same, for the one recording that it names; nothing does where it is to be done in any case.
        let same = match key {
            Some(key) => Some((tenant, Some(key), 0)),
            None => (!is_repeat).then_some((tenant, None, recording)),
        };
        let known = same.and_then(|same| self.keys.get(&same).cloned());
        if let Some(known) = &known
            && self.stores.journal.get(known).await.unwrap().location != new.location
        {
            assert!(matches!(answer, Err(JournalError::KeyNames(names)) if names.job == *known));
            return;
        }
        let accepted = answer.unwrap();
        assert_eq!(accepted.is_new, known.is_none());
        if let Some(known) = known {
            assert_eq!((accepted.job.state, &accepted.job.id), (self.job(&known).state, &known));
            return;
        }
        let id = accepted.job.id;
        if let Some(same) = same {
            self.keys.insert(same, id.clone());
        }
        let expected = Expected {
            tenant,
            priority,
            state: JobState::Ready,
            attempt: 0,
            deaths: 0,
            run_at_ms: self.now_ms,
            holder: None,
            ended_by: None,
            is_cancel_requested: false,
            clips: Vec::new(),
            epoch: 0,
            history: vec!["job.accepted"],
        };
        self.jobs.push((id, expected));
    }

    async fn take(&mut self, worker: usize) {
        let id = self.workers[worker].0.clone();
        let leased = self.stores.journal.lease_next(&id, Lane::ALL, LEASE_MS).await.unwrap();
        let now_ms = self.now_ms;
        let Some((job, lease)) = leased else {
            let passed_over = self.jobs.iter().find(|(_, job)| self.may_be_taken(job));
            assert!(passed_over.is_none(), "a due job was passed over: {passed_over:?}");
            return;
        };
        // From the first moment at the recording: every death counts.
        self.stores.journal.set_blameless(&lease, false).await.unwrap();
        let expected = self.job(&job.id).clone();
        assert!(self.may_be_taken(&expected), "{expected:?}");
        let order = |id: &JobId, job: &Expected| (-job.priority, job.run_at_ms, id.clone());
        let others = self.jobs.iter().filter(|(_, other)| other.tenant == expected.tenant && self.may_be_taken(other));
        let first = others.map(|(id, other)| order(id, other)).min();
        assert_eq!(first, Some(order(&job.id, &expected)), "a more urgent job of the same tenant was passed over");
        let expected = self.job(&job.id);
        assert!(lease.epoch == expected.epoch + 1, "epochs rise one by one: {lease:?} {expected:?}");
        expected.epoch = lease.epoch;
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
        if self.held(lease).is_none() {
            self.zombie_writes_nothing(lease).await;
        }
        let held = self.held(lease);
        let is_held = held.is_some();
        let mut unheld = None;
        let result = match *op {
            Op::Renew { .. } => {
                let hold = journal.renew(std::slice::from_ref(lease), LEASE_MS).await.unwrap()[0].renewal;
                let Some(job) = held else {
                    assert_eq!(hold, Renewal::Lost);
                    return;
                };
                assert_eq!(hold, if job.is_cancel_requested { Renewal::CancelRequested } else { Renewal::Renewed });
                job.holder = Some((lease.clone(), now_ms + LEASE_MS));
                return;
            }
            Op::Release { .. } => {
                unheld = held.map(|job| job.to_ready(job.run_at_ms.min(now_ms), job.attempt - 1, None));
                journal.release(lease, "").await.map(drop)
            }
            Op::RetryAt { wait_ms, costs_attempt, .. } => {
                unheld = held.map(|job| {
                    let attempt = if costs_attempt { job.attempt } else { job.attempt - 1 };
                    job.to_ready(now_ms + wait_ms, attempt, Some("job.retry"))
                });
                journal.retry_at(lease, now_ms + wait_ms, &problem("x"), costs_attempt).await.map(drop)
            }
            Op::Bury { .. } => {
                unheld = held.map(|job| job.to_final(JobState::Dead, "job.dead"));
                journal.bury(lease, &problem("x")).await
            }
            Op::FinishCancel { .. } => {
                unheld = held.map(|job| job.to_final(JobState::Cancelled, "job.cancelled"));
                journal.finish_cancel(lease).await
            }
            Op::Finish { .. } => {
                unheld = held.map(|job| {
                    job.history.push("finding.raised");
                    Expected { ended_by: Some(lease.clone()), ..job.to_final(JobState::Done, "job.done") }
                });
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
            Err(JournalError::LeaseLost(_)) => assert!(!is_held, "{op:?} of the holder was refused"),
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
                job.to_final(JobState::Dead, "job.quarantined")
            } else {
                job.to_ready(now_ms + delay_ms, job.attempt - 1, Some("job.retry"))
            };
        }
    }

    async fn assert_agrees(&self) {
        for (id, expected) in &self.jobs {
            let job = self.stores.journal.get(id).await.unwrap();
            assert_eq!(
                (job.state, job.attempt, job.deaths, usize::try_from(job.clips_done).unwrap()),
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
        self.apply(&Op::Resume { lane: false, tenant: None }).await;
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
            let entries = self.stores.audit.of_job(id).await.unwrap();
            let told: Vec<_> = entries.iter().map(|entry| entry.head.kind.as_str()).collect();
            assert_eq!(told, job.history, "what is on record is what happened");
        }
    }

    /// Whether the job is due and neither its pauses nor the cap of its tenant are in the way.
    fn may_be_taken(&self, job: &Expected) -> bool {
        let is_paused = self.pauses.iter().any(|(_, of)| of.is_none_or(|of| of == job.tenant));
        let leased =
            self.jobs.iter().filter(|(_, other)| other.tenant == job.tenant && other.state == JobState::Leased).count();
        let has_room = job.tenant != CAPPED || leased < CAP;
        job.state == JobState::Ready && job.run_at_ms <= self.now_ms && !is_paused && has_room
    }

    /// Whoever has lost a job writes nothing about it, of no kind. What holders do otherwise is an operation of its own.
    async fn zombie_writes_nothing(&self, lease: &Lease) {
        let journal = &self.stores.journal;
        let saved = SavedClip { clip: clip(0), text: clip_text("z"), reused_from: None };
        let results = [
            ("check_held", journal.check_held(lease).await),
            ("set_blameless", journal.set_blameless(lease, true).await),
            ("set_clips_total", journal.set_clips_total(lease, "f", 9).await),
            ("book_request", journal.book_request(lease, &booking(&lease.job_id), None).await),
            ("save_clips", journal.save_clips(lease, "f", &[(clip(7), clip_text("z"))]).await),
            ("reuse_clips", journal.reuse_clips(lease, "f", &lease.job_id, &[saved]).await),
            ("hung", journal.hung(lease, &problem("x")).await.map(drop)),
            ("raise_early", journal.raise_early(lease, &told("guarantee", 0)).await.map(drop)),
        ];
        for (name, result) in results {
            assert!(matches!(result, Err(JournalError::LeaseLost(_))), "{name}: {result:?}");
        }
    }
}

/// The tenant that may have but [`CAP`] jobs leased.
const CAPPED: u8 = 1;
const CAP: usize = 1;

fn name_of(tenant: Option<u8>) -> Option<Tenant> {
    tenant.map(|tenant| Tenant::parse(&format!("t{tenant}")).unwrap())
}

fn lane_of(is_named: bool) -> Option<Lane> {
    is_named.then_some(Lane::Call)
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
