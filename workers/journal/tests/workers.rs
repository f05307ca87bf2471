//! Which workers live, and what is said when none does or when jobs wait or die, on each database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::Lane;
use earmark_journal::{Alert, AlertLimits, Journal, Retention, RetentionTimes, Watch, WorkerInfo};
use support::*;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const OFF: AlertLimits = AlertLimits { no_worker_ms: None, oldest_job_ms: None, dead_per_hour: None };

on_both!(
    each_worker_is_shown_with_what_it_holds_and_one_that_died_as_gone,
    work_that_waits_for_nobody_is_told_once_and_closes_when_a_worker_comes,
    what_a_person_has_seen_to_is_not_raised_again_before_it_was_over,
    a_job_that_is_due_for_too_long_is_told_and_one_that_is_paused_or_put_off_is_not,
    dead_letters_that_come_too_fast_are_one_alert,
    a_limit_that_is_taken_away_closes_its_alert,
    workers_that_died_long_ago_are_tidied_up,
);

fn info(pid: u32, slots: u32) -> WorkerInfo {
    WorkerInfo { host: "here".into(), pid, slots }
}

fn watch(stores: &Stores, limits: AlertLimits) -> Watch {
    Watch::new(Journal::new(stores.db.clone()), limits, "process:here/1".into())
}

/// Kinds that `watch` raised and closed at this look.
async fn look(watch: &mut Watch) -> (Vec<String>, Vec<&'static str>) {
    let report = watch.look().await.unwrap();
    let raised = report.raised.into_iter().map(|alert| alert.kind);
    (raised.collect(), report.closed.into_iter().map(|(kind, _)| kind).collect())
}

async fn open(stores: &Stores) -> Vec<Alert> {
    stores.outbox.alerts(None, true, 100).await.unwrap()
}

const NOTHING: (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());

async fn each_worker_is_shown_with_what_it_holds_and_one_that_died_as_gone(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    journal.accept(&new_job("a"), "cli").await.unwrap();
    let _lock = journal.register_worker(&worker("alive"), &info(1, 4)).await.unwrap();
    let _own = journal.register_worker(&worker("own"), &info(2, 0)).await.unwrap();
    for (id, pid) in [("killed", 3), ("stopped", 4), ("long gone", 5)] {
        drop(journal.register_worker(&worker(id), &info(pid, 1)).await.unwrap());
    }
    journal.worker_stopped(&worker("stopped")).await.unwrap();
    journal.lease_next(&worker("killed"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    // As after silence; the clocks of the processes play no part.
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 12000 WHERE id = 'killed'").await;
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 3700000 WHERE id = 'long gone'").await;

    let shown = journal.stats().await.unwrap().worker_processes;
    let facts: Vec<_> = shown.iter().map(|one| (one.pid, one.slots, one.jobs, one.is_alive)).collect();
    assert_eq!(facts, [(1, 4, 0, true), (3, 1, 1, false)]);
    assert!((12_000..40_000).contains(&shown[1].seen_ago_ms), "{shown:?}");
    assert_eq!(shown[0].version.as_deref(), Some(env!("CARGO_PKG_VERSION")));

    // Its leases are swept; that does not make it one that stopped in order.
    journal.recover().await.unwrap();
    let shown = journal.worker_processes().await.unwrap();
    assert_eq!(shown.iter().map(|one| (one.pid, one.is_alive)).collect::<Vec<_>>(), [(1, true), (3, false)]);
    assert_eq!(journal.live_workers().await.unwrap().live, 1);
}

async fn work_that_waits_for_nobody_is_told_once_and_closes_when_a_worker_comes(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let limits = AlertLimits { no_worker_ms: Some(MINUTE_MS), ..OFF };
    let (mut one, mut other) = (watch(&stores, limits), watch(&stores, limits));
    assert_eq!(look(&mut one).await, NOTHING, "nothing is due");
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    stores.clock.advance_ms(MINUTE_MS - 1000);
    assert_eq!(look(&mut one).await, NOTHING, "it has not waited for long");
    stores.clock.advance_ms(2000);
    assert_eq!(look(&mut one).await, (vec!["workers.none".into()], vec![]));
    assert_eq!(look(&mut one).await, NOTHING);
    assert_eq!(look(&mut other).await, NOTHING, "who looks for the first time may have asked too early");
    assert_eq!(look(&mut other).await, NOTHING, "it is told already");
    let alerts = open(&stores).await;
    assert_eq!((alerts.len(), alerts[0].times), (1, 1));
    assert_eq!(alerts[0].message, "no worker is alive and 1 job is due, the oldest since 61 s");

    let lock = stores.journal.register_worker(&worker("w"), &info(7, 2)).await.unwrap();
    assert_eq!(look(&mut other).await, (vec![], vec!["workers.none"]));
    assert_eq!((look(&mut one).await, open(&stores).await.len()), (NOTHING, 0));
    let closed = &stores.outbox.alerts(None, false, 10).await.unwrap()[0];
    assert_eq!(closed.cause.as_deref(), Some("a worker is alive"));

    // It dies. One that replaces itself is away for a moment: nobody is told at once.
    drop(lock);
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 30000").await;
    for _ in 0..3 {
        assert_eq!(look(&mut one).await, NOTHING);
    }
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 60000").await;
    assert_eq!(look(&mut one).await.0, ["workers.none"]);
    let message = open(&stores).await[0].message.clone();
    assert!(message.contains("process 7 on here, was seen ") && message.ends_with(" ago"), "{message}");
    stores.tamper("UPDATE jobs SET state = 'cancelled', finished_at_ms = 1").await;
    assert_eq!(look(&mut one).await.1, ["workers.none"], "nothing waits any more");
}

async fn what_a_person_has_seen_to_is_not_raised_again_before_it_was_over(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let limits = AlertLimits { no_worker_ms: Some(MINUTE_MS), ..OFF };
    let mut watch = watch(&stores, limits);
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    stores.clock.advance_ms(2 * MINUTE_MS);
    look(&mut watch).await;
    assert_eq!(look(&mut watch).await.0, ["workers.none"]);
    stores.outbox.ack_alert(&open(&stores).await[0].id, "me").await.unwrap();
    assert_eq!(look(&mut watch).await, NOTHING);

    let lock = stores.journal.register_worker(&worker("w"), &info(7, 2)).await.unwrap();
    assert_eq!(look(&mut watch).await.1, ["workers.none"]);
    let over = &stores.outbox.alerts(None, false, 10).await.unwrap()[0];
    assert_eq!(over.acked.as_ref().map(|(_, by)| by.as_str()), Some("me"), "it is that person's");

    drop(lock);
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 120000").await;
    look(&mut watch).await;
    assert_eq!(look(&mut watch).await.0, ["workers.none"], "it happened again");
}

async fn a_job_that_is_due_for_too_long_is_told_and_one_that_is_paused_or_put_off_is_not(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let mut watch = watch(&stores, AlertLimits { oldest_job_ms: Some(HOUR_MS), ..OFF });
    journal.accept(&new_job("a"), "cli").await.unwrap();
    let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, 10 * HOUR_MS).await.unwrap().unwrap();
    journal.accept(&new_job("b"), "cli").await.unwrap();
    journal.accept(&new_job("c"), "cli").await.unwrap();
    journal.retry_at(&lease, START_MS + 9 * HOUR_MS, &problem("x"), false).await.unwrap();
    stores.clock.advance_ms(HOUR_MS);
    assert_eq!(look(&mut watch).await, NOTHING);
    stores.clock.advance_ms(HOUR_MS + 1);
    assert_eq!(look(&mut watch).await.0, ["jobs.waiting"]);
    let message = open(&stores).await[0].message.clone();
    assert_eq!(message, "2 jobs are due, the oldest since 2 h; workers alive: 0, with slots: 0");
    journal.pause(None, None, "me").await.unwrap();
    assert_eq!(look(&mut watch).await, (vec![], vec!["jobs.waiting"]));
}

async fn dead_letters_that_come_too_fast_are_one_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let mut watch = watch(&stores, AlertLimits { dead_per_hour: Some(4), ..OFF });
    let bury = async |from: usize, to: usize, code: &str| {
        for number in from..to {
            journal.accept(&new_job(&number.to_string()), "cli").await.unwrap();
            let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
            journal.bury(&lease, &problem(code)).await.unwrap();
        }
    };
    bury(0, 4, "s3.connect").await;
    assert_eq!(look(&mut watch).await, NOTHING, "so many are let pass");
    bury(4, 6, "decode.not_audio").await;
    assert_eq!(look(&mut watch).await.0, ["jobs.dying"]);
    let dying = open(&stores).await.into_iter().find(|alert| alert.kind == "jobs.dying").unwrap();
    assert_eq!(dying.message, "6 jobs were given up within an hour, 4 of them with s3.connect");
    bury(6, 9, "s3.connect").await;
    assert_eq!(look(&mut watch).await, NOTHING, "it is told already");
    stores.clock.advance_ms(HOUR_MS + 1);
    bury(9, 12, "s3.connect").await;
    assert_eq!(look(&mut watch).await, NOTHING, "three are few, and yet not half of the limit");
    stores.clock.advance_ms(HOUR_MS + 1);
    assert_eq!(look(&mut watch).await, (vec![], vec!["jobs.dying"]));
}

async fn a_limit_that_is_taken_away_closes_its_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    stores.clock.advance_ms(2 * HOUR_MS);
    let mut watched = watch(&stores, AlertLimits { oldest_job_ms: Some(HOUR_MS), ..OFF });
    assert_eq!(look(&mut watched).await.0, ["jobs.waiting"]);
    assert_eq!(look(&mut watch(&stores, OFF)).await, (vec![], vec!["jobs.waiting"]));
}

async fn workers_that_died_long_ago_are_tidied_up(ground: Ground) {
    let stores = Stores::on(&ground).await;
    for id in ["alive", "dead"] {
        drop(stores.journal.register_worker(&worker(id), &info(1, 1)).await.unwrap());
    }
    // A server's clock is not the test's.
    stores.tamper(&format!("UPDATE workers SET seen_at_ms = {START_MS}")).await;
    stores.clock.advance_ms(31 * DAY_MS);
    stores.journal.worker_lives(&worker("alive")).await.unwrap();
    let keep = RetentionTimes {
        clips_days: 0,
        messages_days: 0,
        waits_for_delivery: true,
        waits_for_announcement: true,
        usage_days: 0,
        workers_days: 30,
        jobs_days: 0,
    };
    let report = Retention::new(stores.db.clone()).run(&keep, &mut |_| {}).await.unwrap();
    assert_eq!(report.workers, 1);
}
