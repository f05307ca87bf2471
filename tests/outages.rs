//! Stores and hosts that are away for a while: the real program, and servers that are stopped and come back. It costs no
//! job a try, one alert tells of it, and all goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::net::TcpListener;

use earmark_servers::S3Server;
use serde_json::{Value, json};
use support::{Machine, Service, fixture};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CALL: &str = "formats/austen0870.mulaw8k.wav";

/// An address at which nobody listens, until the test does.
fn nobodys_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A store over `folder` that listens at `address`.
async fn store(folder: &std::path::Path, address: &str) -> S3Server {
    S3Server::start_over(folder, &["calls", "results"], address).await
}

fn start(machine: &Machine, endpoint: &str, settings: &[(&str, &str)]) -> Service {
    let endpoint = format!("http://{endpoint}");
    let mut all = vec![
        ("EARMARK__STORAGE__S3_ENDPOINT", endpoint.as_str()),
        ("EARMARK__STORAGE__ALLOW_PRIVATE_HOSTS", "true"),
        ("EARMARK__WORKER__SLOTS", "4"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
    ];
    all.extend(settings);
    Service::start(machine, "up", &all)
}

async fn submit(service: &Service, uris: impl IntoIterator<Item = String>) {
    for uri in uris {
        let (status, answer) = service.post("/v1/jobs", &json!({ "uri": uri }), &[]).await;
        assert_eq!(status, 202, "{answer}");
    }
}

/// Copies of a call in the folder of the machine.
fn files(machine: &Machine, count: usize) -> Vec<String> {
    let copy = |number| {
        let path = machine.folder.path().join(format!("{number}.wav"));
        std::fs::copy(fixture(CALL), &path).unwrap();
        format!("file://{}", path.display())
    };
    (0..count).map(copy).collect()
}

/// Waits until the place whose name begins with `name` is away and `jobs` wait for it.
async fn until_away(service: &Service, name: &str, jobs: u64) -> Value {
    let away = service.until("a place to be away", "/readyz", |_, ready| {
        let places = ready["places_away"].as_array()?.clone();
        let place =
            places.into_iter().find(|place| place["name"].as_str().is_some_and(|found| found.starts_with(name)))?;
        (place["jobs_waiting"].as_u64()? >= jobs).then_some((place, ready["ready"].clone()))
    });
    let (place, is_ready) = away.await;
    assert_eq!(is_ready, true, "work can be accepted, and other work be done");
    place
}

/// Waits until `count` jobs are done, none of them at the price of a try, none lost, and nothing is away.
async fn until_done(service: &Service, count: usize) {
    let done = service.until("all jobs to be done", "/v1/jobs?limit=100", |_, page| {
        let jobs = page["jobs"].as_array().unwrap();
        assert!(jobs.iter().all(|job| job["state"] != "dead"), "{page}");
        (jobs.iter().filter(|job| job["state"] == "done").count() == count).then(|| jobs.clone())
    });
    for job in done.await {
        assert_eq!(job["attempt"], 1, "{job}");
    }
    let ready = service.until("nothing to be away", "/readyz", |_, ready| {
        ready["places_away"].as_array()?.is_empty().then(|| ready.clone())
    });
    assert_eq!(ready.await["ready"], true);
}

/// The alerts of a machine that there ever were: about which place each, and whether it is open.
fn alerts(machine: &Machine) -> Vec<(String, bool)> {
    let all = machine.run(&["alerts", "list", "--all", "--json"]).json();
    let alert = |alert: &Value| (alert["kind"].as_str().unwrap().to_owned(), alert["acknowledged_at"].is_null());
    all.iter().map(alert).collect()
}

fn one_closed() -> Vec<(String, bool)> {
    vec![("place.away".into(), false)]
}

#[tokio::test]
async fn jobs_whose_recordings_store_is_away_wait_for_it_at_no_cost() {
    let (machine, address, folder) = (Machine::new(), nobodys_address(), tempfile::tempdir().unwrap());
    let service = start(&machine, &address, &[]);
    submit(&service, (0..12).map(|number| format!("s3://calls/{number}.wav"))).await;
    let place = until_away(&service, "s3://calls at 127.0.0.1", 11).await;
    assert_eq!(place["code"], "s3.connect", "{place}");
    let stats = machine.run(&["queue", "stats"]);
    assert!(stats.stdout.contains(&format!("away     s3://calls at {address} since ")), "{}", stats.stdout);
    let server = store(folder.path(), &address).await;
    for number in 0..12 {
        server.lay("calls", &format!("{number}.wav"), &std::fs::read(fixture(CALL)).unwrap());
    }
    until_done(&service, 12).await;
    service.stop();
    assert_eq!(alerts(&machine), one_closed());
}

#[tokio::test]
async fn nothing_is_computed_for_an_output_that_is_away_and_what_was_is_written_later() {
    let (machine, address, folder) = (Machine::new(), nobodys_address(), tempfile::tempdir().unwrap());
    let service = start(&machine, &address, &[("EARMARK__STORAGE__OUTPUT", "s3://results/out")]);
    submit(&service, files(&machine, 12)).await;
    until_away(&service, "s3://results at 127.0.0.1", 11).await;
    let page: Value = serde_json::from_str(&service.get("/v1/jobs?limit=100").await.1).unwrap();
    let untouched = page["jobs"].as_array().unwrap().iter().filter(|job| job["clips_total"].is_null());
    assert!(untouched.count() >= 4, "only those were begun that ran before it was known: {page}");
    let server = store(folder.path(), &address).await;
    until_done(&service, 12).await;
    service.stop();
    assert_eq!(server.keys("results").len(), 12 * 4);
    assert_eq!(alerts(&machine), one_closed());
}

#[tokio::test]
async fn an_output_bucket_that_is_made_later_costs_no_tries() {
    let (machine, server) = (Machine::new(), S3Server::start(&["results"]).await);
    // The server would make the bucket.
    server.faults().answer_next(10_000, 404, "NoSuchBucket");
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    let service = start(&machine, &address, &[("EARMARK__STORAGE__OUTPUT", "s3://results/out")]);
    submit(&service, files(&machine, 6)).await;
    let place = until_away(&service, "s3://results", 5).await;
    assert_eq!(place["code"], "s3.no_such_bucket", "{place}");
    server.faults().clear();
    until_done(&service, 6).await;
    service.stop();
    assert_eq!(alerts(&machine), one_closed());
}

#[tokio::test]
async fn jobs_whose_host_is_down_wait_for_it() {
    let (machine, address) = (Machine::new(), nobodys_address());
    let service = start(&machine, "127.0.0.1:1", &[]);
    submit(&service, (0..6).map(|number| format!("http://{address}/{number}.wav"))).await;
    let place = until_away(&service, &format!("http://{address}"), 5).await;
    assert_eq!(place["code"], "fetch.connect", "{place}");
    let server = MockServer::builder().listener(TcpListener::bind(&address).unwrap()).start().await;
    let call = ResponseTemplate::new(200).set_body_bytes(std::fs::read(fixture(CALL)).unwrap());
    Mock::given(any()).respond_with(call).mount(&server).await;
    until_done(&service, 6).await;
    service.stop();
    assert_eq!(alerts(&machine), one_closed());
}

#[tokio::test]
async fn a_recording_that_alone_is_answered_with_errors_dies_after_its_tries_while_others_are_served() {
    let (machine, server) = (Machine::new(), MockServer::start().await);
    let call = ResponseTemplate::new(200).set_body_bytes(std::fs::read(fixture(CALL)).unwrap());
    Mock::given(path("/bad.wav")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    Mock::given(any()).respond_with(call).with_priority(9).mount(&server).await;
    let settings = [("EARMARK__WORKER__BACKOFF_MS", "100"), ("EARMARK__WORKER__MAX_ATTEMPTS", "3")];
    let service = start(&machine, "127.0.0.1:1", &settings);
    submit(&service, [format!("{}/bad.wav", server.uri())]).await;
    service.until("the first failure", "/v1/jobs", |_, page| page["jobs"][0]["error"].is_object().then_some(())).await;
    submit(&service, (0..4).map(|number| format!("{}/{number}.wav", server.uri()))).await;
    let dead = service.until("the bad one's end", "/v1/jobs?state=dead", |_, page| {
        page["jobs"].get(0).map(|job| (job["error"]["code"].clone(), job["attempt"].clone()))
    });
    assert_eq!(dead.await, (json!("fetch.unavailable"), json!(3)));
    service
        .until("the others' end", "/v1/jobs?state=done", |_, page| (page["jobs"].as_array()?.len() == 4).then_some(()))
        .await;
    service.stop();
}
