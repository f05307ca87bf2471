//! The built-in engine's process under the program: what ends it costs one recording at most, and nobody waits for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use earmark_servers::{LastWord, bound, children, end_of};
use serde_json::{Value, json};
use support::{Machine, Running, Service, fixture};

/// A machine whose engine is a stand-in.
struct Office {
    machine: Machine,
}

impl Office {
    /// The stand-in goes wrong as `own` says (`workers/asr/tests/stand_in.py`).
    fn new(mut own: Value) -> Self {
        let machine = Machine::new();
        let folder = machine.folder.path();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers/asr/tests/stand_in.py");
        std::fs::copy(source, folder.join("engine")).unwrap();
        std::fs::set_permissions(folder.join("engine"), std::fs::Permissions::from_mode(0o755)).unwrap();
        own["folder"] = json!(folder);
        std::fs::write(folder.join("engine.json"), own.to_string()).unwrap();
        std::fs::create_dir(folder.join("model")).unwrap();
        for file in ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"] {
            std::fs::write(folder.join("model").join(file), file).unwrap();
        }
        Self { machine }
    }

    fn settings(&self) -> [(&'static str, String); 3] {
        let folder = self.machine.folder.path();
        [
            ("EARMARK__ASR__ENGINE_PROGRAM", folder.join("engine").display().to_string()),
            ("EARMARK__ASR__MODEL_PATH", folder.join("model").display().to_string()),
            ("EARMARK__WORKER__POLL_MS", "50".into()),
        ]
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command.envs(self.settings());
        command
    }

    fn work(&self) -> Running {
        Running::start(self.command(&["work"]))
    }

    fn submit(&self, recordings: &[(&str, String)]) {
        let lines: Vec<String> =
            recordings.iter().map(|(key, uri)| json!({"uri": uri, "key": key}).to_string()).collect();
        let manifest = self.machine.folder.path().join("manifest");
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let ran = self.machine.run(&["submit", "--manifest", manifest.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    fn jobs(&self) -> Vec<Value> {
        self.machine.run(&["jobs", "list", "--json"]).json()
    }

    /// All jobs once they have ended; `meanwhile` is done between two looks.
    fn over(&self, worker: &Running, mut meanwhile: impl FnMut()) -> Vec<Value> {
        let is_over = |job: &Value| ["done", "dead", "cancelled"].contains(&job["state"].as_str().unwrap());
        worker.until("the jobs to end", || {
            meanwhile();
            Some(self.jobs()).filter(|jobs| jobs.iter().all(is_over))
        })
    }

    fn starts(&self) -> usize {
        let noted = std::fs::read_to_string(self.machine.folder.path().join("started")).unwrap_or_default();
        noted.lines().count()
    }
}

fn state<'a>(jobs: &'a [Value], key: &str) -> &'a Value {
    jobs.iter().find(|job| job["key"] == key).unwrap()
}

#[test]
fn two_good_recordings_and_one_that_ends_the_engine_are_two_reports_and_a_dead_letter_that_names_the_clip() {
    for does in ["crash", "exit", "garbage"] {
        let office = Office::new(json!({"clips": [{"ms": [4000, 5400], "does": does}]}));
        office.submit(&[
            ("good", fixture("real/austen0880.flac")),
            ("bad", fixture("real/austen0890.flac")),
            ("also-good", fixture("formats/austen0870.pcm16k.wav")),
        ]);
        let worker = office.work();
        let jobs = office.over(&worker, || {});
        for key in ["good", "also-good"] {
            let job = state(&jobs, key);
            assert_eq!((&job["state"], &job["deaths"]), (&json!("done"), &json!(0)), "{does}: {job}");
        }
        let bad = state(&jobs, "bad");
        assert_eq!((&bad["state"], &bad["attempt"]), (&json!("dead"), &json!(1)), "{does}: {bad}");
        assert_eq!(bad["error"]["code"], "transcribe.engine_ended", "{bad}");
        let message = bad["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("clip 0 of channel 0 (0."), "{message}");
        worker.stop();
        assert_eq!(office.machine.run(&["audit", "verify"]).code, Some(0));
    }
}

#[test]
fn engines_that_are_killed_at_random_cost_nothing_but_time() {
    // Answers that take a while, so that kills fall into them.
    let office = Office::new(json!({"clips": [{"ms": [0, 30_000], "does": "late"}]}));
    let names = ["real/austen0880.flac", "real/austen0890.flac", "formats/austen0870.pcm16k.wav"];
    let recordings: Vec<(String, String)> =
        (0..12).map(|at| (format!("job-{at}"), fixture(names[at % names.len()]))).collect();
    let recordings: Vec<(&str, String)> = recordings.iter().map(|(key, uri)| (key.as_str(), uri.clone())).collect();
    office.submit(&recordings);
    let worker = office.work();
    let pid = worker.child.id();
    let heard = office.machine.folder.path().join("heard");
    worker.until("a clip to be asked for", || heard.exists().then_some(()));
    let mut random = fastrand::Rng::with_seed(7);
    let mut kills = 0;
    let jobs = office.over(&worker, || {
        if kills < 8 && random.u8(0..3) == 0 {
            for engine in children(pid) {
                kills += usize::from(rustix::process::kill_process(engine, rustix::process::Signal::KILL).is_ok());
            }
        }
    });
    assert!(kills > 0 && office.starts() > 1, "{kills} kills, {} starts", office.starts());
    for job in &jobs {
        assert_eq!((&job["state"], &job["deaths"]), (&json!("done"), &json!(0)), "{job}");
    }
    worker.stop();
    assert_eq!(office.machine.run(&["audit", "verify"]).code, Some(0));
}

#[test]
fn a_killed_worker_leaves_no_engine_behind() {
    let office = Office::new(json!({"clips": [{"ms": [0, 30_000], "does": "hang"}]}));
    office.submit(&[("job", fixture("real/austen0880.flac"))]);
    let mut worker = office.work();
    let heard = office.machine.folder.path().join("heard");
    worker.until("a clip to be asked for", || heard.exists().then_some(()));
    let engines = children(worker.child.id());
    assert_eq!(engines.len(), 1);
    worker.child.kill().unwrap();
    worker.child.wait().unwrap();
    let is_there = |pid: &rustix::process::Pid| PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero())).exists();
    earmark_servers::until("the engine to end", || (!engines.iter().any(is_there)).then_some(()));
}

#[tokio::test]
async fn a_service_without_work_has_no_engine() {
    let office = Office::new(json!({}));
    // As `make build` has it proved.
    let ran = support::Ran::of(&office.command(&["engine"]).output().unwrap());
    assert!(ran.stderr.contains("the built-in engine computes with"), "{}", ran.stderr);
    assert_eq!(office.starts(), 1);
    let settings = office.settings();
    let mut settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("EARMARK__ASR__IDLE_UNLOAD_SECS", "1"));
    let service = Service::start(&office.machine, "up", &settings);
    assert_eq!(children(service.running.child.id()), []);
    let body = json!({"uri": fixture("real/austen0880.flac")});
    let (status, accepted) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!(status, 202, "{accepted}");
    let path = format!("/v1/jobs/{}", accepted["job_id"].as_str().unwrap());
    service.running.meanwhile("the job", async { while !service.get(&path).await.1.contains("\"done\"") {} }).await;
    assert_eq!(office.starts(), 2);
    let service_id = service.running.child.id();
    service.running.until("the engine to end", || children(service_id).is_empty().then_some(()));
    // What the recording took is given back.
    service.running.until("at most 40 MB", || (resident_kb(service_id) <= 40_000).then_some(()));
    service.stop();
}

/// Memory of a process, in kB.
fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn what_the_engine_computes_with_is_told_by_config_and_doctor() {
    let office = Office::new(json!({"rungs": {"int8": "nonsense", "int8 mkl": "crash"}}));
    let run = |args: &[&str]| support::Ran::of(&office.command(args).output().unwrap());
    assert!(!run(&["config"]).stdout.contains("the built-in engine computes"));
    let doctor = run(&["doctor"]);
    assert!(doctor.stdout.contains("note  engine"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("computes with float32 plain"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("not with int8 oneDNN: it heard \"ha ha"), "{}", doctor.stdout);
    let config = run(&["config"]);
    assert!(config.stdout.contains("the built-in engine computes with float32 plain"), "{}", config.stdout);

    let office = Office::new(json!({"proof": "nonsense"}));
    let doctor = support::Ran::of(&office.command(&["doctor"]).output().unwrap());
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains(" BAD  engine"), "{}", doctor.stdout);
}

/// The engine's own program, told to load `model`, and the other end of its socket.
fn engine_program(model: &Path) -> (std::process::Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = bound(env!("CARGO_BIN_EXE_earmark-engine"), LastWord::Kill);
    command.arg(model).args(["1", "1", "int8", "4000000000"]);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
    (earmark_servers::start(command).unwrap(), ours)
}

#[test]
fn an_engine_that_still_loads_ends_with_whoever_started_it() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody ever writes to it: loading never ends.
    for file in ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"] {
        let made = Command::new("mkfifo").arg(folder.path().join(file)).status().unwrap();
        assert!(made.success());
    }
    let (mut engine, ours) = engine_program(folder.path());
    assert!(engine.try_wait().unwrap().is_none());
    drop(ours);
    assert_eq!(end_of("an engine nobody wants", &mut engine).signal(), Some(9));
}

#[test]
fn an_engine_that_does_not_understand_what_it_is_asked_says_so_and_ends_as_a_fault_of_its_own() {
    let (mut engine, mut ours) = engine_program(Path::new("engine/model"));
    ours.write_all(&[0xff; 8]).unwrap();
    assert_eq!(end_of("an engine that was asked nonsense", &mut engine).signal(), Some(6));
    let said = std::io::read_to_string(engine.stderr.take().unwrap()).unwrap();
    assert!(said.contains("a text of 4294967295 bytes is announced"), "{said}");
}

#[test]
fn a_machine_whose_engine_is_killed_again_and_again_pauses_and_keeps_no_other_from_work() {
    let office = Office::new(json!({"clips": [{"ms": [0, 30_000], "does": "kill"}]}));
    office.submit(&[("a", fixture("real/austen0880.flac")), ("b", fixture("real/austen0890.flac"))]);
    let sick = office.work();
    sick.says_with("nothing is asked for a while");
    let account = office.machine.run(&["accounts", "list", "--json"]).json().remove(0);
    assert_eq!((&account["account"], &account["state"]), (&json!("built-in"), &json!("open")));
    sick.stop();
    let failed: Vec<Value> = office.jobs().into_iter().filter(|job| job["state"] != "ready").collect();
    assert!(failed.is_empty(), "{failed:?}");

    // Beside the same database, with an engine that nobody kills.
    let engine = office.machine.folder.path().join("healthy");
    std::fs::copy(office.machine.folder.path().join("engine"), &engine).unwrap();
    let mut healthy = office.command(&["work"]);
    healthy.env("EARMARK__ASR__ENGINE_PROGRAM", engine);
    let healthy = Running::start(healthy);
    office.submit(&[("c", fixture("formats/austen0870.pcm16k.wav"))]);
    healthy.until("the job to be done", || (state(&office.jobs(), "c")["state"] == "done").then_some(()));
    healthy.stop();
}
