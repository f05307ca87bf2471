//! Each fault does what it says, to the requests it is for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use earmark_simulator::{ERROR_CODES, ErrorShape, Fault, Latency, Options, Rule, Simulator, Summary};
use serde_json::json;
use support::{Answer, client, form, send, start, wav};

async fn at_once() -> Simulator {
    start(Options { latency: Latency::Fixed(Duration::ZERO), ..Options::default() }).await
}

async fn ask(simulator: &Simulator, fields: &[(&'static str, &str)]) -> Result<Answer, reqwest::Error> {
    send(&client(), simulator, form(wav(1600, 500), fields)).await
}

#[tokio::test]
async fn every_documented_code_is_answered_as_listed() {
    assert_eq!(ERROR_CODES.len(), 33);
    let simulator = at_once().await;
    for entry in ERROR_CODES {
        let fault = Fault::Error {
            code: entry.code.map(str::to_owned),
            status: None,
            shape: None,
            reset_at: Some("2026-11-22 18:00:00".into()),
            retry_after_secs: None,
        };
        simulator.set_faults(vec![Rule::always(fault)]);
        let answer = ask(&simulator, &[]).await.unwrap();
        assert_eq!(answer.refusal(), (entry.status, entry.code.unwrap_or_default().into()));
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        let fixed = entry.message.split("${").next().unwrap();
        assert!(message.starts_with(fixed) && !message.contains("${"), "{message}");
        assert_eq!(message.contains("2026-11-22 18:00:00"), entry.message.contains("next_flush_time"), "{message}");
    }
}

#[tokio::test]
async fn errors_come_in_three_shapes() {
    let simulator = at_once().await;
    let of = |shape| Fault::Error {
        code: Some("1302".into()),
        status: None,
        shape: Some(shape),
        reset_at: None,
        retry_after_secs: Some(7),
    };
    let cases = [
        (ErrorShape::Nested, 429, "/error/code", json!("1302")),
        (ErrorShape::Flat, 429, "/code", json!(1302)),
        (ErrorShape::Unsuccessful, 200, "/success", json!(false)),
    ];
    for (shape, status, pointer, expected) in cases {
        simulator.set_faults(vec![Rule::always(of(shape))]);
        let answer = ask(&simulator, &[]).await.unwrap();
        assert_eq!((answer.status, answer.json().pointer(pointer)), (status, Some(&expected)));
    }
    assert_eq!(simulator.summary().by_code.get("1302"), Some(&3));
    assert_eq!(simulator.summary().audio_ms, 0);
}

#[tokio::test]
async fn bodies_that_are_no_answer_are_sent_as_they_are() {
    let simulator = at_once().await;
    simulator.set_faults(vec![
        Rule::nth(1, Fault::Html { status: 502 }),
        Rule::nth(2, Fault::EmptyBody { status: 200 }),
        Rule::nth(
            3,
            Fault::Error { code: None, status: Some(429), shape: None, reset_at: None, retry_after_secs: None },
        ),
    ]);
    let html = ask(&simulator, &[]).await.unwrap();
    assert!(html.status == 502 && html.body.starts_with("<html>"), "{html:?}");
    assert_eq!(ask(&simulator, &[]).await.unwrap(), Answer { status: 200, body: String::new() });
    assert_eq!(ask(&simulator, &[]).await.unwrap().refusal(), (429, String::new()));
    assert_eq!(ask(&simulator, &[]).await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_break_where_a_rule_says() {
    let simulator = at_once().await;
    simulator.set_faults(vec![Rule::always(Fault::ResetBeforeBody)]);
    assert!(ask(&simulator, &[]).await.is_err());
    simulator.set_faults(vec![Rule::always(Fault::ResetAfterBody)]);
    assert!(ask(&simulator, &[]).await.is_err());
    let log = simulator.log();
    assert_eq!(log.iter().map(|record| (record.status, record.in_flight)).collect::<Vec<_>>(), [(0, 0), (0, 1)]);
    assert!(log[0].audio_sha256.is_empty() && !log[1].audio_sha256.is_empty());

    simulator.set_faults(vec![Rule::always(Fault::CutStream { deltas: 2 })]);
    let cut = ask(&simulator, &[]).await.unwrap_err();
    assert!(cut.is_body() || cut.is_decode(), "{cut:?}");
    let url = format!("{}/audio/transcriptions", simulator.url());
    let form = form(wav(1600, 500), &[("stream", "true")]);
    let mut answer = client().post(url).bearer_auth("k").multipart(form).send().await.unwrap();
    let mut events = String::new();
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => events.push_str(std::str::from_utf8(&chunk).unwrap()),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken);
    assert_eq!((events.matches("delta\"").count() / 2, events.contains("done")), (2, false), "{events}");
    assert_eq!(simulator.in_flight(), 0);
}

#[tokio::test]
async fn a_stream_without_its_end_ends_in_order() {
    let simulator = at_once().await;
    simulator.set_faults(vec![Rule::always(Fault::StreamWithoutDone)]);
    let events = ask(&simulator, &[("stream", "true")]).await.unwrap().body;
    assert!(events.contains("transcript.text.delta"), "{events}");
    assert!(!events.contains("transcript.text.done") && !events.contains("[DONE]"), "{events}");
}

#[tokio::test]
async fn a_slow_body_is_whole_in_the_end_and_holds_its_place_until_its_last_byte() {
    let simulator = start(Options {
        max_in_flight: 1,
        latency: Latency::Fixed(Duration::ZERO),
        faults: vec![Rule::always(Fault::SlowBody { byte_ms: 1 })],
        ..Options::default()
    })
    .await;
    for fields in [&[][..], &[("stream", "true")][..]] {
        for _ in 0..2 {
            let answer = ask(&simulator, fields).await.unwrap();
            assert!(answer.status == 200 && answer.body.contains("recording "), "{answer:?}");
        }
    }
    assert!(simulator.summary().busy_ms >= 400);
}

#[tokio::test]
async fn a_stalled_request_holds_its_place_until_its_client_goes() {
    let simulator = std::sync::Arc::new(at_once().await);
    simulator.set_faults(vec![Rule::nth(1, Fault::Stall)]);
    let stalled = tokio::spawn({
        let simulator = simulator.clone();
        async move { ask(&simulator, &[]).await }
    });
    simulator.wait_for_requests(1).await;
    assert_eq!(ask(&simulator, &[]).await.unwrap().status, 200);
    assert_eq!(simulator.in_flight(), 1);
    stalled.abort();
    simulator.wait_for_ends(2).await;
    let first = &simulator.log()[0];
    assert!(first.is_client_gone && first.status == 0, "{first:?}");
    assert_eq!(simulator.in_flight(), 0);
}

#[tokio::test]
async fn rules_pick_requests_and_can_be_changed_by_http() {
    let simulator = at_once().await;
    let root = simulator.url().strip_suffix("/api/paas/v4").unwrap();
    let rules = json!([
        {"match": {"request_id": "job-7", "nth": [1]}, "fault": {"kind": "error", "code": "1305"}, "delay_ms": 5},
        {"match": {"request_id": "job-8"}, "fault": {"kind": "html", "status": 503}},
    ]);
    let set = client().post(format!("{root}/simulator/faults")).json(&rules).send().await.unwrap();
    assert_eq!(set.status().as_u16(), 200);
    let mut seen = Vec::new();
    for id in ["job-6-0", "job-7-0", "job-7-1", "job-8-0"] {
        seen.push(ask(&simulator, &[("request_id", id)]).await.unwrap().status);
    }
    assert_eq!(seen, [200, 429, 200, 503]);
    let wrong = client().post(format!("{root}/simulator/faults")).json(&json!([{"fault": {"kind": "x"}}]));
    assert_eq!(wrong.send().await.unwrap().status().as_u16(), 400);

    let summary = client().get(format!("{root}/simulator/summary")).send().await.unwrap();
    let summary: Summary = summary.json().await.unwrap();
    assert_eq!(summary, simulator.summary());
    assert_eq!((summary.requests, summary.sent_more_than_once, summary.paid_more_than_once), (4, 1, 1));
    let log = client().get(format!("{root}/simulator/log")).send().await.unwrap().text().await.unwrap();
    let ids: Vec<_> =
        log.lines().map(|line| serde_json::from_str::<earmark_simulator::Record>(line).unwrap()).collect();
    assert_eq!(ids, simulator.log());
    assert_eq!(ids[3].request_id.as_deref(), Some("job-8-0"));
}
