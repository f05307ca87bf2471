//! The commands around the main path: usage, settings, doctor, rules, jobs, the audit log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::{Machine, Ran, Running, fixture};

#[test]
fn wrong_usage_ends_with_2_and_a_hint() {
    let machine = Machine::new();
    for (name, bytes) in [("big.toml", (1 << 20) + 1), ("big.yaml", (16 << 20) + 1)] {
        std::fs::write(machine.folder.path().join(name), vec![b'#'; bytes]).unwrap();
    }
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    for (args, part) in [
        (vec!["run"], "URI"),
        (vec!["frobnicate"], "frobnicate"),
        (vec!["jobs", "show", "7"], "`7` is not"),
        (vec!["jobs", "show", "01890000-0000-7000-8000-000000000000"], "01890000-0000-7000-8000-000000000000"),
        (vec!["jobs", "list", "--state", "lost"], "ready, leased, done, dead, cancelled"),
        (vec!["submit", "--lane", "urgent", "a.wav"], "webhook, call, archive"),
        (vec!["submit", "--tenant", "../x", "a.wav"], "../x"),
        (vec!["submit", "--manifest", "no-such-file"], "no-such-file"),
        (vec!["results", "export", "01890000-0000-7000-8000-000000000000"], "01890000-0000-7000-8000-000000000000"),
        (vec!["rules", "check", "no-such-folder"], "no-such-folder"),
        (vec!["--config", "no-such.toml", "config"], "no-such.toml"),
        (vec!["--config", "/dev/zero", "config"], "not a regular file"),
        (vec!["--config", "big.toml", "config"], "larger than 1048576 bytes"),
        (vec!["rules", "check", "/dev/zero"], "not a regular file"),
        (vec!["rules", "check", "big.yaml"], "larger than 16777216 bytes"),
    ] {
        let ran = machine.run(&args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn settings_are_printed_with_their_origin_and_without_secrets() {
    let machine = Machine::new();
    let file = machine.folder.path().join("mine.toml");
    std::fs::write(&file, "[worker]\nslots = 7\n[asr]\nglossary = [\"ComfyUI\", \"恒信\"]\n").unwrap();
    let output = machine
        .command(&["--config", "mine.toml", "config", "--json"])
        .env("EARMARK__ASR__API_KEY", "s3cret")
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stdout.contains("s3cret"));
    let find = |key: &str| ran.json().into_iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(
        (find("worker.slots")["value"].as_str(), find("worker.slots")["origin"].as_str()),
        (Some("7"), Some("mine.toml"))
    );
    assert_eq!(find("asr.glossary")["value"], "ComfyUI,恒信");
    assert_eq!(find("asr.api_key")["origin"], "EARMARK__ASR__API_KEY");
    assert_eq!(find("asr.tier")["origin"], "default");

    let garbled = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
    let ran = Ran::of(&machine.command(&["config"]).env("EARMARK__ASR__API_KEY", garbled).output().unwrap());
    assert!(ran.code == Some(2) && ran.stderr.contains("EARMARK__ASR__API_KEY is not UTF-8"), "{}", ran.stderr);

    std::fs::write(&file, "[worker]\nslot = 7\n").unwrap();
    let ran = machine.run(&["--config", "mine.toml", "config"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("worker.slots"), "{}", ran.stderr);
}

#[test]
fn doctor_finds_everything_and_says_what_is_missing() {
    let machine = Machine::new();
    let ran = machine.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    for name in ["database", "clock", "engine", "speech", "ffmpeg", "rules", "output", "temp space"] {
        assert!(
            ran.stdout.lines().any(|line| line.contains(name) && line.starts_with("  ok")),
            "{name}: {}",
            ran.stdout
        );
    }
    let output = machine
        .command(&["doctor"])
        .env("EARMARK__ASR__MODEL_PATH", "/no/such/model")
        .env("EARMARK__AUDIO__FFMPEG", "none")
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout.contains("BAD")
            && ran.stdout.contains("/no/such/model")
            && ran.stdout.contains("apt-get install ffmpeg"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_starter_rules_pass_their_own_examples_and_one_text_can_be_tried() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["rules", "check"]).code, Some(0));
    let ran = machine.run(&["rules", "test"]);
    assert!(ran.code == Some(0) && ran.stdout.contains(" 0 failed"), "{}", ran.stdout);
    let found = machine.run(&["rules", "test", "--text", "这款产品保证收益", "--json"]).json();
    assert_eq!((found[0]["matched"].as_str(), found[0]["span"].to_string()), (Some("保证收益"), "[4,8]".into()));
    assert!(machine.run(&["rules", "test", "--text", "今天天气很好", "--json"]).json().is_empty());

    let rules = machine.folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("a.yaml"), "rules:\n  - id: a\n    category: c\n    severity: high\n    words: [stars]\n    examples:\n      hit: [star]\n").unwrap();
    let ran = machine.run(&["rules", "test", "rules"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("a.yaml:7"), "{}", ran.stdout);
}

#[test]
fn jobs_are_listed_called_off_and_put_back() {
    let machine = Machine::new();
    let submitted = machine.run(&["submit", "--json", "--key", "k", "--lane", "archive", "a.wav"]).json();
    let id = submitted[0]["job_id"].as_str().unwrap().to_owned();
    assert_eq!(machine.run(&["submit", "--json", "--key", "k", "a.wav"]).json()[0]["job_id"], id.as_str());
    let other = machine.run(&["submit", "--json", "--key", "k", "b.wav"]);
    assert!(other.code == Some(1) && other.stderr.contains("names a.wav already"), "{}", other.stderr);
    assert_eq!(machine.run(&["jobs", "list", "--json", "--lane", "archive", "--key", "k"]).json().len(), 1);
    assert_eq!(machine.run(&["jobs", "cancel", &id]).code, Some(0));
    assert_eq!(machine.run(&["jobs", "cancel", &id]).code, Some(1));
    assert_eq!(machine.run(&["jobs", "show", "--json", &id]).json()[0]["state"], "cancelled");
    assert_eq!(machine.run(&["jobs", "retry", &id]).code, Some(0));
    assert_eq!(machine.run(&["jobs", "show", "--json", &id]).json()[0]["state"], "ready");
    let history = machine.run(&["audit", "export"]).json();
    let kinds: Vec<&str> = history.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["job.accepted", "job.cancelled", "job.retried"]);
}

#[test]
fn a_job_is_one_line_for_programs_however_long_its_recording_is_named() {
    let machine = Machine::new();
    let name = format!("{}.wav", "a".repeat(300));
    let id = machine.run(&["submit", "--json", &name]).json()[0]["job_id"].as_str().unwrap().to_owned();
    let ran = machine.run(&["jobs", "list"]);
    assert!(ran.stdout.lines().any(|line| line.contains(&id) && line.contains(&name)), "{}", ran.stdout);
}

#[test]
fn a_changed_audit_entry_is_found() {
    let machine = Machine::new();
    machine.run(&["submit", "a.wav", "b.wav", "c.wav"]);
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
    let change = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(\"UPDATE audit_entries SET payload = replace(payload, 'b.wav', 'x.wav')\")\ndb.commit()\n";
    let changed = std::process::Command::new("python3").args(["-c", change]).arg(machine.database()).status().unwrap();
    assert!(changed.success());
    let ran = machine.run(&["audit", "verify"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("BROKEN") && ran.stdout.contains("entry 2"), "{}", ran.stdout);
}

#[test]
fn waiting_for_jobs_ends_when_they_have_ended() {
    let machine = Machine::new();
    let work = Running::start(machine.command(&["work"]));
    let good = fixture("real/austen0880.flac");
    let ran = machine.run(&["submit", "--wait", "--timeout", "4m", &good]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = machine.run(&["submit", "--wait", "--timeout", "4m", &good, "no-such-file.wav"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("dead"), "{}", ran.stderr);
    work.stop();
}
