//! `submit --wait`: nobody waits for nobody without being told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use earmark_servers::PostgresServer;
use earmark_simulator::{Fault, Key, Latency, Options, Rule, Simulator};
use support::{Machine, Running, fixture};

const CALL: &str = "formats/austen0870.pcm16k.wav";
const KEY: &str = "0123456789.s3cret";
const NEVER: Latency = Latency::Fixed(Duration::from_secs(3600));

/// A machine whose account is at a simulator, on SQLite or on a server.
struct Office {
    machine: Machine,
    simulator: Simulator,
    database: Option<PostgresServer>,
    _runtime: tokio::runtime::Runtime,
}

impl Office {
    fn new(options: Options, database: Option<PostgresServer>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = Options { keys: vec![Key::new(KEY)], ..options };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        Self { machine: Machine::new(), simulator, database, _runtime: runtime }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command
            .env("EARMARK__ASR__ENGINE", "glm")
            .env("EARMARK__ASR__FALLBACK", "off")
            .env("EARMARK__ASR__BASE_URL", self.simulator.url())
            .env("EARMARK__ASR__API_KEY", KEY)
            .env("EARMARK__WORKER__LEASE_SECS", "3")
            .env("EARMARK__WORKER__GRACE_SECS", "0");
        if let Some(database) = &self.database {
            command.env("EARMARK__DATABASE__URL", database.url());
        }
        command
    }

    fn work(&self) -> Running {
        Running::start(self.command(&["work"]))
    }

    /// `submit --wait` with `args`.
    fn waiting(&self, args: &[&str]) -> Running {
        let mut command = self.command(&[&["submit", "--wait"], args].concat());
        command.stdout(Stdio::null());
        Running::start(command)
    }

    /// Has a job waited for while its workers come and die, and others come and die.
    fn told_of_births_and_deaths(&self) {
        let began = Instant::now();
        let waiting = self.waiting(&[&fixture(CALL)]);
        let said = waiting.says_with("no worker is alive");
        assert!(began.elapsed() < Duration::from_secs(10), "said after {:?}", began.elapsed());
        assert_eq!(
            said,
            "no worker is alive: start one with `earmark work` or `earmark up`; waiting for the job goes on"
        );
        for _ in 0..2 {
            let worker = self.work();
            let alive = waiting.says("1 worker is alive with ");
            assert!(alive.ends_with(" slots"), "{alive}");
            let pid = worker.child.id();
            worker.kill();
            let said = waiting.says_with("no worker is alive");
            assert!(said.contains(&format!("(the last, process {pid} on ")) && said.contains(" s ago)"), "{said}");
        }
        waiting.assert_runs("a worker that lives on");
    }
}

#[test]
fn whoever_waits_is_told_within_seconds_that_no_worker_lives_that_one_came_and_that_it_died() {
    Office::new(Options { latency: NEVER, ..Options::default() }, None).told_of_births_and_deaths();
}

#[test]
fn on_a_server_a_worker_that_is_killed_is_missed_within_seconds_too() {
    let options = Options { latency: NEVER, ..Options::default() };
    Office::new(options, Some(PostgresServer::start())).told_of_births_and_deaths();
}

#[test]
fn waiting_ends_with_its_time_and_says_how_the_jobs_are_and_what_to_do() {
    let machine = Machine::new();
    let ran = machine.run(&["submit", "--wait", "--timeout", "2s", "--json", "a.wav", "b.wav"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(ran.json().len(), 2, "nothing but jobs on standard output");
    let (error, hint) = ran.stderr.split_once("\n  hint: ").unwrap();
    assert!(error.ends_with("error: after 2 s 0 of 2 jobs are done, 2 ready; no worker is alive"), "{error}");
    assert!(hint.starts_with("the jobs stay queued: start a worker with `earmark work` or `earmark up`; "), "{hint}");
    let listed = machine.run(&["jobs", "list", "--json"]).json();
    assert!(listed.len() == 2 && listed.iter().all(|job| job["state"] == "ready"), "{listed:?}");

    for (args, part) in [
        (&["--timeout", "5m"][..], "--wait"),
        (&["--wait", "--timeout", "soon"], "`soon` is not a span of time"),
        (&["--wait", "--timeout", "0"], "0 is 0 s, 1 s to 2592000 s are allowed"),
    ] {
        let ran = machine.run(&[&["submit", "a.wav"], args].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn whoever_waits_is_told_what_is_paused_and_what_is_tried_again_later() {
    let office = Office::new(Options { faults: vec![Rule::always(Fault::error("1200"))], ..Options::default() }, None);
    let worker = office.work();
    worker.says("working: ");
    let run = |args: &[&str]| assert_eq!(office.machine.run(args).code, Some(0), "{args:?}");
    run(&["queue", "pause", "--lane", "archive"]);
    let waiting = office.waiting(&["--lane", "archive", &fixture(CALL)]);
    waiting.says("waiting for the job; 1 worker is alive with ");
    let said = waiting.says("the job is held up: lane archive is paused since ");
    assert!(said.ends_with(" by cli; `earmark queue resume --lane archive` lifts that"), "{said}");
    run(&["queue", "resume", "--lane", "archive"]);
    waiting.says("no pause holds ");
    let said = waiting.says("the job is to be tried again, at ");
    assert!(said.contains("1200"), "{said}");
    worker.stop();
}
