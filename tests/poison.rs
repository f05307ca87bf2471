//! Recordings that kill or hang their worker: quarantined with the cause, and no harm to the jobs beside them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use earmark_simulator::{Options, Simulator};
use rustix::process::Pid;
use serde_json::Value;
use support::{Machine, Running, fixture};

/// Only ffmpeg decodes it.
const FOREIGN: &str = "formats/austen0870.amrnb.amr";

/// A machine whose ffmpeg is a script, with the account at a simulator.
struct Office {
    machine: Machine,
    simulator: Simulator,
    _runtime: tokio::runtime::Runtime,
}

impl Office {
    /// `ffmpeg` is the body of a shell script.
    fn new(ffmpeg: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = runtime.block_on(Simulator::start(Options::default())).unwrap();
        let machine = Machine::new();
        let script = machine.folder.path().join("ffmpeg");
        std::fs::write(&script, format!("#!/bin/sh\n{ffmpeg}\n")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(fixture(FOREIGN), machine.folder.path().join("poison.amr")).unwrap();
        Self { machine, simulator, _runtime: runtime }
    }

    fn poison(&self) -> PathBuf {
        self.machine.folder.path().join("poison.amr")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command
            .env("EARMARK__ASR__ENGINE", "glm")
            .env("EARMARK__ASR__FALLBACK", "off")
            .env("EARMARK__ASR__BASE_URL", self.simulator.url())
            .env("EARMARK__ASR__API_KEY", "id.secret")
            .env("EARMARK__AUDIO__FFMPEG", self.machine.folder.path().join("ffmpeg"))
            .env("EARMARK__AUDIO__DECODE_TIMEOUT_SECS", "1")
            .env("EARMARK__WORKER__STOP_SECS", "1")
            .env("EARMARK__WORKER__POLL_MS", "50");
        command
    }

    /// Submits the poison and four innocents beside it.
    fn submit(&self) {
        let innocent = fixture("formats/austen0870.pcm16k.wav");
        let mut jobs = vec![serde_json::json!({"uri": self.poison(), "key": "poison"})];
        jobs.extend((0..4).map(|i| serde_json::json!({"uri": innocent, "key": format!("innocent-{i}")})));
        self.submit_all(&jobs);
    }

    fn submit_all(&self, jobs: &[Value]) {
        let lines: Vec<String> = jobs.iter().map(Value::to_string).collect();
        let manifest = self.machine.folder.path().join("manifest");
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let ran = self.machine.run(&["submit", "--manifest", manifest.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    fn work(&self) -> Running {
        Running::start(self.command(&["work"]))
    }

    /// Has workers work until everything is over; gives how many were killed.
    fn work_on(&self, mut work: impl FnMut() -> Running) -> u32 {
        let mut deaths = 0;
        loop {
            let mut worker = work();
            let died = earmark_servers::until("the jobs to end, or the worker", || {
                let died = worker.child.try_wait().unwrap();
                (died.is_some() || is_over(&self.jobs())).then_some(died)
            });
            let Some(status) = died else {
                worker.stop();
                return deaths;
            };
            assert_eq!(status.signal(), Some(9), "{status}");
            deaths += 1;
        }
    }

    fn jobs(&self) -> Vec<Value> {
        self.machine.run(&["jobs", "list", "--json"]).json()
    }

    fn job(&self, key: &str) -> Value {
        self.jobs().into_iter().find(|job| job["key"] == key).unwrap()
    }

    /// None of them was blamed more than so often.
    fn assert_innocents_done(&self, most_deaths: u64) {
        for job in self.jobs().iter().filter(|job| job["key"] != "poison") {
            assert_eq!(job["state"], "done", "{job}");
            assert!(job["deaths"].as_u64().unwrap() <= most_deaths, "{job}");
        }
        assert_eq!(self.machine.run(&["audit", "verify"]).code, Some(0));
    }
}

fn is_over(jobs: &[Value]) -> bool {
    jobs.iter().all(|job| ["done", "dead", "cancelled"].contains(&job["state"].as_str().unwrap()))
}

#[test]
fn a_recording_that_kills_three_workers_is_quarantined_and_the_jobs_beside_it_are_done() {
    // As a decoder that takes all memory does to the process that the kernel chooses.
    let office = Office::new("kill -9 $PPID");
    office.submit();
    let deaths = office.work_on(|| office.work());
    let poison = office.job("poison");
    assert_eq!((deaths, &poison["state"], &poison["deaths"]), (3, &"dead".into(), &3.into()), "{poison}");
    assert_eq!(poison["error"]["code"], "job.quarantined");
    assert!(poison["error"]["message"].as_str().unwrap().contains("the last one died"), "{poison}");
    // Those that were computed beside it the first time.
    office.assert_innocents_done(1);
}

#[test]
fn a_recording_that_was_decoded_beside_one_that_kills_is_decoded_alone_until_it_is_known_to_be_innocent() {
    // The first time the two are decoded side by side, whatever the number of cores: who waits for an answer does not
    // wait for one. From then on the poison only looks whether the other is being decoded.
    let office = Office::new(
        r#"folder=$(dirname "$0")
case "$*" in
*poison*)
    if [ -e "$folder/together" ]; then
        [ -e "$folder/decoded" ] && touch "$folder/again"
    else
        until [ -e "$folder/neighbour" ]; do :; done
        touch "$folder/together"
    fi
    kill -9 $PPID ;;
*neighbour*)
    touch "$folder/neighbour"
    [ -e "$folder/together" ] || exec sleep 1000
    touch "$folder/decoded"
    ffmpeg "$@"
    rm "$folder/decoded" ;;
esac"#,
    );
    let folder = office.machine.folder.path();
    let neighbour = folder.join("neighbour.amr");
    std::fs::copy(office.poison(), &neighbour).unwrap();
    office.submit_all(&[
        serde_json::json!({"uri": office.poison(), "key": "poison"}),
        serde_json::json!({"uri": neighbour, "key": "neighbour", "lane": "webhook"}),
    ]);
    let work = || {
        let mut command = office.command(&["work"]);
        command.env("EARMARK__AUDIO__DECODE_TIMEOUT_SECS", "60");
        Running::start(command)
    };
    assert_eq!(office.work_on(work), 3);
    let poison = office.job("poison");
    assert_eq!((&poison["state"], &poison["deaths"]), (&"dead".into(), &3.into()), "{poison}");
    office.assert_innocents_done(1);
    assert!(!folder.join("again").exists(), "decoded side by side once more");
}

#[test]
fn a_recording_that_hangs_three_workers_is_quarantined_and_each_replaces_itself_under_its_own_id() {
    // The recording becomes a pipe that nobody writes to while it is decoded: a read that nothing interrupts, as from a
    // file server that has gone. What ffmpeg would write follows: a header, so that AMR's own frames are looked at.
    let office = Office::new(
        r#"while [ "$1" != -i ]; do shift; done
file="${2#file:}"
mv "$file" "$file.kept"
mkfifo "$file"
printf 'RIFF\377\377\377\377WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\200\076\0\0\002\0\020\0data\377\377\377\377\0\0'"#,
    );
    office.submit();
    let worker = office.work();
    let kept = office.poison().with_extension("amr.kept");
    for _ in 0..3 {
        worker.says_with("this process replaces itself");
        // The next try finds a recording again.
        std::fs::rename(&kept, office.poison()).unwrap();
    }
    // The new process works, under the id of the old one.
    worker.says("working: ");
    worker.until("the jobs to end", || is_over(&office.jobs()).then_some(()));
    worker.assert_runs("its own stop");
    worker.stop();
    let poison = office.job("poison");
    assert_eq!((&poison["state"], &poison["deaths"]), (&"dead".into(), &3.into()), "{poison}");
    assert_eq!(poison["error"]["code"], "job.quarantined");
    let message = poison["error"]["message"].as_str().unwrap();
    assert!(message.contains("the last one hung: decode ran for "), "{message}");
    office.assert_innocents_done(0);
}

#[test]
fn a_decoder_ends_with_the_worker_that_is_killed() {
    let office = Office::new("exec sleep 1000");
    office.submit();
    let mut command = office.command(&["work"]);
    command.env("EARMARK__AUDIO__DECODE_TIMEOUT_SECS", "1000");
    let worker = Running::start(command);
    let id = worker.child.id();
    let decoder = worker.until("a decoder", || child_of(id).filter(|child| command_of(*child).contains("sleep")));
    worker.kill();
    assert!(earmark_servers::ends_within(Duration::from_secs(60), decoder), "the decoder runs on");
}

/// A child of process `parent`.
fn child_of(parent: u32) -> Option<Pid> {
    let wanted = format!("PPid:\t{parent}\n");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let child = ids.find(|id: &i32| {
        std::fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|status| status.contains(&wanted))
    });
    child.and_then(Pid::from_raw)
}

/// The command line of a process, empty when it is gone.
fn command_of(process: Pid) -> String {
    let line = std::fs::read(format!("/proc/{}/cmdline", process.as_raw_nonzero()));
    line.map(|line| String::from_utf8_lossy(&line).into_owned()).unwrap_or_default()
}
