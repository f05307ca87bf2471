//! What has had its time goes, nothing else does, and the audit log says so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Job, Lane, MessageKind, NewJob, Tenant};
use earmark_journal::{
    AuditLog, ChainReport, JobFilter, JournalError, ResultStore, Retention, RetentionReport, RetentionTimes,
    UsageFilter, WorkerInfo,
};
use support::*;

on_both!(
    what_is_old_goes_and_what_is_young_or_under_way_stays,
    a_job_that_goes_takes_its_rows_along_and_leaves_a_sound_chain,
    many_rows_go_batch_by_batch_and_several_processes_share_the_work,
    nothing_goes_where_all_is_kept_for_ever,
);

const DAY_MS: i64 = 86_400_000;
const FOR_EVER: RetentionTimes = RetentionTimes {
    clips_days: 0,
    messages_days: 0,
    waits_for_delivery: true,
    waits_for_announcement: false,
    usage_days: 0,
    workers_days: 0,
    jobs_days: 0,
};
const A_DAY: RetentionTimes = RetentionTimes {
    clips_days: 1,
    messages_days: 1,
    usage_days: 1,
    workers_days: 1,
    waits_for_delivery: true,
    ..FOR_EVER
};

async fn run(stores: &Stores, keep: &RetentionTimes) -> RetentionReport {
    let retention = Retention::new(stores.db.clone());
    let preview = retention.preview(keep).await.unwrap();
    let report = retention.run(keep, &mut |_| ()).await.unwrap();
    assert_eq!(preview, report);
    assert_eq!(retention.run(keep, &mut |_| ()).await.unwrap(), RetentionReport::default(), "again is nothing");
    report
}

/// A job that is done, with a saved clip and a booked request.
async fn done(stores: &Stores, name: &str) -> Job {
    stores.journal.accept(&new_job(name), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.book_request(&lease, &booking(&job.id), None).await.unwrap();
    stores.journal.save_clip(&lease, "f", &clip(0), &clip_text("a"), None).await.unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    job
}

async fn assert_sound(stores: &Stores) {
    let reports = stores.audit.verify(None).await.unwrap();
    assert!(reports.iter().all(ChainReport::is_sound), "{reports:?}");
}

async fn what_is_old_goes_and_what_is_young_or_under_way_stays(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let info = WorkerInfo { host: "here".into(), pid: 1, slots: 1 };
    for name in ["gone", "there"] {
        let _lock = stores.journal.register_worker(&worker(name), &info).await.unwrap();
    }
    stores.journal.worker_stopped(&worker("gone")).await.unwrap();
    let old = done(&stores, "old").await;
    stores.journal.accept(&new_job("under way"), "cli").await.unwrap();
    let (running, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.save_clip(&lease, "f", &clip(0), &clip_text("a"), None).await.unwrap();
    let messages = stores.outbox.due(10, 1000).await.unwrap();
    let told = messages.iter().find(|message| message.kind == MessageKind::JobDone).unwrap();
    stores.outbox.delivered(&told.id).await.unwrap();

    stores.clock.advance_ms(2 * DAY_MS);
    stores.journal.worker_lives(&worker("there")).await.unwrap();
    let young = done(&stores, "young").await;
    let report = run(&stores, &A_DAY).await;
    // The young job was booked on the old day, too: a booking's day is its own.
    assert_eq!(report, RetentionReport { clips: 1, messages: 1, usage: 2, spending: 1, workers: 1, jobs: 0 });
    assert!(stores.journal.saved_clips(&old.id, "f").await.unwrap().is_empty());
    assert_eq!(stores.journal.saved_clips(&running.id, "f").await.unwrap().len(), 1);
    assert_eq!(stores.journal.saved_clips(&young.id, "f").await.unwrap().len(), 1);
    assert!(stores.usage.rows(&UsageFilter::default()).await.unwrap().is_empty());
    assert_eq!(stores.outbox.backlog().await.unwrap().waiting, 3, "an alert of each job and the young one's end");
    assert_eq!(stores.journal.list(&JobFilter::default()).await.unwrap().len(), 3);
    assert_sound(&stores).await;

    stores.clock.advance_ms(2 * DAY_MS);
    let unheard = RetentionTimes { waits_for_delivery: false, ..A_DAY };
    assert_eq!(run(&stores, &unheard).await.messages, 3, "nobody waits for them");
    assert_eq!(stores.outbox.backlog().await.unwrap().waiting, 0);
}

async fn a_job_that_goes_takes_its_rows_along_and_leaves_a_sound_chain(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let job = done(&stores, "old").await;
    let waiting = stores.journal.accept(&new_job("waiting"), "cli").await.unwrap().job;
    let keyed = NewJob { key: Some("k".into()), ..new_job("called off") };
    let off = stores.journal.accept(&keyed, "cli").await.unwrap().job;
    stores.journal.cancel(&off.id, "cli").await.unwrap();
    stores.clock.advance_ms(3 * DAY_MS);
    let mut gone = Vec::new();
    let keep = RetentionTimes { jobs_days: 2, ..FOR_EVER };
    let report = Retention::new(stores.db.clone()).run(&keep, &mut |uri| gone.push(uri.to_owned())).await.unwrap();
    assert_eq!(report, RetentionReport { jobs: 2, ..RetentionReport::default() });
    assert_eq!(gone, ["file:///out/report.json"]);
    assert!(matches!(stores.journal.get(&job.id).await, Err(JournalError::NoSuchJob(_))));
    assert_eq!(stores.results.report(&job.id).await.unwrap(), None);
    assert!(stores.journal.saved_clips(&job.id, "f").await.unwrap().is_empty());
    assert_eq!(stores.journal.get(&waiting.id).await.unwrap(), waiting);
    let kinds: Vec<_> = stores.audit.of_job(&job.id).await.unwrap().into_iter().map(|entry| entry.head.kind).collect();
    assert_eq!(kinds, ["job.accepted", "finding.raised", "job.done", "job.expired"]);
    assert_sound(&stores).await;
    assert!(stores.journal.accept(&keyed, "cli").await.unwrap().is_new, "its key is free again");
    assert_sound(&stores).await;
}

async fn many_rows_go_batch_by_batch_and_several_processes_share_the_work(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let tenants = ["a", "b", "c"].map(|name| Tenant::parse(name).unwrap());
    let new: Vec<_> = (0..90).map(|i| NewJob { tenant: tenants[i % 3].clone(), ..new_job(&i.to_string()) }).collect();
    for accepted in stores.journal.accept_many(&new, "cli").await.unwrap() {
        stores.journal.cancel(&accepted.unwrap().job.id, "cli").await.unwrap();
    }
    let (job, lease) = stores.journal.accept_leased(&new_job("long"), "cli", &worker("w"), LEASE_MS).await.unwrap();
    let clips: Vec<_> = (0..1200).map(|index| (clip(index), clip_text("a"))).collect();
    stores.journal.save_clips(&lease, "f", &clips).await.unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    stores.clock.advance_ms(3 * DAY_MS);
    let keep = RetentionTimes { jobs_days: 2, clips_days: 2, messages_days: 2, waits_for_delivery: false, ..FOR_EVER };
    let mut sharing = Vec::new();
    for _ in 0..3 {
        let retention = Retention::new(stores.reopened().await);
        sharing.push(tokio::spawn(async move { retention.run(&keep, &mut |_| ()).await }));
    }
    let mut jobs = 0;
    for share in sharing {
        jobs += share.await.unwrap().unwrap().jobs;
    }
    // What another held when one looked is left to it.
    jobs += Retention::new(stores.db.clone()).run(&keep, &mut |_| ()).await.unwrap().jobs;
    assert_eq!(jobs, 91);
    assert!(stores.journal.list(&JobFilter::default()).await.unwrap().is_empty());
    assert!(stores.journal.saved_clips(&job.id, "f").await.unwrap().is_empty());
    assert_sound(&stores).await;
}

async fn nothing_goes_where_all_is_kept_for_ever(ground: Ground) {
    let stores = Stores::on(&ground).await;
    done(&stores, "old").await;
    stores.clock.advance_ms(100_000 * DAY_MS);
    assert_eq!(run(&stores, &FOR_EVER).await, RetentionReport::default());
}
