//! What is paused, capped and urgent, and where jobs are said to stand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{JobId, JobOptions, JobState, Lane, Lease, NewJob, Standing, SystemClock, Tenant};
use earmark_journal::{AuditLog, Caps, Database, JobFilter, Journal, JournalError, ResultStore, RuleSets, WorkerInfo};
use support::*;

on_both!(
    a_job_stands_where_people_would_say_it_stands,
    nothing_is_taken_of_what_is_paused_and_what_runs_goes_on,
    priority_orders_a_tenants_own_jobs_and_nobody_elses,
    a_tenant_at_its_cap_is_passed_over_until_one_of_its_jobs_ends,
    a_cap_holds_over_many_processes_that_ask_at_once,
    the_queue_is_seen_at_a_glance,
    a_worker_lives_for_as_long_as_its_lock_or_its_word_says_so,
    a_lease_that_ran_out_while_its_worker_lives_is_no_death_of_the_job,
    the_same_recording_offered_again_is_the_job_there_is,
    texts_of_the_same_audio_are_taken_from_another_job_of_the_tenant_only,
);

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

fn job_of(name: &str, of: &str, lane: Lane) -> NewJob {
    NewJob { tenant: tenant(of), lane, ..new_job(name) }
}

async fn taken(journal: &Journal) -> Option<String> {
    journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().map(|(job, _)| job.uri.expose().to_owned())
}

async fn standing(journal: &Journal, id: &JobId) -> Standing {
    let found = journal.standing(id).await.unwrap();
    // A list and its filter say the same.
    let filter = JobFilter { standing: Some(found.standing), ..JobFilter::default() };
    assert!(journal.standings(&filter).await.unwrap().contains(&found), "{found:?}");
    for other in Standing::ALL.iter().filter(|other| **other != found.standing) {
        let filter = JobFilter { standing: Some(*other), ..JobFilter::default() };
        assert!(!journal.list(&filter).await.unwrap().contains(&found.job), "{other}");
    }
    found.standing
}

async fn a_job_stands_where_people_would_say_it_stands(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let id = journal.accept(&new_job("a"), "cli").await.unwrap().job.id;
    assert_eq!(standing(journal, &id).await, Standing::Ready);
    let behind_streams = journal.clone().behind_streams();
    assert_eq!(standing(&behind_streams, &id).await, Standing::Accepted);
    assert_eq!(stores.tamper("UPDATE jobs SET queued_until_ms = 1760000060000").await, 1);
    assert_eq!(standing(&behind_streams, &id).await, Standing::Ready);
    journal.pause(Some(Lane::Call), None, "cli").await.unwrap();
    assert_eq!(standing(journal, &id).await, Standing::Paused);
    journal.resume(None, None, "cli").await.unwrap();
    // The mark has gone with the pause: what was taken out of the stream meanwhile is delivered again.
    assert_eq!(standing(&behind_streams, &id).await, Standing::Accepted);

    let next = async || journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap().1;
    let lease = next().await;
    assert_eq!(standing(journal, &id).await, Standing::Leased);
    journal.retry_at(&lease, START_MS + 500, &problem("x"), true).await.unwrap();
    assert_eq!(standing(journal, &id).await, Standing::Waiting);
    stores.clock.advance_ms(500);
    assert_eq!(standing(journal, &id).await, Standing::Ready);
    journal.bury(&next().await, &problem("x")).await.unwrap();
    assert_eq!(standing(journal, &id).await, Standing::Dead);
    journal.retry(&id, "cli").await.unwrap();
    journal.cancel(&id, "cli").await.unwrap();
    assert_eq!(standing(journal, &id).await, Standing::Cancelled);
    journal.retry(&id, "cli").await.unwrap();
    let lease = next().await;
    let job = journal.get(&id).await.unwrap();
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    assert_eq!(standing(journal, &id).await, Standing::Done);
}

async fn nothing_is_taken_of_what_is_paused_and_what_runs_goes_on(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    for new in [job_of("a", "big", Lane::Call), job_of("b", "small", Lane::Call), job_of("c", "big", Lane::Archive)] {
        journal.accept(&new, "cli").await.unwrap();
        stores.clock.advance_ms(1);
    }
    let (running, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    assert!(journal.pause(Some(Lane::Call), None, "cli:me").await.unwrap());
    assert!(!journal.pause(Some(Lane::Call), None, "cli:other").await.unwrap(), "paused already");
    assert!(journal.pause(None, Some(&tenant("big")), "cli:me").await.unwrap());
    assert_eq!(taken(journal).await, None);
    let held_up = journal.standings(&JobFilter { standing: Some(Standing::Paused), ..JobFilter::default() }).await;
    for found in held_up.unwrap() {
        let leased = journal.lease_job(&found.job.id, &worker("w"), LEASE_MS).await.unwrap();
        assert_eq!(leased, None, "{}", found.job.uri);
    }
    journal.save_clip(&lease, "f", &clip(0), &clip_text("a"), None).await.unwrap();
    stores.results.finish(&lease, &finished(&running)).await.unwrap();

    let paused: Vec<_> = journal.pauses().await.unwrap().into_iter().map(|pause| (pause.lane, pause.tenant)).collect();
    assert_eq!(paused, [(None, Some(tenant("big"))), (Some(Lane::Call), None)]);
    let mut changes = journal.ready_changes();
    changes.mark_unchanged();
    let lifted = journal.resume(None, Some(&tenant("big")), "cli:me").await.unwrap();
    assert_eq!((lifted.len(), lifted[0].by.as_str(), lifted[0].since_ms), (1, "cli:me", START_MS + 3));
    assert!(changes.has_changed().unwrap(), "who waits here looks at once");
    assert_eq!(taken(journal).await.as_deref(), Some("c.wav"));
    assert_eq!(taken(journal).await, None);
    journal.resume(Some(Lane::Call), None, "cli:me").await.unwrap();
    assert_eq!(taken(journal).await.as_deref(), Some("b.wav"));

    // Everything, and one tenant's jobs in one lane.
    journal.accept(&job_of("d", "big", Lane::Call), "cli").await.unwrap();
    journal.accept(&job_of("e", "big", Lane::Archive), "cli").await.unwrap();
    journal.pause(None, None, "cli:me").await.unwrap();
    assert_eq!(taken(journal).await, None);
    journal.pause(Some(Lane::Call), Some(&tenant("big")), "cli:me").await.unwrap();
    assert!(journal.resume(Some(Lane::Archive), None, "cli:me").await.unwrap().is_empty(), "a wider pause stays");
    assert_eq!(journal.resume(None, None, "cli:me").await.unwrap().len(), 2, "all of them");
    journal.pause(Some(Lane::Call), Some(&tenant("big")), "cli:me").await.unwrap();
    assert_eq!((taken(journal).await.as_deref(), taken(journal).await), (Some("e.wav"), None));

    let kinds = async |of: &Tenant| {
        let entries = stores.audit.page(of, 0, 100).await.unwrap();
        let of_queue = entries.into_iter().filter(|entry| entry.head.kind.starts_with("queue."));
        of_queue.map(|entry| (entry.head.kind, entry.payload.unwrap())).collect::<Vec<_>>()
    };
    let everybody = kinds(&Tenant::default()).await;
    assert_eq!(everybody.len(), 4, "{everybody:?}");
    assert_eq!(everybody[0], ("queue.paused".into(), r#"{"lane":"call","tenant":null}"#.into()));
    let big = kinds(&tenant("big")).await;
    assert_eq!(
        big.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
        ["queue.paused", "queue.resumed", "queue.paused", "queue.resumed", "queue.paused"]
    );
    for chain in stores.audit.verify(None).await.unwrap() {
        assert!(chain.is_sound(), "{chain:?}");
    }
}

async fn priority_orders_a_tenants_own_jobs_and_nobody_elses(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let jobs = [
        ("a", "big", 0),
        ("b", "big", 50),
        ("c", "big", -3),
        ("d", "big", 50),
        ("x", "small", -100),
        ("y", "small", 0),
    ];
    for (name, of, priority) in jobs {
        let new = NewJob { priority, ..job_of(name, of, Lane::Call) };
        assert_eq!(stores.journal.accept(&new, "cli").await.unwrap().job.priority, priority);
        stores.clock.advance_ms(1);
    }
    let mut order = Vec::new();
    while let Some(uri) = taken(&stores.journal).await {
        order.push(uri);
    }
    assert_eq!(order, ["b.wav", "y.wav", "d.wav", "x.wav", "a.wav", "c.wav"]);
}

async fn a_tenant_at_its_cap_is_passed_over_until_one_of_its_jobs_ends(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let capped =
        || stores.journal.clone().with_caps(Caps::new(1, BTreeMap::from([(tenant("big"), 2), (tenant("free"), 0)])));
    let journal = capped();
    for of in ["big", "small", "free"] {
        for (number, lane) in [(0, Lane::Call), (1, Lane::Call), (2, Lane::Webhook)] {
            journal.accept(&job_of(&format!("{of}-{number}"), of, lane), "cli").await.unwrap();
            stores.clock.advance_ms(1);
        }
    }
    let mut leases: Vec<Lease> = Vec::new();
    while let Some((_, lease)) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap() {
        leases.push(lease);
    }
    let mut leased: Vec<String> = Vec::new();
    for job in journal.list(&JobFilter { state: Some(JobState::Leased), ..JobFilter::default() }).await.unwrap() {
        leased.push(job.uri.expose().to_owned());
    }
    leased.sort();
    assert_eq!(leased, ["big-0.wav", "big-2.wav", "free-0.wav", "free-1.wav", "free-2.wav", "small-2.wav"]);
    let over = journal.list(&JobFilter { state: Some(JobState::Ready), ..JobFilter::default() }).await.unwrap();
    for job in &over {
        assert_eq!(journal.lease_job(&job.id, &worker("w"), LEASE_MS).await.unwrap(), None, "{}", job.uri);
    }
    // The first to be leased was one of big's.
    journal.release(&leases[0], "").await.unwrap();
    assert!(journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().is_some());
    assert!(journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().is_none());
}

async fn a_cap_holds_over_many_processes_that_ask_at_once(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let new: Vec<_> = (0..40).map(|i| new_job(&i.to_string())).collect();
    stores.journal.accept_many(&new, "cli").await.unwrap();
    let mut askers = Vec::new();
    for process in 0..4 {
        let journal = Journal::new(stores.reopened().await).with_caps(Caps::new(7, BTreeMap::new()));
        askers.push(tokio::spawn(async move {
            let mut taken = 0;
            while journal.lease_next(&worker(&process.to_string()), Lane::ALL, LEASE_MS).await.unwrap().is_some() {
                taken += 1;
            }
            taken
        }));
    }
    let mut taken = 0;
    for asker in askers {
        taken += asker.await.unwrap();
    }
    assert_eq!(taken, 7);
}

async fn the_queue_is_seen_at_a_glance(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    for name in ["a", "b", "c"] {
        journal.accept(&new_job(name), "cli").await.unwrap();
    }
    journal.accept(&job_of("night", "acme", Lane::Archive), "cli").await.unwrap();
    let hook = journal.accept(&job_of("hook", "acme", Lane::Webhook), "cli").await.unwrap().job.id;
    journal.cancel(&hook, "cli").await.unwrap();
    let info = WorkerInfo { host: "here".into(), pid: 1, slots: 3 };
    let lock = journal.register_worker(&worker("w"), &info).await.unwrap();
    let dead = journal.register_worker(&worker("dead"), &info).await.unwrap();
    drop(dead);
    // A server knows the living from the dead by their word alone, on its own clock.
    stores.tamper("UPDATE workers SET seen_at_ms = 0 WHERE id = 'dead'").await;
    stores.tamper("UPDATE workers SET seen_at_ms = 1 + 2 * seen_at_ms WHERE id = 'w'").await;
    stores.clock.advance_ms(700);
    let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    journal.retry_at(&lease, START_MS + 5000, &problem("x"), true).await.unwrap();
    journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    journal.pause(Some(Lane::Archive), None, "cli:me").await.unwrap();

    let stats = journal.stats().await.unwrap();
    let of = |lane| stats.lanes.iter().find(|stats| stats.lane == lane).unwrap();
    let call = of(Lane::Call);
    assert_eq!((call.ready, call.leased, call.waiting, call.oldest_age_ms), (1, 1, 1, Some(700)));
    assert_eq!((of(Lane::Archive).paused, of(Lane::Webhook).cancelled, of(Lane::Webhook).oldest_age_ms), (1, 1, None));
    let all: u64 = stats.lanes.iter().map(|lane| Standing::ALL.iter().map(|at| lane.at(*at)).sum::<u64>()).sum();
    assert_eq!(all, 5);
    assert_eq!((stats.workers.live, stats.workers.slots), (1, 3));
    assert_eq!((stats.pauses.len(), stats.outbox.waiting), (1, 1));
    drop(lock);
}

async fn a_worker_lives_for_as_long_as_its_lock_or_its_word_says_so(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let live = async || journal.live_workers().await.unwrap().live;
    assert_eq!((live().await, journal.last_worker().await.unwrap()), (0, None));
    // Who takes nothing of the queue is no worker for those who wait for one.
    let info = |slots| WorkerInfo { host: "here".into(), pid: 7 + slots, slots };
    let _own = journal.register_worker(&worker("own"), &info(0)).await.unwrap();
    assert_eq!((live().await, journal.last_worker().await.unwrap()), (0, None));

    let lock = journal.register_worker(&worker("w"), &info(2)).await.unwrap();
    assert_eq!(live().await, 1);
    // As after a minute of silence; the clocks of the processes play no part.
    stores.tamper("UPDATE workers SET seen_at_ms = seen_at_ms - 60000").await;
    stores.clock.advance_ms(if ground.is_sqlite() { 0 } else { 3_600_000 });
    assert_eq!(live().await, u64::from(ground.is_sqlite()), "beside a file its lock tells");
    let last = journal.last_worker().await.unwrap().unwrap();
    assert_eq!((last.host.as_str(), last.pid), ("here", 9));
    assert!((60_000..120_000).contains(&last.seen_ago_ms), "{last:?}");
    journal.worker_lives(&worker("w")).await.unwrap();
    assert_eq!(live().await, 1);
    assert!(journal.last_worker().await.unwrap().unwrap().seen_ago_ms < 60_000);

    drop(lock);
    journal.worker_stopped(&worker("w")).await.unwrap();
    assert_eq!(live().await, 0);
    assert!(journal.last_worker().await.unwrap().is_some(), "it is known who it was");
}

async fn the_same_recording_offered_again_is_the_job_there_is(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let judged_by = |rules: &str| {
        let journal = Journal::new(stores.db.clone());
        journal.judge_by(rules);
        journal
    };
    let journal = judged_by("r1");
    let versioned = |version: &str| NewJob { version: Some(version.into()), ..new_job("a") };
    let accepted = journal.accept_many(&[versioned("1"), versioned("1"), versioned("2")], "cli").await.unwrap();
    let accepted: Vec<_> = accepted.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().map(|accepted| accepted.is_new).collect::<Vec<_>>(), [true, false, true]);
    let id = accepted[0].job.id.clone();
    assert_eq!(accepted[1].job.id, id);

    // As it stands by now, dead or not.
    let lease = journal.lease_job(&id, &worker("w"), LEASE_MS).await.unwrap().unwrap().1;
    journal.bury(&lease, &problem("decode.bad")).await.unwrap();
    let again = journal.accept(&versioned("1"), "cli").await.unwrap();
    assert_eq!((again.is_new, &again.job.id, again.job.state), (false, &id, JobState::Dead));
    assert_eq!(again.job.error.unwrap().code, "decode.bad");

    let is_new = async |journal: &Journal, new: NewJob| journal.accept(&new, "cli").await.unwrap().is_new;
    assert!(is_new(&journal, NewJob { tenant: tenant("other"), ..versioned("1") }).await);
    assert!(is_new(&journal, NewJob { key: Some("k".into()), ..versioned("1") }).await, "its key says what it is");
    assert!(is_new(&judged_by("r2"), versioned("1")).await, "other rules, another job");
    let rules = JobOptions { rule_set: Some("r2".into()), ..JobOptions::default() };
    let named = NewJob { options: rules.clone(), ..versioned("1") };
    let refused = journal.accept_many(&[versioned("3"), named], "cli").await;
    assert!(matches!(&refused, Err(JournalError::NoSuchRuleSet(hash)) if hash == "r2"), "{refused:?}");
    RuleSets::new(stores.db.clone()).put("r2", "rules", &serde_json::json!([])).await.unwrap();
    assert!(!is_new(&journal, NewJob { options: rules, ..versioned("1") }).await);
    let repeat = JobOptions { is_repeat: true, ..JobOptions::default() };
    for _ in 0..2 {
        assert!(is_new(&journal, NewJob { options: repeat.clone(), ..versioned("1") }).await);
    }
}

async fn texts_of_the_same_audio_are_taken_from_another_job_of_the_tenant_only(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let leased = async |new: &NewJob| {
        let id = journal.accept(new, "cli").await.unwrap().job.id;
        journal.lease_job(&id, &worker("w"), LEASE_MS).await.unwrap().unwrap()
    };
    let (first, lease) = leased(&new_job("a")).await;
    journal.save_clips(&lease, "f", &[(clip(0), clip_text("一")), (clip(1), clip_text("二"))]).await.unwrap();
    let (part, lease) = leased(&new_job("b")).await;
    journal.save_clip(&lease, "f", &clip(0), &clip_text("壹"), None).await.unwrap();
    let (stranger, _) = leased(&job_of("c", "other", Lane::Call)).await;
    assert_eq!(journal.reusable(&stranger, "f").await.unwrap(), None);
    assert_eq!(journal.reusable(&part, "g").await.unwrap(), None);

    let (again, lease) = leased(&new_job("d")).await;
    let reusable = journal.reusable(&again, "f").await.unwrap().unwrap();
    assert_eq!((&reusable.job, reusable.clips.len()), (&first.id, 2), "the one that has most");
    journal.reuse_clips(&lease, "f", &reusable.job, &reusable.clips).await.unwrap();
    journal.set_clips_total(&lease, "f", 2).await.unwrap();
    let saved = journal.saved_clips(&again.id, "f").await.unwrap();
    assert!(saved.iter().all(|saved| saved.reused_from.as_ref() == Some(&first.id) && saved.text.billed_ms == 0));
    assert_eq!(saved[1].text.segments, clip_text("二").segments);
    let spent = journal.usage_of(&again.id).await.unwrap();
    assert_eq!((spent.requests, spent.billed_ms, journal.get(&again.id).await.unwrap().clips_done), (0, 0, 2));
    // Whoever takes it from there names the job that paid.
    let (third, lease) = leased(&new_job("e")).await;
    journal.reuse_clips(&lease, "f", &again.id, &saved).await.unwrap();
    assert_eq!(journal.saved_clips(&third.id, "f").await.unwrap()[0].reused_from.as_ref(), Some(&first.id));
}

async fn a_lease_that_ran_out_while_its_worker_lives_is_no_death_of_the_job(ground: Ground) {
    let stores = Stores::on(&ground).await;
    // What workers say is by the server's clock.
    let journal = Journal::new(Database::open(&stores.url, Arc::new(SystemClock)).await.unwrap());
    let info = WorkerInfo { host: "here".into(), pid: 1, slots: 3 };
    let _lock = journal.register_worker(&worker("w"), &info).await.unwrap();
    for (name, speaks, deaths) in [("a", false, 1), ("b", true, u32::from(ground.is_sqlite()))] {
        let id = journal.accept(&new_job(name), "cli").await.unwrap().job.id;
        let (_, lease) = journal.lease_job(&id, &worker("w"), 100).await.unwrap().unwrap();
        journal.set_blameless(&lease, false).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        if speaks {
            journal.worker_lives(&worker("w")).await.unwrap();
        }
        assert_eq!(journal.sweep().await.unwrap().freed, std::slice::from_ref(&id));
        assert_eq!(journal.get(&id).await.unwrap().deaths, deaths, "{name}");
    }
}
