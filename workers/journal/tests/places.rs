//! Places that are away, and jobs that wait for them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Clock, Job, JobState, Lane, Lease};
use earmark_journal::{Fate, Pace, Pass, Places, Suspect};
use support::*;

on_both!(
    a_place_is_away_after_some_failures_in_a_row_and_there_is_one_alert_until_it_answers,
    while_it_is_away_one_job_of_all_processes_asks_and_the_others_wait,
    jobs_wake_one_by_one_to_ask_and_together_when_it_answers,
    a_job_that_is_put_off_for_a_place_that_answers_meanwhile_does_not_wait,
    one_that_fails_where_others_are_served_pays_for_it_itself,
    one_that_nobody_else_asks_beside_pays_only_after_a_long_time,
    an_answer_from_before_says_nothing,
    who_needs_two_places_takes_no_probe_of_one_while_the_other_is_left_alone,
    that_nobody_waits_for_a_place_is_no_answer_of_it,
    of_hosts_of_the_web_only_so_many_are_away_at_once,
    a_place_that_nobody_waits_for_is_forgotten,
);

const STORE: &str = "s3://calls at store:9000";

fn names() -> Vec<String> {
    vec![STORE.into(), "https://elsewhere".into()]
}

/// Without jitter in what is compared.
fn pace() -> Pace {
    Pace::default()
}

async fn leased(stores: &Stores, name: &str) -> (Job, Lease) {
    let id = stores.journal.accept(&new_job(name), "test").await.unwrap().job.id;
    stores.journal.lease_job(&id, &worker("w"), LEASE_MS).await.unwrap().unwrap()
}

/// Fails at the store, of which it may be the job's fault or not.
async fn fails(places: &Places, job: &Job, suspect: Suspect, is_probe: bool) -> Fate {
    places.failed(STORE, &problem("s3.connect"), &job.id, suspect, is_probe).await.unwrap()
}

async fn wait(stores: &Stores, lease: &Lease) -> i64 {
    let now_ms = stores.clock.now_ms();
    let times = (now_ms + 2_000, now_ms + 300_000);
    stores.journal.put_off_for(lease, STORE, times, &problem("s3.connect")).await.unwrap()
}

/// Opens the store's circuit by failures of a job, which waits.
async fn goes_away(stores: &Stores, places: &Places) -> Job {
    let (job, lease) = leased(stores, "first").await;
    for _ in 0..pace().failures {
        assert!(matches!(fails(places, &job, Suspect::Place, false).await, Fate::Waits(_)));
    }
    wait(stores, &lease).await;
    job
}

async fn alerts(stores: &Stores, is_open: bool) -> Vec<(String, u64)> {
    let alerts = stores.outbox.alerts(None, is_open, 10).await.unwrap();
    alerts.into_iter().map(|alert| (alert.kind, alert.times)).collect()
}

async fn a_place_is_away_after_some_failures_in_a_row_and_there_is_one_alert_until_it_answers(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let (job, _) = leased(&stores, "a").await;
    for _ in 0..2 {
        let Fate::Waits(wait_ms) = fails(&places, &job, Suspect::Place, false).await else { panic!("nobody's fault") };
        assert!((1_500..=2_000).contains(&wait_ms), "{wait_ms}");
    }
    assert_eq!(places.answered(STORE, &job.id, START_MS).await.unwrap(), 0);
    for _ in 0..2 {
        fails(&places, &job, Suspect::Place, false).await;
    }
    assert_eq!((places.all().await.unwrap(), alerts(&stores, false).await), (vec![], vec![]), "not in a row");
    assert_eq!(fails(&places, &job, Suspect::Place, false).await, Fate::Waits(300_000));
    let away = places.away(STORE).await.unwrap().unwrap();
    assert_eq!((away.code.as_str(), away.since_ms, away.tries), ("s3.connect", START_MS, 0));
    fails(&places, &job, Suspect::Place, false).await;
    assert_eq!(alerts(&stores, true).await, [("place.away".into(), 1)]);
    stores.clock.advance_ms(1_000);
    places.answered(STORE, &job.id, START_MS + 500).await.unwrap();
    assert_eq!(places.all().await.unwrap(), []);
    assert_eq!((alerts(&stores, true).await, alerts(&stores, false).await.len()), (vec![], 1));
}

async fn while_it_is_away_one_job_of_all_processes_asks_and_the_others_wait(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (here, there) = (Places::new(stores.db.clone()), Places::new(stores.reopened().await));
    assert_eq!(here.pass(&names()).await.unwrap(), Pass::Open(vec![]));
    let job = goes_away(&stores, &here).await;
    for places in [&here, &there] {
        assert!(matches!(places.pass(&names()).await.unwrap(), Pass::Away(place) if place.name == STORE));
        assert_eq!(places.pass(&["https://elsewhere".into()]).await.unwrap(), Pass::Open(vec![]));
    }
    stores.clock.advance_ms(2_000);
    assert_eq!(there.pass(&names()).await.unwrap(), Pass::Open(vec![STORE.into()]), "the probe");
    assert!(matches!(here.pass(&names()).await.unwrap(), Pass::Away(_)), "another asks");
    // In vain: the next asks a little later, the later the longer it is away, and at most every 15 s.
    fails(&there, &job, Suspect::Place, true).await;
    let wait_ms = async || here.away(STORE).await.unwrap().unwrap().until_ms - stores.clock.now_ms();
    assert!((1_500..=2_000).contains(&wait_ms().await));
    stores.clock.advance_ms(3_600_000);
    assert_eq!(here.pass(&names()).await.unwrap(), Pass::Open(vec![STORE.into()]));
    fails(&here, &job, Suspect::Place, true).await;
    assert!((11_250..=15_000).contains(&wait_ms().await));
    // A probe that is never heard of again is another's after a while.
    stores.clock.advance_ms(15_000);
    assert_eq!(here.pass(&names()).await.unwrap(), Pass::Open(vec![STORE.into()]));
    stores.clock.advance_ms(30_000);
    assert_eq!(there.pass(&names()).await.unwrap(), Pass::Open(vec![STORE.into()]));
    assert_eq!(alerts(&stores, false).await, [("place.away".into(), 1)]);
}

async fn jobs_wake_one_by_one_to_ask_and_together_when_it_answers(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let first = goes_away(&stores, &places).await;
    let mut jobs = vec![first];
    for name in ["b", "c", "d"] {
        stores.clock.advance_ms(10);
        let (job, lease) = leased(&stores, name).await;
        assert!(wait(&stores, &lease).await > stores.clock.now_ms() + 200_000);
        jobs.push(job);
    }
    let next = async || stores.journal.lease_next(&worker("w"), Lane::ALL, LEASE_MS).await.unwrap();
    assert_eq!(places.wake_probes(&stores.journal).await.unwrap(), 0, "it is not time yet");
    assert!(next().await.is_none());
    stores.clock.advance_ms(2_000);
    assert_eq!(places.wake_probes(&stores.journal).await.unwrap(), 1);
    assert_eq!(places.wake_probes(&stores.journal).await.unwrap(), 0, "it has some time to be leased");
    let (probe, lease) = next().await.unwrap();
    assert_eq!((&probe.id, probe.attempt), (&jobs[0].id, 1), "who has waited longest, and it has cost nothing");
    assert!(next().await.is_none());
    assert_eq!(places.all().await.unwrap()[0].jobs_waiting, 3);
    // It is put off again: the next one asks.
    assert_eq!(places.pass(&names()).await.unwrap(), Pass::Open(vec![STORE.into()]));
    fails(&places, &probe, Suspect::Place, true).await;
    wait(&stores, &lease).await;
    stores.clock.advance_ms(4_000);
    assert_eq!(places.wake_probes(&stores.journal).await.unwrap(), 1);
    let (probe, _) = next().await.unwrap();
    assert_eq!(probe.id, jobs[1].id);
    // It answers: all are due where they stood, at once.
    assert_eq!(places.answered(STORE, &probe.id, stores.clock.now_ms()).await.unwrap(), 3);
    for expected in [0, 2, 3] {
        let (job, _) = next().await.unwrap();
        assert_eq!((&job.id, job.attempt), (&jobs[expected].id, 1));
    }
}

async fn a_job_that_is_put_off_for_a_place_that_answers_meanwhile_does_not_wait(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (_, lease) = leased(&stores, "a").await;
    assert_eq!(wait(&stores, &lease).await, START_MS + 2_000);
}

async fn one_that_fails_where_others_are_served_pays_for_it_itself(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let ((bad, _), (good, _)) = (leased(&stores, "bad").await, leased(&stores, "good").await);
    assert!(matches!(fails(&places, &bad, Suspect::PlaceOrRecording, false).await, Fate::Waits(_)), "nobody knows yet");
    places.answered(STORE, &good.id, START_MS).await.unwrap();
    for _ in 0..5 {
        assert_eq!(fails(&places, &bad, Suspect::PlaceOrRecording, false).await, Fate::Costs);
    }
    assert_eq!(places.all().await.unwrap(), [], "it is there for others");
    // Nobody listens: that is no recording's fault.
    assert!(matches!(fails(&places, &bad, Suspect::Place, false).await, Fate::Waits(_)));
    // Another fails too: now it is the place's.
    fails(&places, &good, Suspect::PlaceOrRecording, false).await;
    assert!(matches!(fails(&places, &bad, Suspect::PlaceOrRecording, false).await, Fate::Waits(_)));
}

async fn one_that_nobody_else_asks_beside_pays_only_after_a_long_time(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let job = goes_away(&stores, &places).await;
    stores.clock.advance_ms(899_000);
    assert!(matches!(fails(&places, &job, Suspect::Answered, true).await, Fate::Waits(_)));
    stores.clock.advance_ms(1_000);
    assert!(matches!(fails(&places, &job, Suspect::Place, true).await, Fate::Waits(_)), "nobody listens");
    assert!(
        matches!(fails(&places, &job, Suspect::PlaceOrRecording, true).await, Fate::Waits(_)),
        "or no answer comes"
    );
    assert_eq!(fails(&places, &job, Suspect::Answered, true).await, Fate::Costs);
    // Another that waits is a sign that it is the place.
    let (other, lease) = leased(&stores, "other").await;
    wait(&stores, &lease).await;
    fails(&places, &other, Suspect::Place, false).await;
    assert!(matches!(fails(&places, &job, Suspect::Answered, true).await, Fate::Waits(_)));
}

async fn an_answer_from_before_says_nothing(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let (other, _) = leased(&stores, "other").await;
    // On a server by more than two clocks may be apart.
    stores.clock.advance_ms(10_000);
    goes_away(&stores, &places).await;
    assert_eq!(places.answered(STORE, &other.id, START_MS).await.unwrap(), 0);
    assert_eq!(places.all().await.unwrap().len(), 1);
}

async fn a_place_that_nobody_waits_for_is_forgotten(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let job = goes_away(&stores, &places).await;
    stores.journal.cancel(&job.id, "cli:me").await.unwrap();
    assert_eq!(stores.journal.get(&job.id).await.unwrap().state, JobState::Cancelled);
    stores.clock.advance_ms(3_000);
    places.wake_probes(&stores.journal).await.unwrap();
    assert_eq!(places.all().await.unwrap().len(), 1, "a job may be on its way");
    stores.clock.advance_ms(60_000);
    places.wake_probes(&stores.journal).await.unwrap();
    assert_eq!((places.all().await.unwrap(), alerts(&stores, true).await), (vec![], vec![]));
}

async fn who_needs_two_places_takes_no_probe_of_one_while_the_other_is_left_alone(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (here, there) = (Places::new(stores.db.clone()), Places::new(stores.reopened().await));
    goes_away(&stores, &here).await;
    stores.clock.advance_ms(2_000);
    let (job, _) = leased(&stores, "other").await;
    for _ in 0..3 {
        here.failed("https://elsewhere", &problem("fetch.unavailable"), &job.id, Suspect::Place, false).await.unwrap();
    }
    assert!(matches!(here.pass(&names()).await.unwrap(), Pass::Away(place) if place.name == "https://elsewhere"));
    assert_eq!(there.pass(&[STORE.into()]).await.unwrap(), Pass::Open(vec![STORE.into()]), "nobody asks yet");
    stores.clock.advance_ms(2_000);
    assert!(matches!(here.pass(&names()).await.unwrap(), Pass::Away(place) if place.name == STORE), "another asks");
    assert_eq!(there.pass(&["https://elsewhere".into()]).await.unwrap(), Pass::Open(vec!["https://elsewhere".into()]));
}

async fn that_nobody_waits_for_a_place_is_no_answer_of_it(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let (here, there) = (Places::new(stores.db.clone()), Places::new(stores.reopened().await));
    let jobs = [leased(&stores, "a").await.0, leased(&stores, "b").await.0];
    for job in jobs.iter().chain(&jobs) {
        fails(&here, job, Suspect::PlaceOrRecording, false).await;
    }
    assert_eq!(here.all().await.unwrap().len(), 1);
    stores.clock.advance_ms(70_000);
    there.wake_probes(&stores.journal).await.unwrap();
    assert_eq!(here.all().await.unwrap(), []);
    for job in &jobs {
        assert!(matches!(fails(&here, job, Suspect::PlaceOrRecording, false).await, Fate::Waits(_)));
    }
}

async fn of_hosts_of_the_web_only_so_many_are_away_at_once(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let places = Places::new(stores.db.clone());
    let (job, _) = leased(&stores, "a").await;
    let fails = async |name: &str| {
        let mut fates = Vec::new();
        for _ in 0..3 {
            fates.push(places.failed(name, &problem("x"), &job.id, Suspect::Place, false).await.unwrap());
        }
        fates.pop().unwrap()
    };
    for number in 0..50 {
        assert_eq!(fails(&format!("https://h{number}")).await, Fate::Waits(300_000));
    }
    assert_eq!(fails("http://one-too-many").await, Fate::Costs);
    assert_eq!(places.away("http://one-too-many").await.unwrap(), None);
    assert_eq!(stores.outbox.alerts(None, true, 100).await.unwrap().len(), 50);
    // What is away stays so, and a store is no stranger's.
    assert_eq!((fails("https://h7").await, fails(STORE).await), (Fate::Waits(300_000), Fate::Waits(300_000)));
    places.answered("https://h7", &job.id, stores.clock.now_ms()).await.unwrap();
    assert_eq!(fails("http://one-too-many").await, Fate::Waits(300_000));
}
