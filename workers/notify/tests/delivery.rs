//! Outcomes reach the receiver, signed, as often as it takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Clock, ManualClock, NewJob, Problem, Tenant, WorkerId};
use earmark_journal::{Database, Journal, Outbox};
use earmark_notify::{Delivery, SIGNATURE_HEADER, Webhook, signature};
use earmark_objects::{HttpOptions, http_client};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

struct Bench {
    _folder: tempfile::TempDir,
    journal: Journal,
    clock: Arc<ManualClock>,
    delivery: Delivery,
}

impl Bench {
    async fn new(receiver: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_800_000_000_000));
        let database = Database::open(&format!("sqlite:{}", folder.path().join("j.sqlite").display()), clock.clone())
            .await
            .unwrap();
        database.migrate().await.unwrap();
        let second = Duration::from_secs(1);
        let client = http_client(&HttpOptions {
            connect_timeout: second,
            read_timeout: second,
            timeout: Some(second),
            allow_private: true,
        })
        .unwrap();
        let webhook = Webhook::new(client, receiver.parse().unwrap(), Some("s3cret".into()));
        let delivery = Delivery {
            outbox: Outbox::new(database.clone()),
            notifier: Arc::new(webhook),
            clock: clock.clone(),
            poll: second,
        };
        Self { _folder: folder, journal: Journal::new(database), clock, delivery }
    }

    /// A job that is given up; its outcome and its alert go to the outbox.
    async fn bury_a_job(&self) -> String {
        let mut new = NewJob::new("a.wav", "a.wav", Tenant::default());
        // A job each time, though it is always the same recording.
        new.options.is_repeat = true;
        let (job, lease) = self.journal.accept_leased(&new, "test", &WorkerId::fresh(), 60_000).await.unwrap();
        // And another cause each time: those of one cause are one alert.
        let problem = Problem { code: format!("decode.{}", job.id), message: "empty".into(), hint: None };
        self.journal.bury(&lease, &problem).await.unwrap();
        job.id.to_string()
    }
}

#[tokio::test]
async fn a_dead_letter_is_posted_once_and_its_signature_holds() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let bench = Bench::new(&server.uri()).await;
    let job_id = bench.bury_a_job().await;
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 2);
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
    let requests = server.received_requests().await.unwrap();
    let mut kinds: Vec<String> = Vec::new();
    for request in &requests {
        let body = std::str::from_utf8(&request.body).unwrap();
        let expected = signature("s3cret", bench.clock.now_ms() / 1000, body);
        assert_eq!(request.headers.get(SIGNATURE_HEADER).unwrap(), expected.as_str());
        let message: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(message["job_id"], job_id.as_str());
        kinds.push(message["kind"].as_str().unwrap().into());
    }
    kinds.sort();
    assert_eq!(kinds, ["alert", "job.dead"]);
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_its_messages_when_it_is_back() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).up_to_n_times(4).mount(&server).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let bench = Bench::new(&server.uri()).await;
    bench.bury_a_job().await;
    let mut arrived = Vec::new();
    for _ in 0..3 {
        arrived.push(bench.delivery.deliver_due().await.unwrap());
        // Nothing is posted again before its time.
        assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
        bench.clock.advance_ms(20_000);
    }
    assert_eq!(arrived, [0, 0, 2]);
}

#[tokio::test]
async fn a_new_receiver_is_not_told_what_is_older_than_three_days_and_was_never_tried() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&server).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let bench = Bench::new(&server.uri()).await;
    let days = |days: i64| days * 24 * 60 * 60 * 1000;
    bench.bury_a_job().await;
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
    bench.bury_a_job().await;
    bench.clock.advance_ms(days(3));
    bench.bury_a_job().await;
    assert_eq!(bench.delivery.give_up_stale().await.unwrap(), 0);
    bench.clock.advance_ms(1);
    assert_eq!(bench.delivery.give_up_stale().await.unwrap(), 2);
    assert_eq!(bench.delivery.outbox.backlog().await.unwrap().waiting, 4);
    // What was tried is tried on, and what is news is told.
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 4);
}

#[tokio::test]
async fn a_receiver_that_asks_to_wait_is_left_alone_for_so_long_and_one_try_is_spent() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(method("POST")).respond_with(busy).up_to_n_times(1).expect(1).mount(&server).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).expect(4).mount(&server).await;
    let bench = Bench::new(&server.uri()).await;
    bench.bury_a_job().await;
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
    // What comes meanwhile waits, too.
    bench.bury_a_job().await;
    bench.clock.advance_ms(3_599_000);
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    bench.clock.advance_ms(1_000);
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 4);
    let tries = |request: &wiremock::Request| {
        serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()["attempt"].as_u64().unwrap()
    };
    let mut tries: Vec<u64> = server.received_requests().await.unwrap().iter().map(tries).collect();
    tries.sort_unstable();
    assert_eq!(tries, [1, 1, 1, 1, 2], "those that nobody tried have lost none");
}

#[tokio::test]
async fn nobody_listening_is_a_failure_like_any_other() {
    let bench = Bench::new("http://127.0.0.1:1/hook").await;
    bench.bury_a_job().await;
    assert_eq!(bench.delivery.deliver_due().await.unwrap(), 0);
    assert_eq!(bench.delivery.outbox.backlog().await.unwrap().waiting, 2);
}

#[test]
fn the_signature_is_what_others_compute() {
    // printf '%s' '1800000000.{}' | openssl dgst -sha256 -hmac s3cret
    assert_eq!(signature("s3cret", 1_800_000_000, "{}"), format!("t=1800000000,v1={}", OPENSSL));
}

const OPENSSL: &str = "1cd77f07c7f231a8a17cd9bc413e578ccb209c24eb17a0577ce1eb9218a4f3ed";
