//! What a test starts ends with it, however it ends: the runner kills a test that hangs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "one test tells another what it started")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use earmark_servers::{PostgresServer, RedisServer, ends_within};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use support::{Machine, Running, Service};

/// Set for the test that starts servers and hangs.
const HANGS: &str = "TEST_HANGS";
const NAME: &str = "servers_and_workers_end_with_a_test_that_is_killed";
const PIDS: &str = "started: ";

/// Every process below `parent`.
fn below(parent: u32, found: &mut Vec<u32>) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // `pid (name) state ppid …`; a name may hold anything but ends with the last parenthesis.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let rest = stat.rsplit_once(')').unwrap().1;
        if rest.split_whitespace().nth(1) == Some(&parent.to_string()) {
            found.push(id);
            below(id, found);
        }
    }
}

/// The hanging test: servers, a service and a worker run, from threads that end before it does.
fn start_and_hang() {
    let (redis, postgres) = std::thread::spawn(|| (RedisServer::start(), PostgresServer::start())).join().unwrap();
    let machine = Machine::new();
    let queue = redis.url();
    let service = std::thread::scope(|scope| {
        scope.spawn(|| Service::start(&machine, "serve", &[("EARMARK__QUEUE__URL", &queue)])).join().unwrap()
    });
    let mut command = machine.command(&["work"]);
    command.env("EARMARK__DATABASE__URL", postgres.url());
    let worker = Running::start(command);
    worker.says("working: ");
    let mut started = Vec::new();
    below(std::process::id(), &mut started);
    println!("{PIDS}{}", started.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
    // Standard input ends with the test that reads what this one prints.
    let _ = std::io::read_to_string(std::io::stdin());
    drop((service, worker));
}

#[test]
fn servers_and_workers_end_with_a_test_that_is_killed() {
    if std::env::var_os(HANGS).is_some() {
        return start_and_hang();
    }
    let mut hanging = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(HANGS, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(hanging.stdout.take().unwrap()).lines().map_while(Result::ok);
    let pids = lines.filter_map(|line| line.split_once(PIDS).map(|(_, pids)| pids.to_owned())).next();
    let pids: Vec<Pid> =
        pids.expect("it starts them").split(' ').map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect();
    // Redis, PostgreSQL with its own processes, a service and a worker; all of them run.
    assert!(pids.len() >= 8, "{pids:?}");
    let is_there = |pid: &Pid| pidfd_open(*pid, PidfdFlags::empty()).is_ok();
    assert!(pids.iter().all(is_there), "{pids:?}");

    hanging.kill().unwrap();
    hanging.wait().unwrap();
    for pid in pids {
        assert!(ends_within(Duration::from_secs(60), pid), "process {pid:?} runs on");
    }
}
