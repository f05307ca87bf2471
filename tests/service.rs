//! `earmark up`: jobs over HTTP, their reports and transcripts, health, an orderly end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::Write;

use serde_json::{Value, json};
use support::{Machine, Service, fixture};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_recording_posted_is_transcribed_and_its_report_served() {
    let machine = Machine::new();
    let service = Service::start(&machine, "up", &[]);
    assert_eq!(service.get("/healthz").await.0, 200);
    assert_eq!(parsed(&service.get("/readyz").await.1)["ready"], true);

    let uri = format!("file://{}", fixture("real/austen0880.flac"));
    let body = json!({"uri": uri, "metadata": {"agent": 7}, "lane": "webhook"});
    let (status, accepted) = service.post("/v1/jobs", &body, &[("idempotency-key", "call-1")]).await;
    assert_eq!((status, &accepted["is_new"]), (202, &json!(true)));
    let (status, again) = service.post("/v1/jobs", &body, &[("idempotency-key", "call-1")]).await;
    assert_eq!((status, &again["job_id"], &again["is_new"]), (200, &accepted["job_id"], &json!(false)));

    let id = accepted["job_id"].as_str().unwrap();
    let path = format!("/v1/jobs/{id}");
    let job = service.until("the job's end", &path, |status, job| {
        assert!(status == 200 && ["ready", "leased", "done"].contains(&job["state"].as_str().unwrap()), "{job}");
        (job["state"] == "done").then(|| job.clone())
    });
    let job = job.await;
    assert_eq!(job["key"], "call-1");
    let report = parsed(&service.get(&format!("/v1/jobs/{id}/report")).await.1);
    assert_eq!(
        (&report["recording"]["uri"], &report["metadata"]["agent"], &report["lane"]),
        (&json!(uri), &json!(7), &json!("webhook"))
    );
    let (status, subtitles) = service.get(&format!("/v1/jobs/{id}/transcript.vtt")).await;
    assert!(status == 200 && subtitles.starts_with("WEBVTT\n\n"), "{subtitles}");
    assert_eq!(service.get(&format!("/v1/jobs/{id}/transcript.docx")).await.0, 404);
    let listed = parsed(&service.get("/v1/jobs?state=done&key=call-1").await.1);
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(service.post(&format!("/v1/jobs/{id}/cancel"), &json!({}), &[]).await.0, 409);
    service.stop();
}

#[tokio::test]
async fn mistakes_are_answered_with_status_code_and_hint() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    for (body, status, code) in [
        (json!({"uri": ""}), 400, "job.uri"),
        (json!({"uri": "relative/path.wav"}), 400, "job.uri"),
        (json!({"uri": "ftp://a/b"}), 400, "job.uri"),
        (json!({"uri": "https://a/b", "tenant": "../x"}), 400, "job.tenant"),
        (json!({"uri": "https://a/b", "lane": "urgent"}), 400, "job.lane"),
        (json!({"uri": "https://a/b", "kye": "x"}), 422, "job.malformed"),
        (json!({"url": "https://a/b"}), 422, "job.malformed"),
        (json!({"uri": "https://a/b", "key": "x".repeat(600)}), 400, "job.key"),
    ] {
        let (answered, error) = service.post("/v1/jobs", &body, &[]).await;
        assert_eq!((answered, error["error"]["code"].as_str()), (status, Some(code)), "{body}: {error}");
    }
    let (status, error) =
        service.post("/v1/jobs", &json!({"uri": "https://a/b", "key": "x"}), &[("idempotency-key", "y")]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (400, Some("job.key")));
    for path in ["/v1/jobs/7", "/v1/jobs/01890000-0000-7000-8000-000000000000", "/v2"] {
        assert_eq!(service.get(path).await.0, 404, "{path}");
    }
    let (status, _) = service.post("/v1/jobs", &json!({"uri": "https://a/b", "key": "k"}), &[]).await;
    assert_eq!(status, 202);
    let (status, error) = service.post("/v1/jobs", &json!({"uri": "https://a/c", "key": "k"}), &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (409, Some("job.key_reused")));
    let big = json!({"uri": "https://a/b", "metadata": {"x": "x".repeat(1 << 20)}});
    let (status, error) = service.post("/v1/jobs", &big, &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (413, Some("http.too_large")));
    for (line, status, code) in [
        ("DELETE /v1/jobs", 405, "http.no_such_method"),
        ("POST /healthz", 405, "http.no_such_method"),
        ("GET /v1/jobs/%ff", 400, "http.path"),
        ("GET /v1/jobs/%ff/report", 400, "http.path"),
        ("GET /v1/jobs/%ff/%fe", 400, "http.path"),
        ("GET /%ff", 404, "http.no_such_path"),
    ] {
        let (answered, body) = service.raw(&format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        assert_eq!((answered, parsed(&body)["error"]["code"].as_str()), (status, Some(code)), "{line}: {body}");
    }
    assert_eq!(service.get("/v1/jobs?state=lost").await.0, 400);
    assert_eq!(service.get("/v1/jobs?since=yesterday").await.0, 400);
    service.stop();
}

#[tokio::test]
async fn a_job_and_a_queue_are_told_alike_at_every_door() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    let body = json!({"uri": "https://a/b", "key": "k", "metadata": {"agent": 7}});
    let (_, accepted) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!((&accepted["uri"], &accepted["state"]), (&json!("https://a/b"), &json!("ready")));
    let id = accepted["job_id"].as_str().unwrap();
    let shown = parsed(&service.get(&format!("/v1/jobs/{id}")).await.1);
    assert_eq!((&shown["id"], &shown["job_id"], &shown["held"]), (&json!(id), &json!(id), &json!(false)));
    assert!(shown["accepted_at_ms"].is_i64() && shown["accepted_at"].is_string(), "{shown}");
    let listed = parsed(&service.get("/v1/jobs").await.1);
    assert_eq!(listed["jobs"], json!([shown]));
    assert_eq!(machine.run(&["jobs", "show", "--json", id]).json(), std::slice::from_ref(&shown));
    assert_eq!(machine.run(&["jobs", "list", "--json"]).json(), [shown]);

    let (_, paused) = service.post("/v1/queue/pause", &json!({"lane": "archive"}), &[]).await;
    assert_eq!((&paused["is_new"], paused["pauses"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    let mut queues =
        [parsed(&service.get("/v1/queue").await.1), machine.run(&["queue", "stats", "--json"]).json().remove(0)];
    for queue in &mut queues {
        assert_eq!((&queue["pauses"], &queue["streams"]), (&paused["pauses"], &Value::Null), "{queue}");
        // The job's age goes on.
        queue["lanes"].as_array_mut().unwrap().iter_mut().for_each(|lane| lane["oldest_age_ms"] = Value::Null);
        queue["outbox"]["oldest_age_ms"] = Value::Null;
    }
    assert_eq!(queues[0], queues[1]);
    service.stop();
}

#[tokio::test]
async fn an_instant_or_a_day_is_read_alike_at_every_door() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    assert_eq!(service.post("/v1/jobs", &json!({"uri": "https://a/b"}), &[]).await.0, 202);
    let commands: &[(&[&str], &str)] = &[
        (&["jobs", "list", "--json"], "--since"),
        (&["findings", "list", "--json"], "--since"),
        (&["accounts", "usage", "--json"], "--since"),
        (&["rules", "stats", "--json"], "--since"),
        (&["rules", "replay", "--from", "starter", "--to", "starter", "--json"], "--since"),
        (&["rules", "replay", "--from", "starter", "--to", "starter", "--json"], "--until"),
        (&["accounts", "pause", "built-in"], "--until"),
    ];
    for (text, is_read, jobs) in [
        ("2026-01-31", true, 1),
        ("2026-01-31T08:00:00Z", true, 1),
        ("2026-01-31T08:00:00.5+08:00", true, 1),
        ("2199-01-31", true, 0),
        ("2199-01-31T00:00:00-05:00", true, 0),
        ("yesterday", false, 0),
        ("2026-02-30", false, 0),
        ("2026-01-31 08:00", false, 0),
        ("1769817600", false, 0),
        ("", false, 0),
    ] {
        let query = text.replace('+', "%2B").replace(' ', "%20");
        for path in ["/v1/jobs", "/v1/findings"] {
            let (status, body) = service.get(&format!("{path}?since={query}")).await;
            assert_eq!(status, if is_read { 200 } else { 400 }, "{path} {text}: {body}");
            assert_eq!(body.contains("use RFC 3339"), !is_read, "{path} {text}: {body}");
            if path == "/v1/jobs" && is_read {
                assert_eq!(parsed(&body)["jobs"].as_array().map(Vec::len), Some(jobs), "{text}: {body}");
            }
        }
        for (command, option) in commands {
            let ran = machine.run(&[*command, &[option, text]].concat());
            // A pause has to end in time to come.
            let is_over = command[1] == "pause" && jobs == 1;
            assert_eq!(ran.code, Some(if is_read && !is_over { 0 } else { 2 }), "{command:?} {text}: {}", ran.stderr);
            assert_eq!(ran.stderr.contains("use RFC 3339"), !is_read, "{command:?} {text}: {}", ran.stderr);
            if command[0] == "jobs" && is_read {
                assert_eq!(ran.json().len(), jobs, "{text}: {}", ran.stdout);
            }
        }
    }
    service.stop();
}

#[tokio::test]
async fn with_keys_configured_only_their_holders_may_ask() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[("EARMARK__HTTP__API_KEYS", "crm=s3cret@V0")]);
    assert_eq!(service.get("/v1/jobs").await.0, 401);
    let answer = service.client.get(format!("{}/v1/jobs", service.url)).bearer_auth("s3cret").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let answer = service.client.get(format!("{}/v1/jobs", service.url)).bearer_auth("s3cre").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!(service.get("/healthz").await.0, 200);
    for (header, status) in [
        ("Authorization: bearer s3cret\r\nOrigin: https://other.example", 200),
        ("Authorization: BEARER  s3cret", 200),
        ("Authorization: Basic s3cret", 401),
        ("Authorization: s3cret", 401),
    ] {
        let head = format!("GET /v1/jobs HTTP/1.1\r\nHost: earmark.example\r\n{header}\r\nConnection: close\r\n\r\n");
        assert_eq!(service.raw(&head).0, status, "{header}");
    }
    service.stop();
}

#[tokio::test]
async fn without_keys_pages_of_other_sites_may_not_ask() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    for (target, headers, code) in [
        ("/v1/jobs", "Host: localhost", None),
        ("/v1/jobs", "Host: LOCALHOST:8080", None),
        ("/v1/jobs", "Host: 127.0.0.1:1", None),
        ("/v1/jobs", "Host: [::1]:8080", None),
        ("http://localhost/v1/jobs", "Host: localhost", None),
        ("/v1/jobs", "Host: localhost:8080\r\nOrigin: http://localhost:8080", None),
        ("/v1/jobs", "Accept: */*", Some("auth.host")),
        ("/v1/jobs", "Host: evil.example", Some("auth.host")),
        ("/readyz", "Host: evil.example:8080", Some("auth.host")),
        ("/v1/jobs", "Host: localhost.evil.example", Some("auth.host")),
        ("/v1/jobs", "Host: 127.0.0.1.evil.example", Some("auth.host")),
        ("/v1/jobs", "Host: localhost@evil.example", Some("auth.host")),
        ("/v1/jobs", "Host: 192.168.0.1", Some("auth.host")),
        ("/v1/jobs", "Host: localhost\r\nHost: evil.example", Some("auth.host")),
        ("http://evil.example/v1/jobs", "Host: localhost", Some("auth.host")),
        ("/v1/jobs", "Host: localhost\r\nOrigin: https://evil.example", Some("auth.origin")),
        ("/v1/jobs", "Host: localhost\r\nOrigin: http://localhost:3000", Some("auth.origin")),
        ("/v1/jobs", "Host: localhost\r\nOrigin: null", Some("auth.origin")),
    ] {
        let (status, body) = service.raw(&format!("GET {target} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"));
        let expected = if code.is_some() { 403 } else { 200 };
        assert_eq!((status, parsed(&body)["error"]["code"].as_str()), (expected, code), "{target} {headers}: {body}");
    }
    service.stop();
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_keep_the_service_from_stopping() {
    let machine = Machine::new();
    for parts in ["serve", "up"] {
        let mut service = Service::start(&machine, parts, &[("EARMARK__WORKER__GRACE_SECS", "1")]);
        let mut half_open = service.connect();
        half_open.write_all(b"GET /heal").unwrap();
        // Answered after it, so the service has the half-open one too.
        assert_eq!(service.get("/healthz").await.0, 200);
        service.signal();
        assert!(service.running.wait().success());
        let said: Vec<String> = service.running.said.iter().collect();
        assert!(said.iter().any(|line| line.contains("cut connections")), "{said:?}");
        assert!(!said.iter().any(|line| line.contains('\u{1b}')), "colours are for terminals: {said:?}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_service_at_once() {
    let machine = Machine::new();
    let mut service = Service::start(&machine, "serve", &[("EARMARK__WORKER__GRACE_SECS", "86400")]);
    let mut half_open = service.connect();
    half_open.write_all(b"GET /heal").unwrap();
    assert_eq!(service.get("/healthz").await.0, 200);
    service.signal();
    service.running.says("stopping");
    // Those within a second of the first are one with it.
    let end = earmark_servers::until("its end", || {
        let ended = service.running.child.try_wait().unwrap();
        if ended.is_none() {
            service.signal();
        }
        ended
    });
    assert_eq!(end.code(), Some(1));
}

#[test]
fn without_keys_nobody_else_may_connect() {
    let machine = Machine::new();
    let ran =
        support::Ran::of(&machine.command(&["serve"]).env("EARMARK__HTTP__LISTEN", "0.0.0.0:0").output().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("EARMARK__HTTP__API_KEYS"), "{}", ran.stderr);
}
