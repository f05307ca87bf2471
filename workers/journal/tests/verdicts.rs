//! What reviewers say of findings: on record, replaced by what they say later, listed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Finding, JobId, Lane, Verdict};
use earmark_journal::{
    AuditLog, ChainReport, JournalError, Judged, JudgedFilter, NewVerdict, ResultStore, RuleSets, Verdicts,
};
use serde_json::json;
use support::*;

on_both!(
    a_later_verdict_replaces_the_earlier_and_both_stay_on_record,
    what_is_not_there_or_too_long_is_refused,
    pages_hold_every_finding_once_and_filters_hold,
    a_rule_set_is_named_by_a_unique_beginning_of_its_hash,
);

/// A job with so many findings, all at one instant but the last, which is of a rule on trial.
async fn done(stores: &Stores, name: &str, count: usize) -> JobId {
    stores.journal.accept(&new_job(name), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    let mut finished = finished(&job);
    let first = finished.report.findings.remove(0);
    for number in 1..=count {
        let is_last = number == count;
        let id = format!("f{number}");
        let finding =
            Finding { id: id.clone(), is_shadow: is_last, start_ms: if is_last { 500 } else { 100 }, ..first.clone() };
        finished.report.findings.push(finding);
        if number > 1 {
            let mut event = finished.audit[0].clone();
            event.payload = json!({ "finding_id": id });
            finished.audit.push(event);
        }
    }
    stores.results.finish(&lease, &finished).await.unwrap();
    job.id
}

fn verdict(job: &JobId, finding: &str, verdict: Verdict) -> NewVerdict {
    NewVerdict {
        job_id: job.clone(),
        finding_id: finding.into(),
        verdict,
        by: "ann".into(),
        note: Some("为什么".into()),
    }
}

async fn a_later_verdict_replaces_the_earlier_and_both_stay_on_record(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let verdicts = Verdicts::new(stores.db.clone());
    let job = done(&stores, "a", 1).await;
    verdicts.judge(&verdict(&job, "f1", Verdict::Confirmed), "cli").await.unwrap();
    stores.clock.advance_ms(1000);
    let later = NewVerdict { by: "bob".into(), note: None, ..verdict(&job, "f1", Verdict::Rejected) };
    let given = verdicts.judge(&later, "http:crm").await.unwrap();
    assert_eq!((given.verdict, given.by.as_str(), given.note.as_deref()), (Verdict::Rejected, "bob", None));
    let listed = verdicts.list(&JudgedFilter::default()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].verdict.as_ref(), Some(&given));
    let entries = stores.audit.of_job(&job).await.unwrap();
    let judged: Vec<_> = entries.iter().filter(|entry| entry.head.kind == "finding.judged").collect();
    assert_eq!(judged.iter().map(|entry| entry.head.actor.as_str()).collect::<Vec<_>>(), ["cli", "http:crm"]);
    let payload = judged[0].payload.as_deref().unwrap();
    assert!(
        payload.contains(r#""by":"ann""#) && !payload.contains("为什么") && !payload.contains("保证收益"),
        "{payload}"
    );
    assert_eq!(stores.tamper("UPDATE finding_verdicts SET is_current = 0 WHERE number <= 2").await, 2);
    assert!(stores.audit.verify(None).await.unwrap().iter().all(ChainReport::is_sound));
}

async fn what_is_not_there_or_too_long_is_refused(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let verdicts = Verdicts::new(stores.db.clone());
    let job = done(&stores, "a", 1).await;
    let confirm = |finding: &str| verdict(&job, finding, Verdict::Confirmed);
    for finding in ["f9", "", "f\0"] {
        let error = verdicts.judge(&confirm(finding), "cli").await.unwrap_err();
        assert!(matches!(error, JournalError::NoSuchFinding { .. }), "{finding:?}: {error}");
    }
    let unknown = JobId::at(1);
    let error = verdicts.judge(&verdict(&unknown, "f1", Verdict::Confirmed), "cli").await.unwrap_err();
    assert!(matches!(error, JournalError::NoSuchJob(id) if id == unknown));
    let long = NewVerdict { note: Some("x".repeat(4001)), ..confirm("f1") };
    let error = verdicts.judge(&long, "cli").await.unwrap_err();
    assert_eq!(error.to_string(), "the note has 4001 bytes, it may have 4000");
    let nul = NewVerdict { by: "a\0b".into(), ..confirm("f1") };
    assert!(matches!(verdicts.judge(&nul, "cli").await.unwrap_err(), JournalError::NulInText { .. }));
}

async fn pages_hold_every_finding_once_and_filters_hold(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let verdicts = Verdicts::new(stores.db.clone());
    let mut jobs = Vec::new();
    for number in 0..4 {
        stores.clock.advance_ms(i64::from(number / 2));
        jobs.push(done(&stores, &number.to_string(), 3).await);
    }
    let whole = verdicts.list(&JudgedFilter::default()).await.unwrap();
    assert_eq!(whole.len(), 12);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page =
            verdicts.list(&JudgedFilter { after: after.clone(), limit: 5, ..JudgedFilter::default() }).await.unwrap();
        after = page.last().map(earmark_journal::JudgedFinding::place);
        seen.extend(page);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, whole);
    verdicts.judge(&verdict(&jobs[0], "f1", Verdict::Confirmed), "cli").await.unwrap();
    verdicts.judge(&verdict(&jobs[1], "f3", Verdict::Rejected), "cli").await.unwrap();
    let count = async |filter: JudgedFilter| verdicts.list(&filter).await.unwrap().len();
    let base = JudgedFilter::default;
    for (filter, expected) in [
        (JudgedFilter { judged: Some(Judged::As(Verdict::Confirmed)), ..base() }, 1),
        (JudgedFilter { judged: Some(Judged::As(Verdict::Rejected)), is_shadow: Some(false), ..base() }, 0),
        (JudgedFilter { judged: Some(Judged::NotYet), ..base() }, 10),
        (JudgedFilter { is_shadow: Some(true), ..base() }, 4),
        (JudgedFilter { is_shadow: Some(false), ..base() }, 8),
        (JudgedFilter { rule_id: Some("guarantee".into()), ..base() }, 12),
        (JudgedFilter { rule_id: Some("none".into()), ..base() }, 0),
        (JudgedFilter { rule_id: Some("a\0".into()), ..base() }, 0),
        (JudgedFilter { since_ms: Some(START_MS + 100), ..base() }, 0),
        (JudgedFilter { tenant: Some(earmark_core::Tenant::parse("other").unwrap()), ..base() }, 0),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter:?}");
    }
}

async fn a_rule_set_is_named_by_a_unique_beginning_of_its_hash(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let rule_sets = RuleSets::new(stores.db.clone());
    for sha256 in ["abc1", "abd2"] {
        rule_sets.put(sha256, "mine", &json!([])).await.unwrap();
    }
    assert_eq!(rule_sets.find("ABC").await.unwrap().sha256, "abc1");
    assert!(matches!(rule_sets.find("ab").await.unwrap_err(), JournalError::AmbiguousRuleSet(_)));
    for name in ["abe", "", "%", "a_", "a\0"] {
        assert!(matches!(rule_sets.find(name).await.unwrap_err(), JournalError::NoSuchRuleSet(_)), "{name:?}");
    }
}
