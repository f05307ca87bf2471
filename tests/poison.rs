//! Recordings that kill or hang their worker: quarantined with the cause, and no harm to the jobs beside them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use earmark_simulator::{Options, Simulator};
use serde_json::Value;
use support::{Machine, fixture};

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
        let lines: Vec<String> = std::iter::once((self.poison().to_string_lossy().into_owned(), "poison".to_owned()))
            .chain((0..4).map(|i| (innocent.clone(), format!("innocent-{i}"))))
            .map(|(uri, key)| serde_json::json!({"uri": uri, "key": key}).to_string())
            .collect();
        let manifest = self.machine.folder.path().join("manifest");
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let ran = self.machine.run(&["submit", "--manifest", manifest.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    fn work(&self) -> Child {
        self.command(&["work"]).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn jobs(&self) -> Vec<Value> {
        self.machine.run(&["jobs", "list", "--json"]).json()
    }

    fn job(&self, key: &str) -> Value {
        self.jobs().into_iter().find(|job| job["key"] == key).unwrap()
    }

    fn assert_innocents_done(&self) {
        for job in self.jobs().iter().filter(|job| job["key"] != "poison") {
            assert_eq!((&job["state"], &job["deaths"]), (&"done".into(), &0.into()), "{job}");
        }
        assert_eq!(self.machine.run(&["audit", "verify"]).code, Some(0));
    }
}

fn is_over(jobs: &[Value]) -> bool {
    jobs.iter().all(|job| ["done", "dead", "cancelled"].contains(&job["state"].as_str().unwrap()))
}

fn stop(mut worker: Child) {
    rustix::process::kill_process(rustix::process::Pid::from_child(&worker), rustix::process::Signal::TERM).unwrap();
    worker.wait().unwrap();
}

#[test]
fn a_recording_that_kills_three_workers_is_quarantined_and_the_jobs_beside_it_are_done() {
    // As a decoder that takes all memory does to the process that the kernel chooses.
    let office = Office::new("kill -9 $PPID");
    office.submit();
    let mut deaths = 0;
    let last = loop {
        let mut worker = office.work();
        // It dies, or everything is over.
        let died = loop {
            if let Some(status) = worker.try_wait().unwrap() {
                break Some(status);
            }
            if is_over(&office.jobs()) {
                break None;
            }
        };
        let Some(status) = died else { break worker };
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        deaths += 1;
    };
    stop(last);
    let poison = office.job("poison");
    assert_eq!((deaths, &poison["state"], &poison["deaths"]), (3, &"dead".into(), &3.into()), "{poison}");
    assert_eq!(poison["error"]["code"], "job.quarantined");
    assert!(poison["error"]["message"].as_str().unwrap().contains("the last one died"), "{poison}");
    office.assert_innocents_done();
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
    let mut worker = office.work();
    let pid = worker.id();
    let mut said = BufReader::new(worker.stderr.take().unwrap()).lines().map_while(Result::ok);
    let kept = office.poison().with_extension("amr.kept");
    for hang in 1..=3 {
        assert!(said.any(|line| line.contains("this process replaces itself")), "hang {hang}");
        // The next try finds a recording again.
        std::fs::rename(&kept, office.poison()).unwrap();
    }
    assert!(said.any(|line| line.starts_with("working: ")), "the new process works");
    std::thread::spawn(move || said.for_each(drop));
    while !is_over(&office.jobs()) {}
    assert!(worker.try_wait().unwrap().is_none(), "process {pid} lives");
    stop(worker);
    let poison = office.job("poison");
    assert_eq!((&poison["state"], &poison["deaths"]), (&"dead".into(), &3.into()), "{poison}");
    assert_eq!(poison["error"]["code"], "job.quarantined");
    let message = poison["error"]["message"].as_str().unwrap();
    assert!(message.contains("the last one hung: decode ran for "), "{message}");
    office.assert_innocents_done();
}

#[test]
fn a_decoder_ends_with_the_worker_that_is_killed() {
    let office = Office::new("exec sleep 1000");
    office.submit();
    let mut worker = office
        .command(&["work"])
        .env("EARMARK__AUDIO__DECODE_TIMEOUT_SECS", "1000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let decoder = loop {
        if let Some(decoder) = child_of(worker.id()).filter(|child| command_of(child).contains("sleep")) {
            break decoder;
        }
        assert!(worker.try_wait().unwrap().is_none());
    };
    worker.kill().unwrap();
    worker.wait().unwrap();
    while command_of(&decoder).contains("sleep") {}
}

/// The folder in /proc of a child of process `parent`.
fn child_of(parent: u32) -> Option<PathBuf> {
    let wanted = format!("PPid:\t{parent}\n");
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes
        .into_iter()
        .find(|process| std::fs::read_to_string(process.join("status")).is_ok_and(|status| status.contains(&wanted)))
}

/// The command line of a process, empty when it is gone.
fn command_of(process: &Path) -> String {
    std::fs::read(process.join("cmdline")).map(|line| String::from_utf8_lossy(&line).into_owned()).unwrap_or_default()
}
