//! One account for callers who wait and for the nightly batch.

use earmark_simulator::{Latency, Simulator};
use serde_json::json;
use std::time::Duration;

use crate::client::{GLM, Gate, Wire, before, form, gated, head, provider, wav};
use crate::support::{Machine, Service, fixture};

/// Ten recordings with clips enough to keep every permit busy.
async fn nightly_batch(service: &Service) -> Vec<String> {
    let names =
        ["dialogues/zh-dev-02-collection-abuse.pcm8k.wav", "dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav"];
    let mut ids = Vec::new();
    for at in 0..10 {
        let uri = format!("file://{}", fixture(names[at % 2]));
        let (status, accepted) =
            service.post("/v1/jobs", &json!({"uri": uri, "lane": "archive", "repeat": true}), &[]).await;
        assert_eq!(status, 202);
        ids.push(accepted["job_id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_and_the_batch_share_the_tier_and_never_exceed_it() {
    let machine = Machine::new();
    let latency = Latency::Fixed(Duration::from_millis(40));
    let simulator = Simulator::start(earmark_simulator::Options { latency, ..provider(5) }).await.unwrap();
    let service = before(&machine, "up", &simulator, &[("EARMARK__ASR__TIER", "V0")]);
    let ids = nightly_batch(&service).await;
    simulator.wait_for_requests(5).await;
    std::thread::scope(|scope| {
        for worker in 0..5_u32 {
            let url = &service.url;
            scope.spawn(move || {
                let mut wire = Wire::at(url);
                for at in 0..10 {
                    let answer =
                        wire.transcribe(GLM, "", &[("request_id", "interactive")], &wav(500, worker * 10 + at));
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    for id in &ids {
        let path = format!("/v1/jobs/{id}");
        let ending = service.until("the batch's end", &path, |_, job| {
            assert!(["ready", "leased", "done"].contains(&job["state"].as_str().unwrap()), "{job}");
            (job["state"] == "done").then_some(())
        });
        ending.await;
    }
    let summary = simulator.summary();
    assert_eq!(summary.by_code.keys().collect::<Vec<_>>(), ["200"], "{summary:?}");
    assert_eq!(summary.peak_in_flight.all, 5, "{summary:?}");
    let interactive = simulator.log().iter().filter(|sent| sent.request_id.as_deref() == Some("interactive")).count();
    assert!(interactive == 50 && summary.requests > 60, "{summary:?}");
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_wait_go_before_the_batch() {
    let (machine, gate) = (Machine::new(), Gate::default());
    let simulator = Simulator::start(gated(5, &gate)).await.unwrap();
    let settings = [("EARMARK__ASR__TIER", "V0"), ("EARMARK__LOG__LEVEL", "earmark=debug")];
    let service = before(&machine, "up", &simulator, &settings);
    nightly_batch(&service).await;
    simulator.wait_for_requests(5).await;
    let body = form(&[("model", "glm-asr"), ("request_id", "interactive")], Some(&wav(500, 0)));
    let mut waiting: Vec<Wire> = (0..5).map(|_| Wire::to(&service)).collect();
    for wire in &mut waiting {
        wire.send(head(&format!("POST {GLM}"), "", body.len()).as_bytes());
        wire.send(&body);
    }
    for _ in 0..5 {
        service.running.says_with("waits for its turn");
    }
    gate.open(usize::MAX);
    for wire in &mut waiting {
        assert_eq!(wire.answer().status, 200);
    }
    // Five were in flight, some fifteen clips waited before the callers came; one permit is kept for the archive.
    let callers: Vec<u64> = simulator
        .log()
        .iter()
        .filter(|sent| sent.request_id.as_deref() == Some("interactive"))
        .map(|sent| sent.n)
        .collect();
    assert!(callers.len() == 5 && callers[3] <= 12, "{callers:?}");
    service.stop();
}
