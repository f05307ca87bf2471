//! Judging again: pages of reports, what is kept of a replay, and findings in the place of others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Finding, FindingKind, Job, Lane, RuleSetId, Severity, Verdict};
use earmark_journal::{
    AuditLog, ChainReport, JournalError, Judged, JudgedFilter, NewReplay, NewVerdict, Replacement, ReplayFilter,
    Replays, ResultStore, Retention, RetentionTimes, Verdicts,
};
use support::*;

on_both!(
    pages_hold_every_report_once_in_order_of_time_and_id,
    what_a_replay_found_different_is_kept_and_goes_with_its_job,
    applying_puts_findings_in_the_place_of_others_once_and_the_chain_holds,
    findings_changed_after_a_replay_are_noticed,
    verdicts_go_over_to_what_is_found_at_the_same_place_and_the_others_end,
);

async fn done(stores: &Stores, name: &str) -> Job {
    stores.journal.accept(&new_job(name), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    job
}

fn rules(name: &str) -> RuleSetId {
    RuleSetId { name: name.into(), sha256: name.repeat(64)[..64].into() }
}

fn asked(is_applied: bool) -> NewReplay {
    let filter = ReplayFilter { limit: 7, lane: Some(Lane::Call), ..ReplayFilter::default() };
    NewReplay { from: rules("a"), to: rules("b"), filter, actor: "cli".into(), is_applied }
}

/// What another rule set finds: the first finding's place again, graver, and one more before it.
fn found_again(job: &Job) -> Vec<Finding> {
    let first = finished(job).report.findings.remove(0);
    let graver = Finding { id: "f2".into(), severity: Severity::Critical, ..first.clone() };
    let missing = Finding {
        id: "f1".into(),
        rule_id: "notice".into(),
        kind: FindingKind::Missing,
        utterance_id: None,
        span: None,
        start_ms: 0,
        ..first
    };
    vec![missing, graver]
}

async fn assert_sound(stores: &Stores) {
    let reports = stores.audit.verify(None).await.unwrap();
    assert!(reports.iter().all(ChainReport::is_sound), "{reports:?}");
}

async fn pages_hold_every_report_once_in_order_of_time_and_id(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let replays = Replays::new(stores.db.clone());
    let mut expected = Vec::new();
    for number in 0..7 {
        // Some at the same instant.
        stores.clock.advance_ms(i64::from(number % 2));
        let job = done(&stores, &number.to_string()).await;
        expected.push((stores.journal.get(&job.id).await.unwrap().finished_at_ms.unwrap(), job.id));
    }
    expected.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = replays.page(&ReplayFilter::default(), after.as_ref(), 3).await.unwrap();
        assert!(page.iter().all(|report| report.text.contains(report.job_id.as_str())));
        seen.extend(page.iter().map(|report| (report.finished_at_ms, report.job_id.clone())));
        match page.last() {
            Some(last) => after = Some((last.finished_at_ms, last.job_id.clone())),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    let count = async |filter: ReplayFilter| replays.page(&filter, None, 100).await.unwrap().len();
    let (first_ms, last_ms) = (expected[0].0, expected[6].0);
    assert_eq!(count(ReplayFilter { since_ms: Some(last_ms + 1), ..ReplayFilter::default() }).await, 0);
    assert_eq!(count(ReplayFilter { until_ms: Some(first_ms), ..ReplayFilter::default() }).await, 0);
    assert_eq!(
        count(ReplayFilter { since_ms: Some(first_ms), until_ms: Some(last_ms + 1), ..ReplayFilter::default() }).await,
        7
    );
    assert_eq!(count(ReplayFilter { lane: Some(Lane::Archive), ..ReplayFilter::default() }).await, 0);
    let other = earmark_core::Tenant::parse("other").unwrap();
    assert_eq!(count(ReplayFilter { tenant: Some(other), ..ReplayFilter::default() }).await, 0);
}

async fn what_a_replay_found_different_is_kept_and_goes_with_its_job(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let replays = Replays::new(stores.db.clone());
    let job = done(&stores, "a").await;
    let id = replays.begin(&asked(false)).await.unwrap();
    let lines: Vec<_> = (0..450).map(|number| (job.id.clone(), format!("line {number}"))).collect();
    replays.keep(&id, 0, &lines[..440]).await.unwrap();
    replays.keep(&id, 440, &lines[440..]).await.unwrap();
    assert_eq!(replays.get(&id).await.unwrap().ended_at_ms, None);
    replays.end(&id, "the end").await.unwrap();
    let stored = replays.list(10).await.unwrap().remove(0);
    assert_eq!(
        (&stored.asked, stored.ended_at_ms, stored.summary.as_deref()),
        (&asked(false), Some(START_MS), Some("the end"))
    );
    assert_eq!(replays.get(&id).await.unwrap(), stored);
    let page = replays.lines(&id, 438, 4).await.unwrap();
    assert_eq!(page, (439..443).map(|number| (number, format!("line {}", number - 1))).collect::<Vec<_>>());
    let Err(JournalError::NoSuchReplay(name)) = replays.get("none").await else { panic!("there is none") };
    assert_eq!(name, "none");

    replays.replace_findings(&id, &rules("b"), "cli", &job.id, &found_again(&job)).await.unwrap();
    let verdict = NewVerdict {
        job_id: job.id.clone(),
        finding_id: "f1".into(),
        verdict: Verdict::Rejected,
        by: "ann".into(),
        note: None,
    };
    Verdicts::new(stores.db.clone()).judge(&verdict, "cli").await.unwrap();
    stores.clock.advance_ms(2 * 86_400_000);
    let keep = RetentionTimes {
        clips_days: 0,
        messages_days: 0,
        waits_for_delivery: true,
        waits_for_announcement: false,
        usage_days: 0,
        workers_days: 0,
        jobs_days: 1,
    };
    assert_eq!(Retention::new(stores.db.clone()).run(&keep, &mut |_| ()).await.unwrap().jobs, 1);
    assert!(
        replays.lines(&id, 0, 10).await.unwrap().is_empty()
            && replays.page(&ReplayFilter::default(), None, 9).await.unwrap().is_empty()
    );
    assert_eq!(
        stores.tamper("DELETE FROM superseded_findings").await + stores.tamper("DELETE FROM finding_verdicts").await,
        0
    );
    assert_sound(&stores).await;
}

async fn applying_puts_findings_in_the_place_of_others_once_and_the_chain_holds(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let replays = Replays::new(stores.db.clone());
    let job = done(&stores, "a").await;
    let written = stores.results.report(&job.id).await.unwrap().unwrap();
    assert_eq!(stores.results.current_report(&job.id).await.unwrap().as_ref(), Some(&written));
    let id = replays.begin(&asked(true)).await.unwrap();
    let found = found_again(&job);
    assert_eq!(
        replays.replace_findings(&id, &rules("b"), "cli", &job.id, &found).await.unwrap(),
        Replacement::Replaced
    );
    assert_eq!(
        replays.replace_findings(&id, &rules("b"), "cli", &job.id, &found).await.unwrap(),
        Replacement::AlreadyThere
    );

    assert_eq!(stores.results.report(&job.id).await.unwrap().as_ref(), Some(&written), "what was written stays");
    let now = stores.results.current_report(&job.id).await.unwrap().unwrap();
    assert_eq!((&now.findings, &now.rule_set), (&found, &rules("b")));
    assert_eq!(now.warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(), ["findings_replayed"]);
    assert_eq!(stores.tamper("UPDATE superseded_findings SET superseded_at_ms = 1 WHERE finding_id = 'f1'").await, 1);
    let entries = stores.audit.of_job(&job.id).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.head.kind.as_str()).collect();
    assert_eq!(kinds, ["job.accepted", "finding.raised", "job.done", "rules.replayed"]);
    let last = entries.last().unwrap();
    assert_eq!(last.head.rule_set_sha256.as_deref(), Some(rules("b").sha256.as_str()));
    let payload = last.payload.as_deref().unwrap();
    assert!(payload.contains(r#""added":1,"changed":1"#) && !payload.contains("保证收益"), "{payload}");
    let messages = stores.outbox.due(10, 60_000).await.unwrap();
    let told = messages.iter().find(|message| message.kind.as_str() == "findings.changed").unwrap();
    assert_eq!((&told.payload["findings"], &told.payload["max_severity"]), (&2.into(), &"critical".into()));
    assert_sound(&stores).await;

    // And back again, by a replay of its own.
    let back = replays.begin(&asked(true)).await.unwrap();
    let applied = replays.replace_findings(&back, &written.rule_set, "cli", &job.id, &written.findings).await.unwrap();
    assert_eq!(applied, Replacement::Replaced);
    assert_eq!(stores.results.current_report(&job.id).await.unwrap().unwrap().findings, written.findings);
    assert_sound(&stores).await;
}

async fn findings_changed_after_a_replay_are_noticed(ground: Ground) {
    for change in [
        "UPDATE findings SET severity = 'low' WHERE finding_id = 'f2'",
        "UPDATE findings SET category = 'x' WHERE finding_id = 'f2'",
        "UPDATE findings SET finding = '{}' WHERE finding_id = 'f2'",
        "DELETE FROM findings WHERE finding_id = 'f1'",
        "UPDATE results SET replay_id = NULL",
        "UPDATE results SET judged_by_sha256 = 'x'",
    ] {
        let stores = Stores::on(&ground).await;
        let replays = Replays::new(stores.db.clone());
        let job = done(&stores, "a").await;
        let id = replays.begin(&asked(true)).await.unwrap();
        replays.replace_findings(&id, &rules("b"), "cli", &job.id, &found_again(&job)).await.unwrap();
        assert_sound(&stores).await;
        stores.tamper(change).await;
        let reports = stores.audit.verify(None).await.unwrap();
        assert!(reports[0].mismatches.iter().any(|what| what.contains("`rules.replayed`")), "{change}: {reports:?}");
    }
    let stores = Stores::on(&ground).await;
    done(&stores, "a").await;
    stores.tamper("UPDATE results SET replay_id = 'x', judged_by_sha256 = 'y'").await;
    assert!(!stores.audit.verify(None).await.unwrap()[0].is_sound());
}

async fn verdicts_go_over_to_what_is_found_at_the_same_place_and_the_others_end(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (replays, verdicts) = (Replays::new(stores.db.clone()), Verdicts::new(stores.db.clone()));
    let job = done(&stores, "a").await;
    let judge = async |finding: &str, verdict| {
        let new =
            NewVerdict { job_id: job.id.clone(), finding_id: finding.into(), verdict, by: "ann".into(), note: None };
        verdicts.judge(&new, "cli").await.unwrap();
    };
    judge("f1", Verdict::Confirmed).await;
    let id = replays.begin(&asked(true)).await.unwrap();
    let found = found_again(&job);
    replays.replace_findings(&id, &rules("b"), "cli", &job.id, &found).await.unwrap();
    let listed = async || {
        let filter = JudgedFilter::default();
        let listed = verdicts.list(&filter).await.unwrap();
        listed
            .into_iter()
            .map(|one| (one.finding.id, one.verdict.map(|given| (given.verdict, given.carried_by))))
            .collect::<Vec<_>>()
    };
    let carried = ("f2".to_owned(), Some((Verdict::Confirmed, Some(id.clone()))));
    assert_eq!(listed().await, [("f1".to_owned(), None), carried]);

    judge("f1", Verdict::Rejected).await;
    // Nothing at the place of `f1`, the place of `f2` under an id that another finding had.
    let last = Finding { id: "f1".into(), ..found[1].clone() };
    let second = replays.begin(&asked(true)).await.unwrap();
    replays.replace_findings(&second, &rules("c"), "cli", &job.id, &[last]).await.unwrap();
    assert_eq!(listed().await, [("f1".to_owned(), Some((Verdict::Confirmed, Some(second))))]);
    let not_yet = JudgedFilter { judged: Some(Judged::NotYet), ..JudgedFilter::default() };
    assert!(verdicts.list(&not_yet).await.unwrap().is_empty());
    assert_eq!(stores.tamper("UPDATE finding_verdicts SET note = 'seen'").await, 4, "all of them stay on record");
    assert_sound(&stores).await;
}
