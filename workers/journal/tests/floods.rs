//! Sixty dead letters of one cause are one thing to see to, and many jobs are tried again or called off at once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{JobId, JobState, Lane, MessageKind, NewJob, Tenant};
use earmark_journal::{Alert, AlertFilter, AuditLog as _, CancelOutcome, JobFilter};
use support::*;

on_both!(
    sixty_dead_letters_of_one_cause_are_one_alert_with_a_count_and_one_message,
    an_alert_closes_with_the_last_dead_letter_of_its_cause_however_it_went,
    two_who_take_the_last_two_away_at_once_leave_no_alert,
    what_a_filter_lets_through_is_tried_again_or_called_off_and_nothing_else,
    alerts_are_chosen_by_kind_cause_tenant_and_time,
    the_queues_server_has_one_problem_at_a_time,
);

const FLOOD: usize = 60;

fn of(tenant: &str, name: &str) -> NewJob {
    NewJob { tenant: Tenant::parse(tenant).unwrap(), ..new_job(name) }
}

/// A job of `tenant` that has died of `code`.
async fn dead(stores: &Stores, tenant: &str, name: &str, code: &str) -> JobId {
    stores.journal.accept(&of(tenant, name), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.bury(&lease, &problem(code)).await.unwrap();
    job.id
}

async fn open(stores: &Stores) -> Vec<Alert> {
    stores.outbox.alerts(None, true, 100).await.unwrap()
}

async fn sixty_dead_letters_of_one_cause_are_one_alert_with_a_count_and_one_message(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut last = None;
    for at in 0..FLOOD {
        last = Some(dead(&stores, "acme", &format!("{at}"), "s3.connect").await);
        stores.clock.advance_ms(1000);
    }
    dead(&stores, "acme", "another cause", "decode.not_audio").await;
    dead(&stores, "zeta", "another tenant", "s3.connect").await;
    let alerts = open(&stores).await;
    let told: Vec<_> = alerts.iter().map(|alert| (alert.tenant.as_str(), alert.times)).collect();
    assert_eq!(told, [("zeta", 1), ("acme", 1), ("acme", 60)]);
    assert_eq!((alerts[2].raised_at_ms, alerts[2].last_at_ms), (START_MS, Some(START_MS + 59_000)));
    let mut messages = 0;
    loop {
        let due = stores.outbox.due(50, 1000).await.unwrap();
        messages += due.iter().filter(|message| message.kind == MessageKind::Alert).count();
        if due.is_empty() {
            break;
        }
    }
    assert_eq!(messages, 3);
    // Of each of them somebody hears of the alert.
    assert_eq!(stores.outbox.open_alerts_of(&last.unwrap()).await.unwrap()[0].id, alerts[2].id);
}

async fn an_alert_closes_with_the_last_dead_letter_of_its_cause_however_it_went(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (first, second) = (dead(&stores, "acme", "a", "x").await, dead(&stores, "acme", "b", "x").await);
    dead(&stores, "acme", "c", "y").await;
    stores.journal.retry(&first, "cli:me").await.unwrap();
    let alert = open(&stores).await.pop().unwrap();
    assert_eq!(alert.job_id.as_ref(), Some(&second), "it speaks of one that is left");
    stores.journal.retry(&second, "cli:me").await.unwrap();
    assert_eq!(open(&stores).await.len(), 1, "the other cause stays");
    let all = stores.outbox.alerts(None, false, 10).await.unwrap();
    let closed = all.iter().find(|one| one.id == alert.id).unwrap();
    assert_eq!(closed.acked, Some((START_MS, "cli:me".into())));
    assert_eq!(closed.cause.as_deref(), Some("none of these jobs is dead any more"));
    // The next one is news.
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.bury(&lease, &problem("x")).await.unwrap();
    assert_eq!(open(&stores).await[0].job_id, Some(job.id));
}

async fn two_who_take_the_last_two_away_at_once_leave_no_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    for round in 0..8 {
        let jobs = [
            dead(&stores, "acme", &format!("a{round}"), "x").await,
            dead(&stores, "acme", &format!("b{round}"), "x").await,
        ];
        let (first, second) = tokio::join!(stores.journal.retry(&jobs[0], "a"), stores.journal.retry(&jobs[1], "b"));
        first.unwrap();
        second.unwrap();
        assert!(open(&stores).await.is_empty(), "round {round}");
        for job in &jobs {
            stores.journal.cancel(job, "cli").await.unwrap();
        }
    }
}

async fn what_a_filter_lets_through_is_tried_again_or_called_off_and_nothing_else(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut flood = Vec::new();
    for at in 0..FLOOD * 2 {
        let tenant = if at % 2 == 0 { "acme" } else { "zeta" };
        flood.push(dead(&stores, tenant, &format!("{at}"), "s3.connect").await);
    }
    let early = dead(&stores, "acme", "early", "s3.read").await;
    stores.clock.advance_ms(60_000);
    let late = dead(&stores, "acme", "late", "s3.read").await;
    let dead_of =
        |code: &str| JobFilter { state: Some(JobState::Dead), code: Some(code.into()), ..JobFilter::default() };
    let since = JobFilter { ended_since_ms: Some(START_MS + 1), ..dead_of("s3.read") };
    assert_eq!(stores.journal.count(&dead_of("s3.connect")).await.unwrap(), 120);
    assert_eq!(stores.journal.count(&since).await.unwrap(), 1);
    assert_eq!(
        stores.journal.count(&JobFilter { code: Some("a\0b".into()), ..JobFilter::default() }).await.unwrap(),
        0
    );

    let mut retried = Vec::new();
    stores
        .journal
        .retry_all(&dead_of("s3.connect"), "cli:me", &mut |ids| retried.extend_from_slice(ids))
        .await
        .unwrap();
    retried.sort();
    flood.sort();
    assert_eq!(retried, flood);
    stores.journal.retry_all(&since, "cli:me", &mut |ids| assert_eq!(ids, std::slice::from_ref(&late))).await.unwrap();
    assert_eq!(stores.journal.get(&early).await.unwrap().state, JobState::Dead);
    assert_eq!(open(&stores).await.len(), 1, "that of the one that is still dead");

    let ready = JobFilter {
        state: Some(JobState::Ready),
        tenant: Some(Tenant::parse("zeta").unwrap()),
        ..JobFilter::default()
    };
    let mut cancelled = 0;
    let mut count = |outcomes: &[(JobId, CancelOutcome)]| {
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == CancelOutcome::Cancelled));
        cancelled += outcomes.len();
    };
    stores.journal.cancel_all(&ready, "cli:me", &mut count).await.unwrap();
    assert_eq!(cancelled, FLOOD);
    assert_eq!(stores.journal.count(&ready).await.unwrap(), 0);
    for chain in stores.audit.verify(None).await.unwrap() {
        assert_eq!(chain.result, Ok(()), "{chain:?}");
    }
}

async fn alerts_are_chosen_by_kind_cause_tenant_and_time(ground: Ground) {
    let stores = Stores::on(&ground).await;
    dead(&stores, "acme", "a", "x").await;
    stores.clock.advance_ms(1000);
    dead(&stores, "zeta", "b", "y").await;
    dead(&stores, "acme", "c", "y").await;
    let all = AlertFilter { is_open: true, ..AlertFilter::default() };
    let tenant = Some(Tenant::parse("acme").unwrap());
    for (filter, expected) in [
        (all.clone(), 3),
        (AlertFilter { subject: Some("y".into()), ..all.clone() }, 2),
        (AlertFilter { subject: Some("y".into()), tenant, ..all.clone() }, 1),
        (AlertFilter { kind: Some("job.dead".into()), ..all.clone() }, 3),
        (AlertFilter { kind: Some("job.quarantined".into()), ..all.clone() }, 0),
        (AlertFilter { since_ms: Some(START_MS + 1000), ..all.clone() }, 2),
        (AlertFilter { until_ms: Some(START_MS + 1000), ..all }, 1),
    ] {
        assert_eq!(stores.outbox.count_alerts(&filter).await.unwrap(), expected, "{filter:?}");
        assert_eq!(stores.outbox.chosen_alerts(&filter, 1).await.unwrap().len(), usize::from(expected > 0));
    }
}

async fn the_queues_server_has_one_problem_at_a_time(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.raise_queue_alert("queue.full", "redis://other", "full").await.unwrap();
    for kind in ["queue.full", "queue.refuses", "queue.full"] {
        stores.journal.raise_queue_alert(kind, "redis://here", kind).await.unwrap();
        let here = AlertFilter { is_open: true, subject: Some("redis://here".into()), ..AlertFilter::default() };
        let alerts = stores.outbox.chosen_alerts(&here, 10).await.unwrap();
        assert_eq!(alerts.iter().map(|alert| alert.kind.as_str()).collect::<Vec<_>>(), [kind]);
        assert_eq!(open(&stores).await.len(), 2, "another server's is its own");
    }
}
