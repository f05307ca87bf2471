//! The examples of docs/producers.md, run as they stand there against a real Redis and a real `earmark serve`. What is
//! offered lies nowhere, so the jobs are called off, and the producers hear that.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use earmark_servers::RedisServer;
use serde_json::json;
use support::{Machine, Service};

/// The page's example in `language`.
fn example(language: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/producers.md")).unwrap();
    let (_, code) = page.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no example in {language}"));
    code.split_once("\n```").unwrap().0.to_owned()
}

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// Calls the next job off as soon as it is there.
async fn call_off(service: &Service, key: &str) {
    let path = format!("/v1/jobs?key={key}");
    let job = service.until("the example's job", &path, |_, listed| listed["jobs"].as_array()?.first().cloned()).await;
    let id = job["job_id"].as_str().unwrap();
    assert_eq!(service.post(&format!("/v1/jobs/{id}/cancel"), &json!({}), &[]).await.0, 200);
    assert_eq!(job["metadata"]["agent"], "7");
}

async fn run(language: &str, key: &str, prepare: impl FnOnce(&Path, &str) -> Command) {
    let machine = Machine::new();
    let redis = RedisServer::start();
    let url = redis.url();
    let service = Service::start(&machine, "serve", &[("EARMARK__QUEUE__URL", &url)]);
    let mut command = prepare(machine.folder.path(), &example(language));
    command.env("REDIS_URL", url.trim_end_matches('/')).current_dir(machine.folder.path());
    let example = tokio::task::spawn_blocking(move || command.output().unwrap());
    call_off(&service, key).await;
    let Output { status, stdout, stderr } = example.await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && stdout.contains("cancelled"), "{stdout}\n{stderr}");
    service.stop();
}

#[tokio::test]
async fn the_example_for_redis_cli_runs_as_it_stands() {
    run("bash", "call-0001", |_, code| {
        let mut command = Command::new("bash");
        command.args(["-ec", code]);
        command
    })
    .await;
}

#[tokio::test]
async fn the_example_for_python_runs_as_it_stands() {
    assert!(sdk().join("redis").is_dir(), "deploy/sdks.sh fetches what the examples need");
    run("python", "call-0002", |_, code| {
        let mut command = Command::new("python3");
        command.args(["-c", code]).env("PYTHONPATH", sdk());
        command
    })
    .await;
}

/// Java's is compiled and run by nobody here: Jedis is not fetched.
#[tokio::test]
async fn the_example_for_node_runs_as_it_stands_where_node_is() {
    if !sdk().join("node/node_modules/redis").is_dir() {
        // Fetched only where there is npm.
        return;
    }
    run("javascript", "call-0003", |folder, code| {
        std::fs::write(folder.join("producer.mjs"), code).unwrap();
        std::os::unix::fs::symlink(sdk().join("node/node_modules"), folder.join("node_modules")).unwrap();
        let mut command = Command::new("node");
        command.arg("producer.mjs");
        command
    })
    .await;
}
