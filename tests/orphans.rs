//! Artifacts in a bucket that no finished job names are swept, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;

use earmark::{OrphanReport, OrphanSweep};
use earmark_core::{
    Artifact, Cost, Engine, Job, JobId, ManualClock, NewJob, Recording, Report, RuleSetId, Tenant, WorkerId, rfc3339,
};
use earmark_journal::{Database, Finished, Journal, ResultStore, SqlResults};
use earmark_objects::{ArtifactStore, S3, S3Artifacts, S3Options, Sse};
use earmark_servers::S3Server;
use tempfile::TempDir;

const REPORT: &[u8] = b"{}";
const START_MS: i64 = 1_760_000_000_000;
const LEASE_MS: i64 = 30_000;

/// A database of the test's own.
struct Stores {
    journal: Journal,
    results: SqlResults,
    _folder: TempDir,
}

impl Stores {
    async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("earmark.sqlite").display());
        let database = Database::open(&url, Arc::new(ManualClock::at(START_MS))).await.unwrap();
        database.migrate().await.unwrap();
        Self { journal: Journal::new(database.clone()), results: SqlResults::new(database), _folder: folder }
    }
}

fn artifacts(server: &S3Server, bucket: &str, sse: Sse) -> S3Artifacts {
    let options = S3Options { endpoint: Some(server.endpoint()), ..S3Options::default() };
    S3Artifacts::new(S3::with_key(options, S3Server::ACCESS_KEY, S3Server::SECRET_KEY), bucket, "/out/", sse)
}

async fn accepted(stores: &Stores, name: &str) -> Job {
    let new = NewJob::new(format!("{name}.wav"), format!("/calls/{name}.wav"), Tenant::default());
    stores.journal.accept(&new, "cli").await.unwrap().job
}

/// The outcome of a job in whose recording nobody speaks.
fn finished(job: &Job, artifacts: Vec<Artifact>) -> Finished {
    let report = Report {
        job_id: job.id.clone(),
        tenant: job.tenant.clone(),
        lane: job.lane,
        key: None,
        metadata: serde_json::Map::new(),
        accepted_at: rfc3339(job.accepted_at_ms),
        finished_at: rfc3339(job.accepted_at_ms),
        language: "zh".into(),
        recording: Recording {
            uri: job.uri.clone(),
            sha256: "ab".repeat(32),
            size_bytes: 7,
            duration_ms: 1000,
            channels: 1,
            codec: "pcm_s16le".into(),
            sample_rate_hz: 8000,
            accounting: None,
            parts: Vec::new(),
        },
        engine: Engine { name: "local".into(), model: "base".into(), version: "1".into() },
        rule_set: RuleSetId { name: "starter".into(), sha256: "cd".repeat(32) },
        utterances: Vec::new(),
        findings: Vec::new(),
        shadow_findings: Vec::new(),
        speech: Vec::new(),
        cost: Cost::default(),
        warnings: Vec::new(),
    };
    Finished { report, artifacts, audit: Vec::new(), alerts: Vec::new() }
}

#[tokio::test]
async fn a_sweep_removes_what_no_finished_job_names_and_nothing_else() {
    let server = S3Server::start(&["results"]).await;
    let stores = Stores::fresh().await;
    let artifacts = artifacts(&server, "results", Sse::AsTheBucket);

    // Done: one report is named, the one of a try before is not.
    let done = accepted(&stores, "done").await;
    artifacts.put(&done, "report.json", b"of a try before").await.unwrap();
    let named = artifacts.put(&done, "report.json", REPORT).await.unwrap();
    let leased = stores.journal.lease_job(&done.id, &WorkerId::stored("w"), LEASE_MS).await.unwrap().unwrap();
    stores.results.finish(&leased.1, &finished(&done, vec![named.clone()])).await.unwrap();
    // Under way: it may yet name what is there.
    let open = accepted(&stores, "open").await;
    let awaited = artifacts.put(&open, "report.json", REPORT).await.unwrap();
    // Of another database, perhaps.
    let unknown = Job { id: JobId::at(START_MS), ..open.clone() };
    let strange = artifacts.put(&unknown, "report.json", REPORT).await.unwrap();
    server.lay("results", "out/readme.txt", b"not ours");

    let swept = async |written_before_ms, takes_unknown, is_dry| {
        let sweep = OrphanSweep {
            artifacts: &artifacts,
            journal: &stores.journal,
            results: &stores.results,
            written_before_ms,
            takes_unknown,
            is_dry,
        };
        sweep.run().await.unwrap()
    };
    let key = |artifact: &Artifact| artifact.uri.strip_prefix("s3://results/").unwrap().to_owned();

    // Whoever wrote just now may be about to name it.
    let young = swept(START_MS, true, false).await;
    assert_eq!(young, OrphanReport { seen: 4, foreign: 1, ..OrphanReport::default() });
    let expected = OrphanReport { seen: 4, orphans: 1, orphaned_bytes: 15, unknown: 1, foreign: 1 };
    assert_eq!(swept(i64::MAX, false, true).await, expected);
    assert_eq!(server.keys("results").len(), 5, "a dry run removes nothing");
    assert_eq!(swept(i64::MAX, false, false).await, expected);
    let mut kept = vec![key(&named), key(&awaited), key(&strange), "out/readme.txt".to_owned()];
    kept.sort();
    assert_eq!(server.keys("results"), kept);
    assert_eq!(swept(i64::MAX, true, false).await.orphans, 1);
    assert!(!server.keys("results").contains(&key(&strange)));
    assert_eq!(swept(i64::MAX, true, false).await.orphans, 0);
}
