//! A stop, whatever is away and however often it is asked for: in order, and within what the settings say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::Write as _;

use std::time::Duration;

use earmark_servers::{PostgresServer, RedisServer, children};
use earmark_simulator::{Key, Latency, Options, Simulator};
use rustix::process::{Pid, Signal, kill_process};
use support::{Machine, Running, Service, fixture};

const KEY: &str = "0123456789.s3cret";
const NEVER: Duration = Duration::from_secs(3600);

/// Settings with which a stop has nothing to wait for but what is away.
const BRIEF: [(&str, &str); 2] = [("EARMARK__WORKER__GRACE_SECS", "0"), ("EARMARK__WORKER__STOP_SECS", "1")];

fn work(machine: &Machine, settings: &[(&str, &str)]) -> Running {
    let mut command = machine.command(&["work"]);
    command.envs(BRIEF).envs(settings.iter().copied());
    let running = Running::start(command);
    running.says("working: ");
    running
}

/// Stops all processes of a server where they stand, for as long as this lives.
struct Frozen(Vec<Pid>);

impl Frozen {
    /// The server of this test that listens at the port of `url`.
    fn of(url: &str) -> Self {
        let port: String = url.rsplit_once(':').unwrap().1.chars().take_while(char::is_ascii_digit).collect();
        let words =
            |pid: &Pid| std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
        let ours = children(std::process::id());
        let server =
            ours.into_iter().find(|pid| !words(pid).contains("earmark") && words(pid).contains(&port)).unwrap();
        let mut all = children(server.as_raw_pid().unsigned_abs());
        all.push(server);
        for pid in &all {
            kill_process(*pid, Signal::STOP).unwrap();
        }
        Self(all)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
}

#[tokio::test]
async fn two_signals_at_once_are_one() {
    let machine = Machine::new();
    for parts in ["serve", "up"] {
        let settings = [("EARMARK__WORKER__GRACE_SECS", "1")];
        let mut service = Service::start(&machine, parts, &settings);
        // Something to wait for, so that it does not end before it has heard all of them.
        let mut half_open = service.connect();
        half_open.write_all(b"GET /heal").unwrap();
        assert_eq!(service.get("/healthz").await.0, 200);
        let pid = Pid::from_child(&service.running.child);
        for signal in [Signal::TERM, Signal::INT, Signal::TERM] {
            kill_process(pid, signal).unwrap();
        }
        assert_eq!(service.running.wait().code(), Some(0), "{parts}");
        let said: Vec<String> = service.running.said.iter().collect();
        assert!(said.iter().any(|line| line.starts_with("stopping: ")), "{said:?}");
        assert!(!said.iter().any(|line| line.contains("second signal")), "{said:?}");
    }
}

#[test]
fn a_worker_whose_redis_stands_still_stops_in_order() {
    let machine = Machine::new();
    let redis = RedisServer::start();
    let mut worker = work(&machine, &[("EARMARK__QUEUE__URL", &redis.url())]);
    let frozen = Frozen::of(&redis.url());
    worker.signal();
    assert_eq!(worker.wait().code(), Some(0));
    let said: Vec<String> = worker.said.iter().collect();
    assert!(said.iter().any(|line| line.starts_with("stopping: ") && line.contains("at most 6 s")), "{said:?}");
    drop(frozen);
}

#[test]
fn a_worker_whose_database_stands_still_stops_in_order() {
    let machine = Machine::new();
    let postgres = PostgresServer::start();
    let mut worker = work(&machine, &[("EARMARK__DATABASE__URL", &postgres.url())]);
    let frozen = Frozen::of(&postgres.url());
    worker.signal();
    assert_eq!(worker.wait().code(), Some(0));
    let said: Vec<String> = worker.said.iter().collect();
    assert!(said.iter().any(|line| line.contains("could not write down that this worker has stopped")), "{said:?}");
    drop(frozen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_at_work_whose_outcome_cannot_be_written_does_not_hold_up_the_stop() {
    let machine = Machine::new();
    let postgres = PostgresServer::start();
    let options = Options { keys: vec![Key::new(KEY)], latency: Latency::Fixed(NEVER), ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let database = postgres.url();
    let settings = [
        ("EARMARK__DATABASE__URL", database.as_str()),
        ("EARMARK__ASR__ENGINE", "glm"),
        ("EARMARK__ASR__FALLBACK", "off"),
        ("EARMARK__ASR__BASE_URL", simulator.url()),
        ("EARMARK__ASR__API_KEY", KEY),
    ];
    let run = |args: &[&str]| {
        let mut command = machine.command(args);
        support::Ran::of(&command.envs(settings).output().unwrap())
    };
    assert_eq!(run(&["submit", &fixture("formats/austen0870.pcm16k.wav")]).code, Some(0));
    let mut worker = work(&machine, &settings);
    worker.until("the job at work", || {
        (run(&["jobs", "list", "--json"]).json()[0]["clips_total"].is_number()).then_some(())
    });
    let frozen = Frozen::of(&postgres.url());
    worker.signal();
    assert_eq!(worker.wait().code(), Some(0));
    drop(frozen);
}

#[tokio::test]
async fn a_service_whose_database_is_gone_stops_in_order() {
    let machine = Machine::new();
    let mut postgres = PostgresServer::start();
    let url = postgres.url();
    let mut service = Service::start(&machine, "up", &[&BRIEF[..], &[("EARMARK__DATABASE__URL", &url)]].concat());
    service.until("its worker", "/readyz", |_, body| (body["workers"]["live"] == 1).then_some(())).await;
    postgres.stop();
    service.signal();
    assert_eq!(service.running.wait().code(), Some(0));
}
