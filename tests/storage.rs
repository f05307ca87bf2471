//! Recordings from an object store and results to it: the real program, a server of the test's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::Command;

use earmark_servers::S3Server;
use serde_json::Value;
use support::{Machine, Ran, fixture};

const CALL: &str = "formats/austen0870.mulaw8k.wav";

/// A machine whose recordings and results are in a server's buckets `calls` and `results`.
struct Office {
    machine: Machine,
    server: S3Server,
}

impl Office {
    async fn open() -> Self {
        let server = S3Server::start(&["calls", "results"]).await;
        server.lay("calls", "2026/录 1.wav", &std::fs::read(fixture(CALL)).unwrap());
        Self { machine: Machine::new(), server }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("EARMARK__STORAGE__S3_ENDPOINT", self.server.endpoint())
            .env("EARMARK__STORAGE__OUTPUT", "s3://results/out/")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY);
        command
    }

    /// Runs the program to its end, while the server answers.
    async fn run(&self, args: &[&str]) -> Ran {
        Self::ran(self.command(args)).await
    }

    async fn ran(mut command: Command) -> Ran {
        tokio::task::spawn_blocking(move || Ran::of(&command.output().unwrap())).await.unwrap()
    }
}

#[tokio::test]
async fn a_recording_in_a_bucket_is_processed_and_its_results_lie_in_a_bucket_under_their_hashes() {
    let office = Office::open().await;
    let ran = office.run(&["run", "--json", "s3://calls/2026/录 1.wav"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = &ran.json()[0];
    assert_eq!(report["recording"]["uri"], "s3://calls/2026/录 1.wav");
    assert!(!report["utterances"].as_array().unwrap().is_empty());

    let id = report["job_id"].as_str().unwrap();
    let keys = office.server.keys("results");
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in &keys {
        let bytes = std::fs::read(office.server.folder().join("results").join(key)).unwrap();
        let sha256 = earmark_storage::sha256_hex(&bytes);
        assert!(key.starts_with(&format!("out/default/{id}/")) && key.contains(&sha256), "{key}");
    }
    let written = keys.iter().find(|key| key.ends_with(".json")).unwrap();
    let written = std::fs::read(office.server.folder().join("results").join(written)).unwrap();
    assert_eq!(&serde_json::from_slice::<Value>(&written).unwrap(), report);
    assert!(!office.machine.output().exists(), "no folder is made");

    // What is shown comes from the database, and needs no bucket.
    let shown = office.machine.run(&["results", "export", id, "--format", "txt"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(!shown.stdout.is_empty());
    assert_eq!(office.run(&["audit", "verify"]).await.code, Some(0));
}

#[tokio::test]
async fn a_machine_without_credentials_says_so_and_loses_nothing_of_its_own() {
    let office = Office::open().await;
    let without = |args: &[&str]| {
        let mut command = office.command(args);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("HOME", office.machine.folder.path()).env("EARMARK__STORAGE__OUTPUT", office.machine.output());
        command
    };
    let ran = Office::ran(without(&["run", "--json", &fixture(CALL)])).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = Office::ran(without(&["run", "--json", "s3://calls/2026/录 1.wav"])).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let error = &ran.json()[0]["error"];
    assert_eq!(error["code"], "s3.credentials", "{error}");
    assert!(error["hint"].as_str().unwrap().contains("AWS_ACCESS_KEY_ID"), "{error}");
    assert!(office.server.take_requests().is_empty());
    // It is this machine's fault: the job waits for another.
    let jobs = office.machine.run(&["jobs", "list", "--json", "--state", "ready"]).json();
    assert_eq!(jobs.len(), 1);
}

#[tokio::test]
async fn a_recording_that_is_not_there_is_answered_with_what_to_do() {
    let office = Office::open().await;
    let ran = office.run(&["run", "--json", "s3://calls/none.wav"]).await;
    assert_eq!(ran.code, Some(1));
    let line = &ran.json()[0];
    assert_eq!(
        (line["error"]["code"].as_str(), line["recording"]["uri"].as_str()),
        (Some("s3.no_such_key"), Some("s3://calls/none.wav"))
    );
}
