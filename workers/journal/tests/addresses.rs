//! A recording offered again by another signature is the same job, fetched by the newer address.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{JobId, JobOptions, JobState, Lane, NewJob, Part, RecordingUri, Tenant};
use earmark_journal::{AuditLog as _, JournalError, Readdressed, ResultStore as _};
use support::*;

on_both!(
    a_recording_offered_by_another_signature_is_the_same_job_and_takes_it,
    a_job_that_waits_for_its_signature_is_due_with_it_and_one_that_was_given_up_is_tried_again,
    an_older_signature_never_takes_the_place_of_a_newer_one,
    a_recording_of_several_files_takes_each_ones_address,
    a_job_is_retried_from_another_address_of_its_recording_only,
    a_batch_tries_again_what_died_for_want_of_its_addresses_and_closes_the_alert,
    jobs_of_one_batch_are_leased_in_its_order,
);

/// The same call, signed at `hour` of the day.
fn signed(name: &str, hour: u32) -> String {
    format!(
        "https://calls.example.org/2026/{name}.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261128T{hour:02}0000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=secret{hour}"
    )
}

fn call(key: Option<&str>, hour: u32) -> NewJob {
    let uri = signed("0017", hour);
    NewJob { key: key.map(str::to_owned), ..NewJob::new(uri.as_str(), uri.as_str(), Tenant::default()) }
}

async fn location(stores: &Stores, id: &JobId) -> String {
    stores.journal.get(id).await.unwrap().location.expose().to_owned()
}

async fn a_recording_offered_by_another_signature_is_the_same_job_and_takes_it(ground: Ground) {
    for key in [Some("call-0017"), None] {
        let stores = Stores::on(&ground).await;
        let answers = stores.journal.accept_many(&[call(key, 8), call(key, 9)], "cli").await.unwrap();
        let [first, second] = answers.as_slice() else { panic!("{answers:?}") };
        let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
        assert!(first.is_new && !second.is_new);
        let id = &first.job.id;
        assert_eq!(&second.job.id, id);
        assert_eq!(location(&stores, id).await, signed("0017", 9));
        // Its uri is the caller's own, the first one; a worker fetches by the newer address.
        let third = stores.journal.accept(&call(key, 10), "http:crm").await.unwrap();
        assert!(!third.is_new && third.job.uri == signed("0017", 8).as_str());
        let (job, _) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        assert_eq!((&job.id, job.location.expose()), (id, signed("0017", 10).as_str()));
        stores.journal.accept(&call(key, 11), "http:crm").await.unwrap();
        assert_eq!(location(&stores, id).await, signed("0017", 11));
        assert!(!format!("{job:?}{third:?}").contains("secret"));
    }
}

async fn a_job_that_waits_for_its_signature_is_due_with_it_and_one_that_was_given_up_is_tried_again(ground: Ground) {
    for code in ["fetch.expired", "fetch.forbidden"] {
        let stores = Stores::on(&ground).await;
        let journal = &stores.journal;
        let id = journal.accept(&call(Some("k"), 8), "cli").await.unwrap().job.id;
        let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        let run_at_ms = job.run_at_ms + 600_000;
        journal.retry_at(&lease, run_at_ms, &problem(code), false).await.unwrap();
        // By the same address nothing has come that it waits for.
        journal.accept(&call(Some("k"), 8), "cli").await.unwrap();
        assert!(journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().is_none());
        journal.accept(&call(Some("k"), 9), "cli").await.unwrap();
        let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        assert_eq!((job.attempt, job.location.expose()), (1, signed("0017", 9).as_str()));

        journal.bury(&lease, &problem(code)).await.unwrap();
        assert_eq!(journal.accept(&call(Some("k"), 9), "cli").await.unwrap().job.state, JobState::Dead);
        let revived = journal.accept(&call(Some("k"), 10), "cli").await.unwrap();
        assert_eq!((revived.is_new, revived.job.state, &revived.job.id), (false, JobState::Ready, &id));
        let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        // What died of something else stays dead.
        journal.bury(&lease, &problem("decode.not_audio")).await.unwrap();
        assert_eq!(journal.accept(&call(Some("k"), 11), "cli").await.unwrap().job.state, JobState::Dead);
        assert!(stores.audit.verify(None).await.unwrap().iter().all(earmark_journal::ChainReport::is_sound));
    }
}

async fn an_older_signature_never_takes_the_place_of_a_newer_one(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let id = stores.journal.accept(&call(Some("k"), 9), "cli").await.unwrap().job.id;
    assert!(!stores.journal.accept(&call(Some("k"), 8), "cli").await.unwrap().is_new);
    assert_eq!(location(&stores, &id).await, signed("0017", 9));
}

fn parts(hour: u32) -> NewJob {
    let part = |name: &str| {
        let uri = RecordingUri::from(signed(name, hour));
        Part { location: uri.clone(), uri, version: None, offset_ms: 0, speaker: None }
    };
    let options = JobOptions { parts: vec![part("in"), part("out")], ..JobOptions::default() };
    let first = signed("in", hour);
    NewJob { options, ..NewJob::new(first.as_str(), first.as_str(), Tenant::default()) }
}

async fn a_recording_of_several_files_takes_each_ones_address(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let id = stores.journal.accept(&parts(8), "cli").await.unwrap().job.id;
    let known = stores.journal.accept(&parts(9), "cli").await.unwrap();
    assert_eq!((known.is_new, &known.job.id), (false, &id));
    let job = stores.journal.get(&id).await.unwrap();
    let found: Vec<&str> = job.options.parts.iter().map(|part| part.location.expose()).collect();
    assert_eq!(found, [signed("in", 9), signed("out", 9)]);
    assert_eq!(job.location.expose(), signed("in", 9));
    assert_eq!(job.options.parts[1].uri.expose(), signed("out", 8));
}

async fn a_job_is_retried_from_another_address_of_its_recording_only(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let journal = &stores.journal;
    let plain = NewJob::new("https://me@h/a.wav?id=7", "https://me@h/a.wav?id=7", Tenant::default());
    let id = journal.accept(&plain, "cli").await.unwrap().job.id;
    let (_, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    journal.bury(&lease, &problem("fetch.forbidden")).await.unwrap();
    for other in [
        "https://me@h/b.wav?id=7",
        "https://me@h/a.wav?id=8",
        "https://me@i/a.wav?id=7",
        "https://you@h/a.wav?id=7",
        "https://h/a.wav?id=7",
        "file:///a.wav",
    ] {
        let answer = journal.retry_from(&id, &other.into(), &[], "cli").await.unwrap();
        assert!(matches!(answer, Readdressed::Another(_)), "{other}");
    }
    assert_eq!(journal.get(&id).await.unwrap().state, JobState::Dead);
    for (address, state) in
        [("https://me:pw@h/a.wav?id=7", JobState::Ready), ("https://me@h/a.wav?id=7", JobState::Ready)]
    {
        let answer = journal.retry_from(&id, &address.into(), &[], "cli").await.unwrap();
        let Readdressed::Done(job) = answer else { panic!("{address}") };
        assert_eq!((job.state, job.location.expose()), (state, address));
        assert!(stores.outbox.alerts(None, true, 10).await.unwrap().is_empty(), "nothing is dead any more");
    }
    let entries = stores.audit.page(&Tenant::default(), 0, 100).await.unwrap();
    let retried = entries.iter().filter(|entry| entry.head.kind == "job.retried");
    let told: Vec<_> = retried.map(|entry| entry.payload.as_deref().unwrap()).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains(r#""was":"dead""#) && told[1].contains(r#""was":"ready""#), "{told:?}");
    assert!(told.iter().all(|payload| payload.contains(r#""readdressed":true"#)), "{told:?}");
    assert!(!entries.iter().any(|entry| format!("{entry:?}").contains("me:pw")));
    assert!(stores.audit.verify(None).await.unwrap().iter().all(earmark_journal::ChainReport::is_sound));
    let (job, lease) = journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    assert_eq!(job.id, id);
    stores.results.finish(&lease, &finished(&job)).await.unwrap();
    let done = journal.retry_from(&id, &"https://h/a.wav?id=7".into(), &[], "cli").await.unwrap_err();
    assert!(matches!(done, JournalError::NotRetriable { state: JobState::Done, .. }));
}

async fn a_batch_tries_again_what_died_for_want_of_its_addresses_and_closes_the_alert(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let of = |tenant: &str, hour| NewJob { tenant: Tenant::parse(tenant).unwrap(), ..call(Some("k"), hour) };
    let mut ids = Vec::new();
    for tenant in ["zeta", "acme"] {
        ids.push(stores.journal.accept(&of(tenant, 8), "cli").await.unwrap().job.id);
        let (_, lease) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        stores.journal.bury(&lease, &problem("fetch.expired")).await.unwrap();
    }
    assert_eq!(stores.outbox.alerts(None, true, 10).await.unwrap().len(), 2);
    // Twice one job, and one of another tenant that is new.
    let batch = [of("zeta", 9), of("acme", 9), of("zeta", 10), of("beta", 9)];
    let answers = stores.journal.accept_many(&batch, "cli").await.unwrap();
    let told: Vec<_> = answers
        .iter()
        .flatten()
        .map(|accepted| (accepted.is_new, accepted.job.state, accepted.job.location.expose().to_owned()))
        .collect();
    let expected = [(false, 10), (false, 9), (false, 10), (true, 9)];
    assert_eq!(told, expected.map(|(is_new, hour)| (is_new, JobState::Ready, signed("0017", hour))));
    assert!(stores.outbox.alerts(None, true, 10).await.unwrap().is_empty());
    assert!(stores.audit.verify(None).await.unwrap().iter().all(earmark_journal::ChainReport::is_sound));
    for (tenant, id) in ["zeta", "acme"].into_iter().zip(&ids) {
        let entries = stores.audit.page(&Tenant::parse(tenant).unwrap(), 0, 100).await.unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| entry.head.kind.as_str()).collect();
        assert_eq!(kinds, ["job.accepted", "job.dead", "job.retried"], "{id}");
    }
}

async fn jobs_of_one_batch_are_leased_in_its_order(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let names: Vec<String> = (0..60).map(|number| format!("{:02}", (number * 37) % 60)).collect();
    let new: Vec<NewJob> = names.iter().map(|name| new_job(name)).collect();
    stores.journal.accept_many(&new, "cli").await.unwrap();
    for expected in &new {
        let (job, _) = stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap().unwrap();
        assert_eq!(job.uri, expected.uri);
    }
}
