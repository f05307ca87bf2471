//! Jobs that are done, without anybody having listened: their transcripts are the true ones of the recorded dialogues.

use std::sync::Arc;

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{
    Cost, Engine, JobId, Lane, ManualClock, NewJob, Recording, Report, Speaker, Tenant, TimePrecision, Utterance,
    WorkerId, rfc3339,
};
use earmark_journal::{Database, Finished, Journal, ResultStore, SqlResults};
use earmark_rules::{Context, RuleSet};
use serde_json::{Value, json};

use crate::support::{Machine, manifest};

/// When the first of them was done.
pub const START_MS: i64 = 1_760_000_000_000;

/// A done job for each recorded dialogue, judged by the starter set; a second apart. Gives their ids in order.
pub async fn store_dialogues(machine: &Machine) -> Vec<JobId> {
    let clock = Arc::new(ManualClock::at(START_MS));
    let database = Database::open(&format!("sqlite:{}", machine.database().display()), clock.clone()).await.unwrap();
    database.migrate().await.unwrap();
    let (journal, results) = (Journal::new(database.clone()), SqlResults::new(database));
    let mut ids = Vec::new();
    for item in manifest().iter().filter(|item| item.get("dialogue").is_some()) {
        let name = item["file"].as_str().unwrap();
        let new = NewJob::new(name, format!("/calls/{name}"), Tenant::default());
        journal.accept(&new, "cli").await.unwrap();
        let worker = WorkerId::stored("w");
        let (job, lease) = journal.lease_next(&worker, Lane::ALL, 30_000).await.unwrap().unwrap();
        let utterances = utterances(item);
        let language = item["language"].as_str().unwrap().to_owned();
        let duration_ms = ms(&item["duration_s"]);
        let context = Context {
            duration_ms,
            language: Some(language.clone()),
            lane: Some(job.lane),
            tenant: Some(job.tenant.clone()),
            accepted_at_ms: Some(job.accepted_at_ms),
            ..Context::default()
        };
        let rules = RuleSet::starter();
        let findings = rules.find(&utterances, &context);
        let raised = findings.iter().map(|finding| AuditEvent {
            actor: "worker:w".into(),
            tenant: job.tenant.clone(),
            kind: AuditKind::FindingRaised,
            job_id: Some(job.id.to_string()),
            payload: json!({ "finding_id": finding.id }),
            rule_set_sha256: None,
            engine: None,
            audio_sha256: None,
        });
        let audit = raised.collect();
        let report = Report {
            job_id: job.id.clone(),
            tenant: job.tenant.clone(),
            lane: job.lane,
            key: None,
            metadata: serde_json::Map::new(),
            accepted_at: rfc3339(job.accepted_at_ms),
            finished_at: rfc3339(job.accepted_at_ms),
            language,
            recording: Recording {
                uri: job.uri.clone(),
                sha256: item["sha256"].as_str().unwrap().into(),
                size_bytes: item["bytes"].as_u64().unwrap(),
                duration_ms,
                channels: 2,
                codec: item["codec"].as_str().unwrap().into(),
                sample_rate_hz: 8000,
                accounting: None,
                parts: Vec::new(),
            },
            engine: Engine { name: "local".into(), model: "base".into(), version: "1".into() },
            rule_set: rules.id().clone(),
            utterances,
            findings,
            shadow_findings: Vec::new(),
            speech: Vec::new(),
            cost: Cost::default(),
            warnings: Vec::new(),
        };
        let finished = Finished { report, artifacts: Vec::new(), audit, alerts: Vec::new() };
        results.finish(&lease, &finished).await.unwrap();
        ids.push(job.id);
        clock.advance_ms(1000);
    }
    ids
}

#[expect(clippy::as_conversions, reason = "seconds of a dialogue, not negative")]
fn ms(seconds: &Value) -> u64 {
    (seconds.as_f64().unwrap() * 1000.0) as u64
}

fn utterances(item: &Value) -> Vec<Utterance> {
    let turn = |(number, turn): (usize, &Value)| Utterance {
        id: u32::try_from(number).unwrap(),
        channel: u16::try_from(turn["channel"].as_u64().unwrap()).unwrap(),
        speaker: Speaker(turn["speaker"].as_str().unwrap().into()),
        start_ms: ms(&turn["start_s"]),
        end_ms: ms(&turn["end_s"]),
        time_precision: TimePrecision::Segment,
        language: None,
        text: turn["text"].as_str().unwrap().into(),
        words: Vec::new(),
    };
    item["segments"].as_array().unwrap().iter().enumerate().map(turn).collect()
}
