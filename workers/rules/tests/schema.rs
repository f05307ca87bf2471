//! The schema for editors says the same as the compiler: of the starter set, of the examples in the manual, of mistakes.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::path::{Path, PathBuf};

use earmark_rules::{RuleSet, SourceFile};
use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(docs("rules.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    let value: Value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    schema().iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

/// Whether the compiler takes it, lists in files aside.
fn compiles(text: &str) -> bool {
    RuleSet::compile("test", &[SourceFile { path: "a.yaml".into(), text: text.into() }]).is_ok()
}

#[test]
fn the_starter_set_keeps_to_the_schema() {
    for file in RuleSet::starter().sources().iter().filter(|file| SourceFile::is_rule_file(&file.path)) {
        assert_eq!(mistakes(&file.text), [""; 0], "{}", file.path);
    }
}

#[test]
fn the_manual_s_examples_keep_to_the_schema_and_do_what_they_say() {
    let manual = std::fs::read_to_string(docs("rules.md")).unwrap();
    let blocks = manual.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let sets: Vec<&str> = blocks.filter(|block| block.contains("rules:\n")).collect();
    assert!(sets.len() >= 3, "{}", sets.len());
    for text in sets {
        assert_eq!(mistakes(text), [""; 0], "{text}");
        let files = [SourceFile { path: "manual.yaml".into(), text: text.into() }];
        let set = RuleSet::compile("manual", &files).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        let report = set.run_examples();
        assert!(report.failures.is_empty(), "{:#?}", report.failures);
    }
}

#[test]
fn schema_and_compiler_agree_on_what_may_be_written() {
    let cases = [
        ("when: 投诉", true),
        ("when: [投诉, 退款]", true),
        ("when: [投诉]\n    homophones: false", false),
        ("when: {said: [投诉], except: [不投诉], homophones: false, speaker: agent, within: {last_percent: 5}}", true),
        ("when: {all: [a, [b], {any: [c]}, {none: [d]}, {at_least: {n: 1, of: [e]}}]}", true),
        ("when: {all: [{said: [a], homophones: false}, {patterns: [b], english: {sound_alikes: true}}]}", true),
        ("when: {all: [{any: [a, b], homophones: false}, c]}", false),
        ("when: {all: [{any: [a, b], normalise: {numerals: true}}, c]}", false),
        ("when: {any: [a, b], english: {sound_alikes: true}}", false),
        ("when: {near: {of: [a, b], secs: 1}, except: [c]}", false),
        ("when: {near: {of: [a, b], secs: 2.5}}", true),
        ("when: {near: {of: [a, b]}}", false),
        ("when: {near: {of: [a], secs: 1}}", false),
        ("when: {near: {of: [a, b], secs: 1, words: 1}}", false),
        ("when: {before: {find: a, anchor: b, turns: 0}}", true),
        ("when: {after: {find: a}}", false),
        ("when: {between: {find: a, from: b, to: c, words: 3}}", true),
        ("when: {sequence: {of: [a, b]}}", true),
        ("when: {count: {of: a, at_least: 3, secs: 60}}", true),
        ("when: {count: {of: a, at_least: 0}}", false),
        ("when: {repeated: {of: a, times: 2}}", true),
        ("when: {repeated: {of: a, times: 1}}", false),
        ("when: {unanswered: {question: a, answer: [b], by: agent, turns: 2}}", true),
        ("when: {missing: {of: a, within: {from_secs: 3, to_secs: 9}}}", true),
        ("when: {missing: {of: a, within: {from_secs: 3, last_secs: 9}}}", false),
        ("when: {silence: {longer_than_secs: 3, after: customer}}", true),
        ("when: {silence: {longer_than_secs: -3}}", false),
        ("when: {talk_share: {speaker: agent, more_than_percent: 80}}", true),
        ("when: {talk_share: {speaker: agent}}", false),
        ("when: {talk_share: {speaker: agent, more_than_percent: 150}}", false),
        ("when: {energy: {louder_than_dbfs: 3}}", false),
        ("when: {interruption: {by: agent, at_least: 0}}", false),
        ("when: {metadata: {a: null}}", false),
        ("when: {queue: []}", false),
        ("words: [a]\n    message: null", false),
        ("words: [a]\n    message: 3", false),
        ("when: {overlap: {more_than_percent: 8}}", true),
        ("when: {interruption: {by: agent, at_least: 3, longer_than_secs: 1}}", true),
        ("when: {speech_rate: {less_than_per_min: 100}}", true),
        ("when: {energy: {speaker: agent, rise_db: 10}}", true),
        ("when: {energy: {rise_db: 10, louder_than_dbfs: -3}}", false),
        ("when: {duration: {shorter_than_secs: 10}}", true),
        ("when: {abrupt_end: {}}", true),
        ("when: {abrupt_end: {within_secs: 1, by: agent, closing: [bye]}}", true),
        ("when: {metadata: {a.b: {not: [1, x], more_than: 2}}}", true),
        ("when: {queue: [a, 1, true]}", true),
        ("when: {speaker: agent}", false),
        ("when: {nobody: knows}", false),
        ("words: [a]\n    when: b", false),
        (
            "must_say: [a]\n    actions: [flag, alert, block]\n    score: -1.5\n    shadow: true\n    title: t\n    owner: o",
            true,
        ),
        ("words: [a]\n    actions: [shout]", false),
        ("words: [a]\n    valid: {from: 2026-01-01, until: 2026-01-31}", true),
        ("words: [a]\n    valid: {from: soon}", false),
        ("words: [a]\n    within: {first_turns: 3}", true),
        ("words: [a]\n    within: {first_turns: 3, first_secs: 3}", false),
        ("words: [a]\n    applies_to: {tenants: [a], queues: [b], agents: [c], metadata: {d: e}}", true),
        (
            "words: [a]\n    examples: {hit: [{text: a, lane: call, duration_secs: 9}], miss: [[{agent: b, at: 0:05}]]}",
            true,
        ),
    ];
    for (body, is_right) in cases {
        let text = format!("rules:\n  - id: r\n    category: c\n    severity: high\n    {body}\n");
        assert_eq!(mistakes(&text).is_empty(), is_right, "schema: {body}: {:?}", mistakes(&text));
        assert_eq!(compiles(&text), is_right, "compiler: {body}");
    }
}
