//! `earmark run`: recordings in, reports, findings and artifacts out; bad ones answered one by one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;

use serde_json::Value;
use support::{Machine, fixture, manifest};

fn by_uri(lines: Vec<Value>) -> HashMap<String, Value> {
    lines.into_iter().map(|line| (line["recording"]["uri"].as_str().unwrap().to_owned(), line)).collect()
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn assert_valid(schema: &jsonschema::Validator, report: &Value) {
    let errors: Vec<String> =
        schema.iter_errors(report).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// Every finding can be shown: its words stand at its span in its utterance.
fn assert_findings_can_be_shown(report: &Value) {
    for finding in report["findings"].as_array().unwrap() {
        let Some(id) = finding["utterance_id"].as_u64() else {
            assert_eq!(finding["kind"], "missing");
            continue;
        };
        let utterance =
            report["utterances"].as_array().unwrap().iter().find(|utterance| utterance["id"] == id).unwrap();
        let (from, to) = (finding["span"][0].as_u64().unwrap(), finding["span"][1].as_u64().unwrap());
        let text: Vec<char> = utterance["text"].as_str().unwrap().chars().collect();
        let cut: String = text[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].iter().collect();
        assert_eq!(finding["matched"], cut.as_str());
        assert!(finding["start_ms"].as_u64().unwrap() <= finding["end_ms"].as_u64().unwrap());
        assert!(finding["start_ms"].as_u64().unwrap() + 1 >= utterance["start_ms"].as_u64().unwrap(), "{finding}");
    }
}

#[test]
fn a_two_channel_call_gives_turns_findings_artifacts_and_an_audit_chain() {
    let machine = Machine::new();
    let call = fixture("dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav");
    let ran = machine.run(&["run", "--json", &call]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = &ran.json()[0];
    assert_valid(&schema(), report);
    assert_findings_can_be_shown(report);
    assert_eq!(report["recording"]["uri"], call.as_str());
    assert_eq!(
        (report["recording"]["codec"].as_str(), report["recording"]["channels"].as_u64()),
        (Some("pcm_alaw"), Some(2))
    );
    assert_eq!(report["language"], "zh");

    let utterances = report["utterances"].as_array().unwrap();
    let starts: Vec<u64> = utterances.iter().map(|utterance| utterance["start_ms"].as_u64().unwrap()).collect();
    assert!(starts.is_sorted());
    // The call's first and last words are the agent's; the customer answers in between.
    assert_eq!(utterances[0]["speaker"], "agent");
    assert!(utterances.iter().any(|utterance| utterance["speaker"] == "customer"));
    let promised = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["category"] == "guaranteed_return")
        .expect("the promise is found");
    // 保证收益 is said at 34.8 s, 稳赚不赔 at 36.1 s, 零风险 at 40.5 s.
    assert!((33_000..43_000).contains(&promised["start_ms"].as_u64().unwrap()), "{promised}");
    assert_eq!(promised["speaker"], "agent");

    let id = report["job_id"].as_str().unwrap();
    let folder = machine.output().join("default").join(id);
    let written: Value = serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(&written, report);
    for (format, name) in [("txt", "transcript.txt"), ("srt", "transcript.srt"), ("vtt", "transcript.vtt")] {
        let exported = machine.run(&["results", "export", id, "--format", format]).stdout;
        assert_eq!(exported, std::fs::read_to_string(folder.join(name)).unwrap(), "{name}");
        assert!(exported.lines().count() > 5, "{name}");
    }
    // The subtitles are read back by a program that knows them.
    for name in ["transcript.srt", "transcript.vtt"] {
        let read = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(folder.join(name))
            .args(["-f", "srt", "-"])
            .output()
            .unwrap();
        assert!(read.status.success() && read.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&read.stderr));
        assert!(String::from_utf8_lossy(&read.stdout).matches("-->").count() > 5, "{name}");
    }
    let verified = machine.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0));
    assert!(verified.stdout.contains("chain intact"), "{}", verified.stdout);
    let shown = machine.run(&["jobs", "show", id]);
    assert!(shown.stdout.contains("job.accepted") && shown.stdout.contains("job.done"), "{}", shown.stdout);
}

#[test]
fn every_broken_recording_ends_as_its_entry_says_and_harms_no_other() {
    let machine = Machine::new();
    let items: Vec<Value> =
        manifest().into_iter().filter(|item| item["file"].as_str().unwrap().starts_with("broken/")).collect();
    let good = fixture("real/austen0880.flac");
    let mut uris: Vec<String> = items.iter().map(|item| fixture(item["file"].as_str().unwrap())).collect();
    uris.push(good.clone());
    uris.push("no/such/file.wav".into());
    uris.push("ftp://example.org/a.wav".into());
    let mut args = vec!["run", "--json"];
    args.extend(uris.iter().map(String::as_str));
    let ran = machine.run(&args);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines = by_uri(ran.json());
    assert_eq!(lines.len(), uris.len());
    let schema = schema();
    for item in &items {
        let uri = fixture(item["file"].as_str().unwrap());
        let line = &lines[&uri];
        let expect = item["expect"].as_str().unwrap();
        let ended = if line.get("error").is_some() {
            assert!(
                line["error"]["code"].as_str().unwrap().contains('.')
                    && !line["error"]["message"].as_str().unwrap().is_empty(),
                "{line}"
            );
            "reject"
        } else {
            assert_valid(&schema, line);
            let is_truncated =
                line["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "recording_truncated");
            match line["utterances"].as_array().unwrap().len() {
                0 => "empty",
                _ if is_truncated => "partial",
                _ => "ok",
            }
        };
        assert!(expect.split('|').any(|one| one == ended), "{uri}: {ended}, expected {expect}: {line}");
    }
    assert!(lines[&good]["utterances"][0]["text"].as_str().unwrap().to_lowercase().contains("young man"));
    let missing = &lines["no/such/file.wav"];
    assert!(
        missing["error"]["code"].as_str().unwrap().starts_with("fetch.") && missing["job_id"].is_string(),
        "{missing}"
    );
    // What is a job at no door is none here.
    let refused = &lines["ftp://example.org/a.wav"];
    assert!(refused["error"]["code"] == "job.uri" && refused["job_id"].is_null(), "{refused}");
    // Whatever failed is a dead letter that a person can look at, and the log of decisions holds.
    assert_eq!(machine.run(&["audit", "verify"]).code, Some(0));
    let dead = machine.run(&["jobs", "list", "--state", "dead", "--json"]).json();
    let failed = |line: &&Value| line.get("error").is_some() && line["job_id"].is_string();
    assert_eq!(dead.len(), lines.values().filter(failed).count());
}

#[test]
fn what_is_not_speech_costs_nothing() {
    let machine = Machine::new();
    let files = ["broken/silence.wav", "broken/noise-only.ogg", "broken/dtmf.wav"].map(fixture);
    let mut args = vec!["run", "--json"];
    args.extend(files.iter().map(String::as_str));
    let ran = machine.run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let reports = ran.json();
    assert_eq!(reports.len(), files.len());
    for report in reports {
        assert_eq!(
            (report["cost"]["requests"].as_u64(), report["cost"]["billed_ms"].as_u64()),
            (Some(0), Some(0)),
            "{report}"
        );
        assert_eq!(report["utterances"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn the_table_names_recording_speakers_findings_and_where_things_are() {
    let machine = Machine::new();
    let out = machine.folder.path().join("mine");
    let call = fixture("dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav");
    let ran = machine.run(&["run", "--out", out.to_str().unwrap(), &call]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for part in [
        "en-dev-01-investment-guaranteed.mulaw8k.wav",
        "0:56",
        "agent, customer",
        "guaranteed",
        "earmark.sqlite",
        "mine",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stderr.contains("clips"), "progress: {}", ran.stderr);
    let folder = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    assert!(folder.join("report.json").is_file());
}

#[test]
fn rules_of_ones_own_are_applied_and_kept_as_evidence() {
    let machine = Machine::new();
    let rules = machine.folder.path().join("mine.yaml");
    std::fs::write(
        &rules,
        "rules:\n  - id: young\n    category: test\n    severity: low\n    words: [\"young man\"]\n",
    )
    .unwrap();
    let ran = machine.run(&["run", "--json", "--rules", rules.to_str().unwrap(), &fixture("real/austen0880.flac")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = &ran.json()[0];
    assert_eq!(report["findings"][0]["rule_id"], "young");
    assert_findings_can_be_shown(report);

    std::fs::write(&rules, "rules:\n  - id: young\n    severty: low\n").unwrap();
    let ran = machine.run(&["run", "--rules", rules.to_str().unwrap(), &fixture("real/austen0880.flac")]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("mine.yaml:3") && ran.stderr.contains("severity"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_written_is_a_sentence_with_a_hint() {
    let machine = Machine::new();
    let call = fixture("real/austen0880.flac");
    let file = machine.folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let under_a_file = file.join("below");
    let ran = machine.run(&["run", "--out", under_a_file.to_str().unwrap(), &call]);
    assert_eq!(ran.code, Some(2));
    let is_error = ran.stderr.lines().any(|line| line.starts_with("error: "));
    assert!(is_error && ran.stderr.contains("hint: "), "{}", ran.stderr);
    let ran = Complained::of(machine.command(&["run", &call]).env("EARMARK__STORAGE__OUTPUT", &under_a_file));
    assert!(ran.0 == Some(2) && ran.1.contains("hint: "), "{}", ran.1);
    let ran = Complained::of(
        machine
            .command(&["run", &call])
            .env("EARMARK__DATABASE__URL", format!("sqlite:{}", under_a_file.join("j.sqlite").display())),
    );
    assert!(ran.0 == Some(2) && ran.1.contains("hint: "), "{}", ran.1);
}

/// Exit code and standard error.
struct Complained(Option<i32>, String);

impl Complained {
    fn of(command: &mut std::process::Command) -> Self {
        let ran = support::Ran::of(&command.output().unwrap());
        Self(ran.code, ran.stderr)
    }
}
