//! Redis as the queue, the real program: `serve`, `work` and `submit` as processes of their own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_servers::{RedisServer, RedisTlsServer};
use serde_json::json;
use support::{Machine, Ran, Service, fixture};

#[tokio::test]
async fn recordings_offered_over_http_the_command_line_and_redis_are_done_by_a_worker_elsewhere() {
    let machine = Machine::new();
    let mut redis = RedisServer::start();
    let url = redis.url();
    let queue = ("EARMARK__QUEUE__URL", url.as_str());
    let recording = fixture("real/austen0880.flac");
    let service = Service::start(&machine, "up", &[queue, ("EARMARK__WORKER__SLOTS", "2")]);
    let uri = format!("file://{recording}");
    let body = json!({"uri": uri, "key": "http", "lane": "webhook"});
    let (status, _) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!(status, 202);
    let submitted = machine.command(&["submit", &recording, "--key", "cli"]).env(queue.0, queue.1).output().unwrap();
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let entry: String = redis.ask(&["XADD", "earmark:intake", "*", "uri", &uri, "key", "redis"]).await;
    type Told = Vec<(String, std::collections::HashMap<String, String>)>;
    let telling = async {
        loop {
            let told: Told = redis.ask(&["XRANGE", "earmark:results", "-", "+"]).await;
            if told.len() == 3 {
                return told;
            }
        }
    };
    let outcomes = service.running.meanwhile("three outcomes on the stream", telling).await;
    for (_, outcome) in &outcomes {
        assert_eq!(outcome["state"], "done", "{outcome:?}");
        assert!(outcome["report_uri"].ends_with("/report.json"), "{outcome:?}");
        assert_eq!(outcome["intake_id"] == entry, outcome["key"] == "redis", "{outcome:?}");
    }

    // What nobody can read is put aside, and counted.
    let _: String = redis.ask(&["XADD", "earmark:intake", "*", "url", &uri]).await;
    let refusing = async { while redis.ask::<i64>(&["XLEN", "earmark:rejected"]).await == 0 {} };
    service.running.meanwhile("the refused entry", refusing).await;
    let stats = Ran::of(&machine.command(&["queue", "stats", "--json"]).env(queue.0, queue.1).output().unwrap());
    let streams = &stats.json_whole()["streams"];
    assert_eq!(
        (&streams["rejected"], &streams["intake"], &streams["lanes"]["call"]),
        (&json!(1), &json!(0), &json!(0))
    );

    // A server that is away is named, and nothing else stops.
    redis.stop();
    let not_ready =
        service.until("the lost queue", "/readyz", |status, body| (status == 503).then(|| body.clone())).await;
    assert_eq!(not_ready["queue"]["code"], "redis.unreachable");
    let (status, later) = service.post("/v1/jobs", &json!({"uri": uri, "key": "later"}), &[]).await;
    assert_eq!(status, 202);
    redis.start_again();
    let path = format!("/v1/jobs/{}", later["job_id"].as_str().unwrap());
    service.until("the job that was offered meanwhile", &path, |_, job| (job["state"] == "done").then_some(())).await;
    assert_eq!(service.get("/readyz").await.0, 200);
    service.stop();
}

#[test]
fn what_does_not_go_together_is_refused_with_a_hint() {
    let machine = Machine::new();
    let mut command = machine.command(&["submit", "s3://calls/a.wav"]);
    command.env("EARMARK__QUEUE__URL", "redis://localhost").env("EARMARK__DATABASE__URL", "sqlite::memory:");
    let ran = support::Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("sqlite: as the queue"), "{}", ran.stderr);
    let mut command = machine.command(&["submit", "s3://calls/a.wav"]);
    command.env("EARMARK__QUEUE__URL", "amqp://localhost");
    let ran = support::Ran::of(&command.output().unwrap());
    assert!(ran.code == Some(2) && ran.stderr.contains("redis+sentinel://"), "{}", ran.stderr);
}

#[test]
fn a_queue_over_tls_is_used_if_the_machine_trusts_it_and_refused_if_not() {
    let machine = Machine::new();
    let redis = RedisTlsServer::start();
    let line = |trusted: Option<std::path::PathBuf>| {
        let mut command = machine.command(&["doctor"]);
        command.env("EARMARK__QUEUE__URL", redis.url()).env_remove("SSL_CERT_DIR");
        match trusted {
            Some(certificate) => command.env("SSL_CERT_FILE", certificate),
            None => command.env_remove("SSL_CERT_FILE"),
        };
        let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
        told.lines().find(|line| line.contains("queue")).map(str::to_owned).unwrap()
    };
    let refused = line(None);
    assert!(refused.contains("BAD") && refused.contains("localhost"), "{refused}");
    let trusted = line(Some(redis.certificate()));
    assert!(!trusted.contains("BAD") && trusted.contains("Redis"), "{trusted}");
}
