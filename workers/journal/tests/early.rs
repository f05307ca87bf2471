//! What is told of a job before its result is there, and what becomes of it then.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Action, Job, Lease, MessageKind};
use earmark_journal::{AuditLog, FindingFilter, JournalError, ResultStore};
use support::*;

on_both!(
    only_the_holder_of_a_job_tells_of_it_early,
    a_finding_is_told_once_however_often_the_job_is_tried,
    what_the_whole_does_not_confirm_is_withdrawn_with_its_alert,
    a_rule_that_alerts_does_so_once_early_or_in_the_end,
    what_a_rule_on_trial_finds_is_kept_and_not_listed,
);

async fn leased(stores: &Stores, by: &str) -> (Job, Lease) {
    stores.journal.lease_next(&worker(by), earmark_core::Lane::ALL, LEASE_MS).await.unwrap().unwrap()
}

async fn begun(stores: &Stores) -> (Job, Lease) {
    stores.journal.accept(&new_job("call"), "cli:me").await.unwrap();
    leased(stores, "a").await
}

async fn kinds(stores: &Stores) -> Vec<MessageKind> {
    stores.outbox.due(100, 1).await.unwrap().iter().map(|message| message.kind).collect()
}

async fn open_alerts(stores: &Stores) -> Vec<String> {
    let alerts = stores.outbox.alerts(None, true, 100).await.unwrap();
    alerts.into_iter().filter(|alert| alert.kind == "finding.alert").map(|alert| alert.message).collect()
}

async fn only_the_holder_of_a_job_tells_of_it_early(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = begun(&stores).await;
    let told = earmark_journal::EarlyFinding { alert: None, ..told("guarantee", 0) };
    assert!(stores.journal.raise_early(&lease, &told).await.unwrap());
    let messages = stores.outbox.due(10, 1000).await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(
        (messages[0].kind, &messages[0].payload, &messages[0].job_id),
        (MessageKind::FindingEarly, &told.payload, &Some(job.id))
    );

    stores.journal.release(&lease, "shutdown").await.unwrap();
    let late = stores.journal.raise_early(&lease, &told).await;
    assert!(matches!(late, Err(JournalError::LeaseLost(_))), "{late:?}");
    assert_eq!(stores.outbox.backlog().await.unwrap().waiting, 1);
}

async fn a_finding_is_told_once_however_often_the_job_is_tried(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (_, lease) = begun(&stores).await;
    assert!(stores.journal.raise_early(&lease, &told("guarantee", 0)).await.unwrap());
    assert!(!stores.journal.raise_early(&lease, &told("guarantee", 0)).await.unwrap());
    // Its worker fails; the next one hears the same clip.
    stores.journal.retry_at(&lease, START_MS, &problem("x"), true).await.unwrap();
    let (_, lease) = leased(&stores, "b").await;
    assert!(!stores.journal.raise_early(&lease, &told("guarantee", 0)).await.unwrap());
    assert!(stores.journal.raise_early(&lease, &told("guarantee", 20_000)).await.unwrap(), "another clip");
    let early = kinds(&stores).await.into_iter().filter(|kind| *kind == MessageKind::FindingEarly).count();
    assert_eq!((early, open_alerts(&stores).await.len()), (2, 2));
}

async fn what_the_whole_does_not_confirm_is_withdrawn_with_its_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = begun(&stores).await;
    // The report has `guarantee` at 0.1 to 0.9 s on channel 0, and nothing else.
    for (rule, clip_start_ms) in [("guarantee", 0), ("guarantee", 1_400), ("guarantee", 1_600), ("abuse", 0)] {
        stores.journal.raise_early(&lease, &told(rule, clip_start_ms)).await.unwrap();
    }
    let elsewhere = earmark_journal::EarlyFinding { channel: 1, ..told("guarantee", 0) };
    stores.journal.raise_early(&lease, &elsewhere).await.unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();

    let withdrawn: Vec<_> = stores
        .audit
        .of_job(&job.id)
        .await
        .unwrap()
        .into_iter()
        .filter(|e| e.head.kind == "finding.withdrawn")
        .collect();
    let said: Vec<String> = withdrawn
        .iter()
        .map(|entry| {
            let payload: serde_json::Value = serde_json::from_str(entry.payload.as_deref().unwrap()).unwrap();
            payload["finding_key"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(said, ["0/0/abuse", "1/0/guarantee", "0/1600/guarantee"], "600 ms beyond the clip still confirm it");
    let messages = stores.outbox.due(100, 1).await.unwrap();
    let told: Vec<_> = messages.iter().filter(|message| message.kind == MessageKind::FindingWithdrawn).collect();
    assert_eq!(told.len(), 3);
    assert_eq!((&told[0].payload["rule_id"], &told[0].payload["start_ms"]), (&"abuse".into(), &500.into()));
    let alerts = stores.outbox.alerts(None, false, 100).await.unwrap();
    let closed = alerts.iter().filter(|alert| alert.cause.is_some());
    assert!(closed.clone().all(|alert| alert.acked.is_some()));
    assert_eq!((closed.count(), open_alerts(&stores).await.len()), (3, 2));
    let chain = &stores.audit.verify(None).await.unwrap()[0];
    assert!(chain.is_sound(), "{chain:?}");
}

async fn a_rule_that_alerts_does_so_once_early_or_in_the_end(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = begun(&stores).await;
    stores.journal.raise_early(&lease, &told("guarantee", 0)).await.unwrap();
    let mut whole = finished(&job);
    whole.alerts.clear();
    whole.report.findings[0].actions = vec![Action::Alert];
    // What only the whole shows is told in the end.
    for number in 2..4 {
        let mut late = whole.report.findings[0].clone();
        late.id = format!("f{number}");
        late.rule_id = "sequence".into();
        whole.audit.push(earmark_core::audit::AuditEvent {
            payload: serde_json::json!({ "finding_id": late.id }),
            ..whole.audit[0].clone()
        });
        whole.report.findings.push(late);
    }
    stores.results.finish(&lease, &whole).await.unwrap();
    let alerts = open_alerts(&stores).await;
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert!(alerts.iter().any(|alert| alert.contains("sequence") && alert.ends_with("and 1 more")), "{alerts:?}");
}

async fn what_a_rule_on_trial_finds_is_kept_and_not_listed(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = begun(&stores).await;
    stores.journal.raise_early(&lease, &told("trial", 0)).await.unwrap();
    let mut whole = finished(&job);
    let mut shadow = whole.report.findings[0].clone();
    (shadow.id, shadow.rule_id, shadow.is_shadow) = ("f2".into(), "trial".into(), true);
    shadow.actions = vec![Action::Alert, Action::Block];
    whole.report.shadow_findings.push(shadow);
    stores.results.finish(&lease, &whole).await.unwrap();
    let found = |with_shadow: bool| FindingFilter { with_shadow, ..FindingFilter::default() };
    let listed = stores.results.findings(&found(false)).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.finding.rule_id.as_str()).collect::<Vec<_>>(), ["guarantee"]);
    assert_eq!(stores.results.findings(&found(true)).await.unwrap().len(), 2);
    assert!(open_alerts(&stores).await.is_empty(), "a finding on trial confirms nothing");
    assert_eq!(stores.results.review_hold(&job.id).await.unwrap(), None);
    let chain = &stores.audit.verify(None).await.unwrap()[0];
    assert!(chain.is_sound(), "{chain:?}");
}
