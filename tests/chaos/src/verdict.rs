//! The check from outside: what the database, the store and the recogniser's log say about the jobs that were offered.

use std::collections::{BTreeMap, HashMap, HashSet};

use earmark_simulator::Simulator;
use sha2::{Digest, Sha256};
use sqlx::Row;

use crate::backends::Backends;
use crate::fleet::Fleet;
use crate::journal::{JobRow, Outside};
use crate::plan::Plan;

/// What came of a run. Everything in `wrong` is a promise broken.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Jobs that were accepted.
    pub jobs: usize,
    /// Jobs that ended with a result.
    pub done: usize,
    /// Jobs that are in no final state, are missing, or died although nothing was wrong with them.
    pub lost: usize,
    /// Jobs or reports that are there more often than once.
    pub double: usize,
    /// Clips of all recordings.
    pub clips: usize,
    /// Requests that the simulator counted.
    pub requests: usize,
    /// Requests for a clip beyond its first.
    pub sent_again: usize,
    /// Most requests in flight whose process lived.
    pub peak: usize,
    /// Most requests in flight, those of killed processes with them.
    pub peak_with_dead: usize,
    /// Tries after the first, of all jobs: leases beyond the first.
    pub retries: usize,
    /// Tries that were charged to jobs, by the code of their errors.
    pub tries: BTreeMap<String, usize>,
    /// Jobs that were given up.
    pub dead: usize,
    /// What PostgreSQL said of transactions that were begun twice, or ended without a begin; none where there is no
    /// PostgreSQL.
    pub warnings: Option<usize>,
    /// Artifacts in the store that no row names: harmless, and swept later.
    pub orphans: usize,
    /// What must not be, in words.
    pub wrong: Vec<String>,
}

/// What a run was allowed.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Requests in flight.
    pub permits: usize,
    /// Requests beyond the clips.
    pub again: usize,
}

/// What PostgreSQL says of a transaction that its client has lost count of.
const LOST_COUNT: [&str; 2] = ["there is no transaction in progress", "there is already a transaction in progress"];

/// Looks at everything; at a provider's log where one was asked.
pub async fn judge(plan: &Plan, backends: &Backends, fleet: &Fleet, outside: &Outside, allowed: Allowed) -> Verdict {
    let jobs = outside.jobs().await;
    let clips = jobs.iter().map(|job| usize::try_from(job.clips).unwrap_or(0)).sum();
    let mut verdict = Verdict { jobs: jobs.len(), clips, ..Verdict::default() };
    verdict.states(plan, &jobs);
    verdict.entries(&jobs, outside).await;
    verdict.artifacts(&jobs, backends, outside).await;
    verdict.tries(outside).await;
    if let Some(simulator) = &backends.provider {
        verdict.requests(simulator, allowed);
    }
    if let Some(postgres) = &backends.postgres {
        verdict.warnings(&postgres.log());
    }
    let verified = fleet.ran(&["audit", "verify"]).await;
    if !verified.status.success() {
        verdict.wrong.push(format!("audit verify: {}", String::from_utf8_lossy(&verified.stderr)));
    }
    verdict
}

impl Verdict {
    /// Each offer is one job, and each job is done.
    fn states(&mut self, plan: &Plan, jobs: &[JobRow]) {
        let mut by_key: HashMap<&str, Vec<&JobRow>> = HashMap::new();
        for job in jobs {
            by_key.entry(&job.key).or_default().push(job);
            self.retries += usize::try_from(job.epoch - 1).unwrap_or(0);
            self.dead += usize::from(job.state == "dead");
        }
        for offer in plan.offers.iter().flat_map(|(_, offers)| offers) {
            let key = offer.key();
            match by_key.get(key.as_str()).map(Vec::as_slice) {
                None | Some([]) => {
                    self.lost += 1;
                    self.wrong.push(format!("{key} is no job"));
                }
                Some([job]) if job.state == "done" => self.done += 1,
                Some([job]) => {
                    self.lost += 1;
                    let why = job.error.as_deref().unwrap_or("no cause");
                    self.wrong.push(format!("{key} ({}) is {}, {} leases: {why}", job.id, job.state, job.epoch));
                }
                Some(more) => {
                    self.double += more.len() - 1;
                    self.wrong.push(format!("{key} is {} jobs", more.len()));
                }
            }
        }
    }

    /// Each done job has one entry that says so, by its last holder: whoever held it before wrote nothing after.
    async fn entries(&mut self, jobs: &[JobRow], outside: &Outside) {
        let statement = "SELECT job_id, kind, actor FROM audit_entries WHERE kind IN ('job.done', 'job.accepted') ORDER BY tenant, seq";
        let mut done: HashMap<String, Vec<String>> = HashMap::new();
        let mut accepted: HashMap<String, usize> = HashMap::new();
        for row in outside.rows(statement).await {
            let job: String = row.get("job_id");
            if row.get::<String, _>("kind") == "job.done" {
                done.entry(job).or_default().push(row.get("actor"));
            } else {
                *accepted.entry(job).or_default() += 1;
            }
        }
        for job in jobs {
            if accepted.get(&job.id) != Some(&1) {
                self.wrong.push(format!("{} is accepted by {:?} entries", job.id, accepted.get(&job.id)));
            }
            let actors = done.get(&job.id).map_or(&[][..], Vec::as_slice);
            if job.state != "done" {
                if !actors.is_empty() {
                    self.wrong.push(format!("{} is {} and has an entry job.done", job.id, job.state));
                }
                continue;
            }
            self.double += actors.len().saturating_sub(1);
            let holder = format!("worker:{}", job.owner.as_deref().unwrap_or_default());
            if actors != [holder.clone()] {
                self.wrong.push(format!("{} was held by {holder} and ended by {actors:?}", job.id));
            }
        }
    }

    /// Each done job has one report, which is its own, and all its artifacts with the bytes that the rows name.
    async fn artifacts(&mut self, jobs: &[JobRow], backends: &Backends, outside: &Outside) {
        let reports: HashMap<String, String> = outside
            .rows("SELECT job_id, report FROM results")
            .await
            .iter()
            .map(|row| (row.get("job_id"), row.get("report")))
            .collect();
        let mut artifacts: HashMap<String, BTreeMap<String, (String, String)>> = HashMap::new();
        let mut named = HashSet::new();
        for row in outside.rows("SELECT job_id, name, sha256, uri FROM artifacts").await {
            let uri: String = row.get("uri");
            named.insert(backends.file_of(&uri));
            artifacts.entry(row.get("job_id")).or_default().insert(row.get("name"), (row.get("sha256"), uri));
        }
        for job in jobs {
            let (report, files) = (reports.get(&job.id), artifacts.get(&job.id));
            if job.state != "done" {
                if report.is_some() || files.is_some() {
                    self.wrong.push(format!("{} is {} and has a result", job.id, job.state));
                }
                continue;
            }
            let Some(report) = report else {
                self.lost += 1;
                self.wrong.push(format!("{} has no report", job.id));
                continue;
            };
            let report: serde_json::Value = serde_json::from_str(report).unwrap();
            if report["job_id"] != job.id.as_str() || report["utterances"].as_array().is_none_or(Vec::is_empty) {
                self.wrong.push(format!("{}'s report is not its own, or empty", job.id));
            }
            let Some(files) = files.filter(|files| files.contains_key("report.json")) else {
                self.lost += 1;
                self.wrong.push(format!("{} has no artifacts", job.id));
                continue;
            };
            for (name, (sha256, uri)) in files {
                let bytes = std::fs::read(backends.file_of(uri)).unwrap_or_default();
                let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                if found != *sha256 {
                    self.wrong.push(format!("{name} of {} at {uri} has the hash {found}, not {sha256}", job.id));
                }
            }
        }
        self.orphans = backends.results().iter().filter(|file| !named.contains(*file)).count();
    }

    /// What tries were spent on: told, not judged, for a job that has spent all of them is dead.
    async fn tries(&mut self, outside: &Outside) {
        for row in outside.rows("SELECT kind, payload FROM audit_entries WHERE kind IN ('job.retry', 'job.dead')").await
        {
            let payload: Option<String> = row.get("payload");
            let payload: serde_json::Value = serde_json::from_str(&payload.unwrap_or_default()).unwrap_or_default();
            // A job that is given up has spent its last one.
            if row.get::<String, _>("kind") == "job.dead" || payload["costs_attempt"] == true {
                *self.tries.entry(payload["code"].as_str().unwrap_or("unknown").into()).or_default() += 1;
            }
        }
    }

    /// No client of PostgreSQL has lost count of its transactions.
    fn warnings(&mut self, log: &str) {
        let lines: Vec<&str> = log.lines().filter(|line| LOST_COUNT.iter().any(|words| line.contains(words))).collect();
        self.warnings = Some(lines.len());
        for words in LOST_COUNT {
            let count = lines.iter().filter(|line| line.contains(words)).count();
            if count > 0 {
                self.wrong.push(format!("PostgreSQL said {count} times: {words}"));
            }
        }
    }

    /// No request beyond those that kills can cost, and never more of them in flight than the account allows.
    fn requests(&mut self, simulator: &Simulator, allowed: Allowed) {
        let summary = simulator.summary();
        self.requests = summary.requests;
        self.sent_again = summary.requests - summary.distinct_audio;
        self.peak = summary.peak_in_flight.with_client;
        self.peak_with_dead = summary.peak_in_flight.all;
        if self.requests > self.clips + allowed.again {
            self.wrong.push(format!("{} requests for {} clips", self.requests, self.clips));
        }
        if summary.distinct_audio != self.clips {
            self.wrong.push(format!("{} different clips were sent of {}", summary.distinct_audio, self.clips));
        }
        if self.peak > allowed.permits {
            self.wrong.push(format!("{} requests in flight, {} are allowed", self.peak, allowed.permits));
        }
    }

    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.double == 0 && self.wrong.is_empty()
    }
}
