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
        let sha256 = earmark_core::sha256_hex(&bytes);
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

#[tokio::test]
async fn all_recordings_under_a_prefix_are_submitted_once_with_the_version_that_was_listed() {
    let office = Office::open().await;
    for number in 0..700 {
        office.server.lay("calls", &format!("day/{}/{number:04}.wav", number % 3), &[1, 2, 3]);
    }
    office.server.lay("calls", "day/empty.wav", b"");
    let ran =
        office.run(&["submit", "--json", "--lane", "archive", "--tenant", "acme", "--prefix", "s3://calls/day/"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json().len(), 700);
    assert!(ran.stderr.contains("left out: 1 empty object"), "{}", ran.stderr);
    let jobs = office.machine.run(&["jobs", "list", "--json", "--tenant", "acme", "--limit", "1000"]).json();
    assert_eq!(jobs.len(), 700);
    assert!(
        jobs.iter().all(|job| job["lane"] == "archive" && job["uri"].as_str().unwrap().starts_with("s3://calls/day/"))
    );

    let ran = office.run(&["submit", "--prefix", "s3://calls/night/"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stderr.contains("there is no recording under s3://calls/night/"), "{}", ran.stderr);
    let ran = office.run(&["submit", "--prefix", "/calls/"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("use s3://bucket/path/"), "{}", ran.stderr);
}

#[tokio::test]
async fn what_no_job_names_is_swept_from_the_bucket_by_hand_too() {
    let office = Office::open().await;
    let ran = office.run(&["run", "--json", "s3://calls/2026/录 1.wav"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let id = ran.json()[0]["job_id"].as_str().unwrap().to_owned();
    let orphan = format!("out/default/{id}/report.{}.json", "ab".repeat(32));
    office.server.lay("results", &orphan, b"of a worker that died");
    let sweep = async |args: &[&str]| {
        let mut command = office.command(&[&["storage", "sweep", "--json"], args].concat());
        command.env("EARMARK__STORAGE__ORPHAN_AGE_SECS", "0");
        let ran = Office::ran(command).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.json_whole()["orphans"].as_u64()
    };
    assert_eq!(office.run(&["storage", "sweep", "--json"]).await.json_whole()["orphans"], 0, "it is too young");
    assert_eq!(sweep(&["--dry-run"]).await, Some(1));
    assert_eq!(office.server.keys("results").len(), 5);
    assert_eq!(sweep(&[]).await, Some(1));
    assert_eq!(office.server.keys("results").len(), 4);
    assert!(!office.server.keys("results").contains(&orphan));
}

#[tokio::test]
async fn doctor_says_whether_the_bucket_can_be_written() {
    let office = Office::open().await;
    let output = |ran: &Ran| ran.stdout.lines().find(|line| line.contains(" output ")).unwrap_or_default().to_owned();
    let well = office.run(&["doctor"]).await;
    assert_eq!(output(&well), "  ok  output     s3://results/out");
    assert!(office.server.keys("results").is_empty(), "nothing is left there");
    office.server.faults().answer_next(1, 403, "AccessDenied");
    let ill = office.run(&["doctor"]).await;
    assert!(output(&ill).starts_with(" BAD  output "), "{}", ill.stdout);
    assert!(ill.stdout.contains("s3:PutObject"), "{}", ill.stdout);
}
