//! The tier is kept exactly, whoever asks and whoever goes away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use earmark_simulator::{Key, Latency, Options, Peak};
use support::{client, form, send, send_as, start, wav};
use tokio::task::JoinSet;

fn fixed(ms: u64) -> Latency {
    Latency::Fixed(Duration::from_millis(ms))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_at_once_exactly_the_tier_is_let_in() {
    // Nobody is answered before all fifty have come in.
    let simulator = Arc::new(start(Options { max_in_flight: 5, latency: fixed(60_000), ..Options::default() }).await);
    let mut clients = JoinSet::new();
    for level in 1..=50 {
        let simulator = simulator.clone();
        clients.spawn(async move { send(&client(), &simulator, form(wav(1600, level), &[])).await });
    }
    simulator.wait_for_requests(50).await;
    let mut refused = 0;
    while refused < 45 {
        let answer = clients.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(answer.refusal(), (429, "1302".into()));
        refused += 1;
    }
    assert_eq!(simulator.in_flight(), 5);
    assert_eq!(simulator.peak_in_flight(), Peak { all: 5, with_client: 5 });
    let mut admitted: Vec<usize> = simulator.log().iter().map(|record| record.in_flight).collect();
    admitted.sort_unstable();
    assert_eq!(admitted[45..], [1, 2, 3, 4, 5]);
    assert_eq!(admitted[..45], [0; 45]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_workers_as_places_are_never_refused() {
    for fields in [&[][..], &[("stream", "true")][..]] {
        let simulator = Arc::new(start(Options { max_in_flight: 8, latency: fixed(2), ..Options::default() }).await);
        let mut workers = JoinSet::new();
        for level in 1..=8 {
            let simulator = simulator.clone();
            workers.spawn(async move {
                let client = client();
                for samples in 1..=60 {
                    let answer = send(&client, &simulator, form(wav(samples, level * 100), fields)).await.unwrap();
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker.unwrap();
        }
        let summary = simulator.summary();
        assert_eq!(summary.by_code.get("200"), Some(&480));
        assert_eq!((summary.distinct_audio, summary.paid_more_than_once), (480, 0));
        assert_eq!(summary.peak_in_flight.all, 8);
    }
}

#[tokio::test]
async fn a_request_whose_client_has_gone_keeps_its_place_until_it_is_done() {
    for runs_on_without_client in [true, false] {
        let options = Options { max_in_flight: 1, latency: fixed(3000), runs_on_without_client, ..Options::default() };
        let simulator = Arc::new(start(options).await);
        let first = tokio::spawn({
            let simulator = simulator.clone();
            async move { send(&client(), &simulator, form(wav(1600, 1), &[])).await }
        });
        simulator.wait_for_requests(1).await;
        first.abort();
        let _ = first.await;
        if !runs_on_without_client {
            simulator.wait_for_ends(1).await;
            simulator.set_latency(fixed(1));
        }
        let second = send(&client(), &simulator, form(wav(1600, 2), &[])).await.unwrap();
        assert_eq!(second.status, if runs_on_without_client { 429 } else { 200 });
        simulator.wait_for_ends(2).await;
        let gone = &simulator.log()[0];
        assert!(gone.is_client_gone, "{gone:?}");
        assert_eq!(gone.status, if runs_on_without_client { 200 } else { 0 });
    }
}

#[tokio::test]
async fn keys_and_models_have_tiers_of_their_own() {
    let keys = vec![Key::new("a.1"), Key { key: "b.2".into(), max_in_flight: Some(2) }];
    let simulator =
        Arc::new(start(Options { max_in_flight: 1, keys, latency: fixed(60_000), ..Options::default() }).await);
    let mut clients = JoinSet::new();
    for key in ["a.1", "b.2", "b.2"] {
        let simulator = simulator.clone();
        clients.spawn(async move { send_as(&client(), &simulator, key, form(wav(160, 9), &[])).await });
    }
    simulator.wait_for_requests(3).await;
    assert_eq!(simulator.in_flight(), 3);
    for key in ["a.1", "b.2"] {
        let answer = send_as(&client(), &simulator, key, form(wav(160, 9), &[])).await.unwrap();
        assert_eq!(answer.refusal().1, "1302");
    }
    simulator.set_max_in_flight(2);
    simulator.set_latency(fixed(0));
    assert_eq!(send_as(&client(), &simulator, "a.1", form(wav(160, 9), &[])).await.unwrap().status, 200);
}
