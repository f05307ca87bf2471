//! The journal's contract, on each database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{JobId, JobState, Lane, MessageKind, NewJob, Tenant};
use earmark_journal::{
    AuditLog, CancelOutcome, FindingFilter, JobFilter, Journal, JournalError, Renewal, ResultStore, RuleSets,
    WorkerInfo,
};
use serde_json::json;
use support::*;

on_both!(
    an_accepted_job_comes_back_as_it_was_given_and_is_on_record,
    the_same_key_is_the_same_job_for_one_tenant_only,
    the_most_urgent_lane_comes_first_and_tenants_take_turns,
    a_job_is_leased_to_one_worker_at_a_time_however_many_ask,
    finishing_writes_everything_at_once_and_again_changes_nothing,
    whoever_lost_the_lease_writes_nothing,
    what_was_put_off_or_handed_back_comes_again_in_time,
    a_job_can_be_called_off_wherever_it_stands,
    a_job_that_kills_its_workers_is_quarantined_but_not_one_that_gets_on,
    a_job_of_ones_own_is_never_seen_by_others_while_one_lives,
    saved_clips_survive_the_holder_and_count_once,
    jobs_are_listed_newest_first_page_by_page_and_counted,
    messages_are_claimed_repeated_until_delivered_and_given_up_on_request,
    an_alert_is_seen_to_once_and_that_is_on_record,
    a_rule_set_is_kept_as_it_was_first_seen,
);

async fn audit_kinds(stores: &Stores, job: &JobId) -> Vec<String> {
    stores.audit.of_job(job).await.unwrap().into_iter().map(|entry| entry.head.kind).collect()
}

async fn assert_chains_hold(stores: &Stores) {
    for chain in stores.audit.verify(None).await.unwrap() {
        assert_eq!(chain.result, Ok(()), "{chain:?}");
    }
}

async fn an_accepted_job_comes_back_as_it_was_given_and_is_on_record(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let mut new = new_job("通话 一");
    new.key = Some("crm-1".into());
    new.metadata.insert("agent".into(), json!("李"));
    new.options.out_dir = Some("/out".into());
    let accepted = stores.journal.accept(&new, "cli:me").await.unwrap();
    assert!(accepted.is_new);
    let job = stores.journal.get(&accepted.job.id).await.unwrap();
    assert_eq!(job, accepted.job);
    assert_eq!(
        (job.state, job.attempt, job.metadata, job.options.out_dir),
        (JobState::Ready, 0, new.metadata.clone(), Some("/out".into()))
    );
    let entries = stores.audit.of_job(&job.id).await.unwrap();
    assert_eq!(entries[0].head.actor, "cli:me");
    assert_eq!(entries[0].payload.as_deref(), Some(r#"{"key":"crm-1","lane":"call","uri":"通话 一.wav"}"#));
}

async fn the_same_key_is_the_same_job_for_one_tenant_only(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let keyed = NewJob { key: Some("k".into()), ..new_job("a") };
    let other_tenant = NewJob { tenant: Tenant::parse("other").unwrap(), ..keyed.clone() };
    let accepted = stores
        .journal
        .accept_many(&[keyed.clone(), keyed.clone(), other_tenant, new_job("b"), new_job("c")], "cli")
        .await
        .unwrap();
    let accepted: Vec<_> = accepted.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().map(|accepted| accepted.is_new).collect::<Vec<_>>(), [true, false, true, true, true]);
    assert_eq!(accepted[0].job.id, accepted[1].job.id);
    let again = stores.journal.accept(&keyed, "cli").await.unwrap();
    assert_eq!((again.is_new, &again.job.id), (false, &accepted[0].job.id));
    assert_eq!(audit_kinds(&stores, &again.job.id).await, ["job.accepted"]);
    assert!(matches!(
        stores.journal.accept_leased(&keyed, "cli", &worker("w"), LEASE_MS).await,
        Err(JournalError::KeyTaken { .. })
    ));
    assert_chains_hold(&stores).await;
}

async fn the_most_urgent_lane_comes_first_and_tenants_take_turns(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let job = |name: &str, tenant: &str, lane| NewJob { tenant: Tenant::parse(tenant).unwrap(), lane, ..new_job(name) };
    let mut jobs: Vec<_> = (0..4).map(|i| job(&format!("big-{i}"), "big", Lane::Call)).collect();
    jobs.extend([job("small-0", "small", Lane::Call), job("small-1", "small", Lane::Call)]);
    jobs.extend([job("night", "small", Lane::Archive), job("hook", "big", Lane::Webhook)]);
    for new in &jobs {
        stores.journal.accept(new, "cli").await.unwrap();
        stores.clock.advance_ms(1);
    }
    let mut order = Vec::new();
    while let Some((job, _)) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap() {
        order.push(job.uri);
    }
    assert_eq!(
        order,
        ["hook.wav", "big-0.wav", "small-0.wav", "big-1.wav", "small-1.wav", "big-2.wav", "big-3.wav", "night.wav"]
    );
    assert!(stores.journal.lease_next(&worker("w"), &[Lane::Webhook], LEASE_MS).await.unwrap().is_none());
}

async fn a_job_is_leased_to_one_worker_at_a_time_however_many_ask(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let new: Vec<_> = (0..40).map(|i| new_job(&i.to_string())).collect();
    stores.journal.accept_many(&new, "cli").await.unwrap();
    let mut askers = Vec::new();
    for process in 0..4 {
        let journal = Journal::new(stores.reopened().await);
        askers.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Some((job, _)) =
                journal.lease_next(&worker(&process.to_string()), Lane::ALL, LEASE_MS).await.unwrap()
            {
                taken.push(job.id.to_string());
            }
            taken
        }));
    }
    let mut taken = Vec::new();
    for asker in askers {
        taken.extend(asker.await.unwrap());
    }
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 40);
}

async fn finishing_writes_everything_at_once_and_again_changes_nothing(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let (job, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    let finished = finished(&job);
    stores.results.finish(&lease, &finished).await.unwrap();
    stores.results.finish(&lease, &finished).await.unwrap();

    let done = stores.journal.get(&job.id).await.unwrap();
    assert_eq!((done.state, done.finished_at_ms), (JobState::Done, Some(START_MS)));
    assert_eq!(stores.results.report(&job.id).await.unwrap(), Some(finished.report.clone()));
    assert_eq!(stores.results.artifacts(&job.id).await.unwrap(), finished.artifacts);
    let found = stores
        .results
        .findings(&FindingFilter { rule_id: Some("guarantee".into()), ..FindingFilter::default() })
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|found| &found.finding).collect::<Vec<_>>(),
        finished.report.findings.iter().collect::<Vec<_>>()
    );
    assert_eq!(audit_kinds(&stores, &job.id).await, ["job.accepted", "finding.raised", "job.done"]);
    let last = stores.audit.of_job(&job.id).await.unwrap().pop().unwrap();
    assert_eq!((last.head.engine.as_deref(), last.head.audio_sha256), (Some("local base 1"), Some("ab".repeat(32))));
    let messages = stores.outbox.due(10, 60_000).await.unwrap();
    let mut kinds: Vec<_> = messages.iter().map(|message| message.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["alert", "job.done"]);
    let told = messages.iter().find(|message| message.kind == MessageKind::JobDone).unwrap();
    assert_eq!((&told.payload["findings"], &told.payload["max_severity"]), (&json!(1), &json!("high")));
    assert_eq!(stores.outbox.alerts(None, true, 10).await.unwrap().len(), 1);
    assert_chains_hold(&stores).await;
}

async fn whoever_lost_the_lease_writes_nothing(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let (job, zombie) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.clock.advance_ms(LEASE_MS + 1);
    assert_eq!(stores.journal.sweep().await.unwrap().freed, std::slice::from_ref(&job.id));
    stores.clock.advance_ms(LEASE_MS);
    let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    assert_eq!(lease.epoch, zombie.epoch + 1);

    let journal = &stores.journal;
    let results = [
        ("finish", stores.results.finish(&zombie, &finished(&job)).await),
        ("release", journal.release(&zombie, "").await.map(drop)),
        ("retry_at", journal.retry_at(&zombie, 0, &problem("x"), true).await.map(drop)),
        ("bury", journal.bury(&zombie, &problem("x")).await),
        ("finish_cancel", journal.finish_cancel(&zombie).await),
        ("set_clips_total", journal.set_clips_total(&zombie, "f", 3).await),
        ("book_request", journal.book_request(&zombie, &booking(&job.id), None).await),
        ("save_clip", journal.save_clip(&zombie, "f", &clip(0), &clip_text("a"), None).await),
    ];
    for (name, result) in results {
        assert!(matches!(result, Err(JournalError::LeaseLost(_))), "{name}: {result:?}");
    }
    assert_eq!(
        journal
            .renew(&[zombie, lease.clone()], LEASE_MS)
            .await
            .unwrap()
            .iter()
            .map(|state| state.renewal)
            .collect::<Vec<_>>(),
        [Renewal::Lost, Renewal::Renewed]
    );
    assert_eq!(stores.results.report(&job.id).await.unwrap(), None);
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
}

async fn what_was_put_off_or_handed_back_comes_again_in_time(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let next = async || stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap();
    let (_, lease) = next().await.unwrap();
    assert_eq!(stores.journal.release(&lease, "shutdown").await.unwrap(), JobState::Ready);
    let (job, lease) = next().await.unwrap();
    assert_eq!(job.attempt, 1, "a release costs no attempt");
    stores.journal.retry_at(&lease, START_MS + 500, &problem("fetch.connect"), true).await.unwrap();
    assert!(next().await.is_none());
    assert_eq!(stores.journal.next_run_at().await.unwrap(), Some(START_MS + 500));
    stores.clock.advance_ms(500);
    let (job, lease) = next().await.unwrap();
    assert_eq!((job.attempt, job.error.map(|problem| problem.code)), (2, Some("fetch.connect".into())));
    stores.journal.retry_at(&lease, START_MS, &problem("throttled"), false).await.unwrap();
    let (job, lease) = next().await.unwrap();
    assert_eq!(job.attempt, 2, "waiting for a limit costs no attempt");

    stores.journal.bury(&lease, &problem("decode.bad")).await.unwrap();
    let dead = stores.journal.get(&job.id).await.unwrap();
    assert_eq!((dead.state, dead.error.map(|problem| problem.code)), (JobState::Dead, Some("decode.bad".into())));
    assert_eq!(stores.outbox.alerts(None, true, 10).await.unwrap()[0].kind, "job.dead");
    let retried = stores.journal.retry(&job.id, "cli:me").await.unwrap();
    assert_eq!((retried.state, retried.attempt, retried.error), (JobState::Ready, 0, None));
    assert!(matches!(
        stores.journal.retry(&job.id, "cli:me").await,
        Err(JournalError::NotRetriable { state: JobState::Ready, .. })
    ));
    assert_eq!(
        audit_kinds(&stores, &job.id).await,
        ["job.accepted", "job.retry", "job.retry", "job.dead", "job.retried"]
    );
    assert!(next().await.is_some());
    assert_chains_hold(&stores).await;
}

async fn a_job_can_be_called_off_wherever_it_stands(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let waiting = journal.accept(&new_job("a"), "cli").await.unwrap().job.id;
    assert_eq!(journal.cancel(&waiting, "cli").await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(journal.cancel(&waiting, "cli").await.unwrap(), CancelOutcome::AlreadyFinal(JobState::Cancelled));

    // Held: the holder hears of it, and whatever the holder then does but finish ends the job.
    type End = fn(&Journal, earmark_core::Lease) -> futures::future::BoxFuture<'static, ()>;
    let ends: [(&str, End); 3] = [
        ("finish_cancel", |journal, lease| {
            let journal = journal.clone();
            Box::pin(async move { journal.finish_cancel(&lease).await.unwrap() })
        }),
        ("release", |journal, lease| {
            let journal = journal.clone();
            Box::pin(async move { assert_eq!(journal.release(&lease, "").await.unwrap(), JobState::Cancelled) })
        }),
        ("retry_at", |journal, lease| {
            let journal = journal.clone();
            Box::pin(async move {
                assert_eq!(journal.retry_at(&lease, 0, &problem("x"), true).await.unwrap(), JobState::Cancelled)
            })
        }),
    ];
    for (name, end) in ends {
        journal.accept(&new_job(name), "cli").await.unwrap();
        let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        assert_eq!(journal.cancel(&job.id, "cli").await.unwrap(), CancelOutcome::Requested, "{name}");
        assert_eq!(journal.cancel(&job.id, "cli").await.unwrap(), CancelOutcome::Requested, "{name}");
        assert_eq!(
            journal.renew(std::slice::from_ref(&lease), LEASE_MS).await.unwrap()[0].renewal,
            Renewal::CancelRequested,
            "{name}"
        );
        end(journal, lease).await;
        assert_eq!(journal.get(&job.id).await.unwrap().state, JobState::Cancelled, "{name}");
        assert_eq!(
            audit_kinds(&stores, &job.id).await,
            ["job.accepted", "job.cancel_requested", "job.cancelled"],
            "{name}"
        );
    }

    // Its holder dies instead.
    journal.accept(&new_job("b"), "cli").await.unwrap();
    let (job, _) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    journal.cancel(&job.id, "cli").await.unwrap();
    stores.clock.advance_ms(LEASE_MS + 1);
    assert_eq!(journal.sweep().await.unwrap().cancelled, std::slice::from_ref(&job.id));
    let retried = journal.retry(&job.id, "cli").await.unwrap();
    assert_eq!((retried.state, retried.is_cancel_requested), (JobState::Ready, false));
    assert!(matches!(journal.cancel(&JobId::at(0), "cli").await, Err(JournalError::NoSuchJob(_))));
}

async fn a_job_that_kills_its_workers_is_quarantined_but_not_one_that_gets_on(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    // It lives on as far as anyone can see: only its silence tells.
    let _lock =
        journal.register_worker(&worker("w"), &WorkerInfo { host: "here".into(), pid: 1, slots: 1 }).await.unwrap();
    journal.accept(&new_job("a"), "cli").await.unwrap();
    let die = async |saves: Option<u32>| {
        let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        journal.set_blameless(&lease, false).await.unwrap();
        if let Some(index) = saves {
            journal.save_clip(&lease, "f", &clip(index), &clip_text("a"), None).await.unwrap();
        }
        stores.clock.advance_ms(LEASE_MS + 1);
        let report = journal.sweep().await.unwrap();
        stores.clock.advance_ms(60_000);
        report
    };
    for index in 0..5 {
        assert_eq!(die(Some(index)).await.freed.len(), 1, "death {index} with a new clip before it");
    }
    assert_eq!(die(None).await.freed.len(), 1);
    let report = die(None).await;
    let [id] = report.quarantined.as_slice() else { panic!("{report:?}") };
    let job = journal.get(id).await.unwrap();
    let problem = job.error.unwrap();
    assert_eq!((job.state, problem.code.as_str()), (JobState::Dead, "job.quarantined"));
    assert!(problem.message.starts_with("3 workers died, went silent or hung in a row"), "{problem}");
    assert_eq!(audit_kinds(&stores, id).await.last().map(String::as_str), Some("job.quarantined"));
}

#[tokio::test]
async fn a_dead_workers_leases_are_free_at_once_and_a_living_ones_are_not() {
    let stores = Stores::fresh().await;
    let info = WorkerInfo { host: "here".into(), pid: 1, slots: 2 };
    let (dead, alive) = (worker("dead"), worker("alive"));
    let dead_lock = stores.journal.register_worker(&dead, &info).await.unwrap();
    let _alive_lock = stores.journal.register_worker(&alive, &info).await.unwrap();
    assert!(matches!(stores.journal.register_worker(&alive, &info).await, Err(JournalError::LockFile { .. })));
    for name in ["a", "b", "c"] {
        stores.journal.accept(&new_job(name), "cli").await.unwrap();
    }
    let (first, lease) = stores.journal.lease_next(&dead, Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.set_blameless(&lease, false).await.unwrap();
    stores.journal.lease_next(&alive, Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    // This one's file is gone, as after the move of a database.
    let (third, _) = stores.journal.lease_next(&worker("moved"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();

    // A process that dies does not tidy up: its file stays, its lock goes.
    let path = stores.db.runtime_folder().unwrap().join("dead.lock");
    drop(dead_lock);
    std::fs::write(&path, "").unwrap();
    let mut freed = Journal::new(stores.reopened().await).recover().await.unwrap().freed;
    freed.sort();
    let mut expected = vec![first.id.clone(), third.id];
    expected.sort();
    assert_eq!(freed, expected);
    assert!(!path.exists());
    let again = stores.journal.get(&first.id).await.unwrap();
    assert_eq!((again.state, again.run_at_ms, again.attempt, again.deaths), (JobState::Ready, START_MS, 0, 1));
    assert!(stores.journal.recover().await.unwrap().is_empty());
}

async fn a_job_of_ones_own_is_never_seen_by_others_while_one_lives(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (job, lease) = stores.journal.accept_leased(&new_job("a"), "cli", &worker("run"), LEASE_MS).await.unwrap();
    assert_eq!(stores.journal.get(&job.id).await.unwrap(), job);
    assert!(stores.journal.lease_next(&worker("up"), Lane::ALL, LEASE_MS).await.unwrap().is_none());
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    assert_eq!(audit_kinds(&stores, &job.id).await, ["job.accepted", "finding.raised", "job.done"]);
}

async fn saved_clips_survive_the_holder_and_count_once(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    journal.accept(&new_job("a"), "cli").await.unwrap();
    let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    journal.set_clips_total(&lease, "f1", 3).await.unwrap();
    journal.book_request(&lease, &booking(&job.id), None).await.unwrap();
    journal.save_clip(&lease, "f1", &clip(1), &clip_text("二"), None).await.unwrap();
    journal.book_request(&lease, &booking(&job.id), None).await.unwrap();
    journal.save_clips(&lease, "f1", &[(clip(0), clip_text("一")), (clip(1), clip_text("二"))]).await.unwrap();
    let spent = journal.usage_of(&job.id).await.unwrap();
    assert_eq!((spent.requests, spent.billed_ms), (2, 3000));

    stores.clock.advance_ms(LEASE_MS + 1);
    journal.sweep().await.unwrap();
    stores.clock.advance_ms(60_000);
    let (job, lease) = journal.lease_next(&worker("w2"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    assert_eq!((job.clips_total, job.clips_done), (Some(3), 2));
    let saved = journal.saved_clips(&job.id, "f1").await.unwrap();
    assert_eq!(
        saved.iter().map(|saved| (saved.clip.clone(), saved.text.clone())).collect::<Vec<_>>(),
        [(clip(0), clip_text("一")), (clip(1), clip_text("二"))]
    );
    assert!(journal.saved_clips(&job.id, "f2").await.unwrap().is_empty());
    journal.set_clips_total(&lease, "f2", 2).await.unwrap();
    journal.save_clip(&lease, "f2", &clip(0), &clip_text("one"), None).await.unwrap();
    let job = journal.get(&job.id).await.unwrap();
    assert_eq!((job.clips_total, job.clips_done), (Some(2), 1));
}

async fn jobs_are_listed_newest_first_page_by_page_and_counted(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let acme = Tenant::parse("acme").unwrap();
    for i in 0..5 {
        journal
            .accept(&NewJob { tenant: acme.clone(), key: Some(format!("k{i}")), ..new_job(&i.to_string()) }, "cli")
            .await
            .unwrap();
        stores.clock.advance_ms(10);
    }
    journal.accept(&NewJob { lane: Lane::Webhook, ..new_job("hook") }, "cli").await.unwrap();
    let uris = async |filter: JobFilter| {
        journal.list(&filter).await.unwrap().into_iter().map(|job| job.uri).collect::<Vec<_>>()
    };
    let all = JobFilter::default();
    assert_eq!(uris(all.clone()).await.len(), 6);
    assert_eq!(uris(JobFilter { tenant: Some(acme.clone()), limit: 2, ..all.clone() }).await, ["4.wav", "3.wav"]);
    let last =
        journal.list(&JobFilter { tenant: Some(acme.clone()), limit: 2, ..all.clone() }).await.unwrap()[1].id.clone();
    assert_eq!(
        uris(JobFilter { tenant: Some(acme.clone()), after: Some(last), limit: 2, ..all.clone() }).await,
        ["2.wav", "1.wav"]
    );
    assert_eq!(uris(JobFilter { key: Some("k2".into()), ..all.clone() }).await, ["2.wav"]);
    assert_eq!(
        uris(JobFilter { lane: Some(Lane::Webhook), state: Some(JobState::Ready), ..all.clone() }).await,
        ["hook.wav"]
    );
    assert_eq!(uris(JobFilter { since_ms: Some(START_MS + 40), ..all.clone() }).await, ["hook.wav", "4.wav"]);
    assert!(uris(JobFilter { state: Some(JobState::Done), ..all }).await.is_empty());

    let counts = journal.counts().await.unwrap();
    assert_eq!(
        counts.iter().map(|count| (count.lane, count.state, count.jobs, count.oldest_age_ms)).collect::<Vec<_>>(),
        [(Lane::Call, JobState::Ready, 5, 50), (Lane::Webhook, JobState::Ready, 1, 0)]
    );
}

async fn messages_are_claimed_repeated_until_delivered_and_given_up_on_request(ground: Ground) {
    let stores = Stores::on(&ground).await;
    for name in ["a", "b"] {
        let id = stores.journal.accept(&new_job(name), "cli").await.unwrap().job.id;
        stores.journal.cancel(&id, "cli").await.unwrap();
        stores.clock.advance_ms(1);
    }
    let outbox = &stores.outbox;
    let due = outbox.due(1, 1000).await.unwrap();
    let others = outbox.due(10, 1000).await.unwrap();
    assert_eq!((due.len(), others.len(), due[0].attempt), (1, 1, 1));
    assert!(outbox.due(10, 1000).await.unwrap().is_empty(), "claimed");
    outbox.delivered(&due[0].id).await.unwrap();
    stores.clock.advance_ms(1001);
    let again = outbox.due(10, 1000).await.unwrap();
    assert_eq!(
        again.iter().map(|message| (&message.id, message.attempt)).collect::<Vec<_>>(),
        [(&others[0].id, 2)],
        "whoever claimed it said nothing"
    );
    outbox.failed(&again[0].id, Some(START_MS + 5000), "connection refused").await.unwrap();
    assert_eq!(outbox.next_due_at().await.unwrap(), Some(START_MS + 5000));
    assert_eq!(outbox.backlog().await.unwrap().waiting, 1);
    outbox.failed(&again[0].id, None, "gone").await.unwrap();
    assert_eq!(outbox.next_due_at().await.unwrap(), None);
}

async fn an_alert_is_seen_to_once_and_that_is_on_record(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("a"), "cli").await.unwrap();
    let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    stores.journal.bury(&lease, &problem("x")).await.unwrap();
    let id = stores.outbox.alerts(Some(&Tenant::default()), true, 10).await.unwrap()[0].id.clone();
    stores.outbox.ack_alert(&id, "cli:me").await.unwrap();
    assert!(matches!(stores.outbox.ack_alert(&id, "cli:me").await, Err(JournalError::NoSuchAlert(_))));
    assert!(stores.outbox.alerts(None, true, 10).await.unwrap().is_empty());
    assert_eq!(stores.outbox.alerts(None, false, 10).await.unwrap()[0].acked, Some((START_MS, "cli:me".into())));
    assert_eq!(audit_kinds(&stores, &lease.job_id).await.last().map(String::as_str), Some("alert.acked"));
}

async fn a_rule_set_is_kept_as_it_was_first_seen(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let rule_sets = RuleSets::new(stores.db.clone());
    rule_sets.put("aa", "starter", &json!({ "a.yaml": "rules: []" })).await.unwrap();
    rule_sets.put("aa", "other", &json!({})).await.unwrap();
    let kept = rule_sets.get("aa").await.unwrap().unwrap();
    assert_eq!(
        (kept.name.as_str(), kept.sources, kept.first_seen_ms),
        ("starter", json!({ "a.yaml": "rules: []" }), START_MS)
    );
    assert_eq!(rule_sets.get("bb").await.unwrap(), None);
}
