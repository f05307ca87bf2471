//! Rules, dialogues and rows of both for the tests of conditions.
#![allow(dead_code, reason = "each test file uses some of it")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

use earmark_core::{Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};

/// A condition, a dialogue, and what is found: where it begins (ms) and all that was heard, in order of time.
pub struct Case(pub &'static str, pub &'static str, pub &'static [&'static str]);

/// A set of one rule with `body`.
pub fn rules(body: &str) -> RuleSet {
    let text = format!("rules:\n  - id: r\n    category: c\n    severity: high\n{body}");
    match RuleSet::compile("test", &[SourceFile { path: "rules.yaml".into(), text }]) {
        Ok(set) => set,
        Err(errors) => panic!("{body}\n{errors}"),
    }
}

/// The body of a rule with a condition: a word, or fields.
pub fn when(condition: &str) -> String {
    let is_fields = condition.contains(": ") && !condition.starts_with('{');
    if is_fields { format!("    when: {{{condition}}}\n") } else { format!("    when: {condition}\n") }
}

/// A recording of 100 s in Chinese.
pub fn context() -> Context {
    Context { duration_ms: 100_000, language: Some("zh".into()), ..Context::default() }
}

/// An utterance; each character takes a second.
pub fn said(id: u32, channel: u16, speaker: &str, start_ms: u64, text: &str) -> Utterance {
    Utterance {
        id,
        channel,
        speaker: Speaker(speaker.into()),
        start_ms,
        end_ms: start_ms + 1000 * text.chars().count() as u64,
        time_precision: TimePrecision::Segment,
        language: None,
        text: text.into(),
        words: Vec::new(),
    }
}

/// `a 0: 您好 | c 9.5: 嗯`: agent (channel 0) from 0 s, customer (channel 1) from 9.5 s; `u` is unknown.
pub fn dialogue(text: &str) -> Vec<Utterance> {
    let mut utterances = Vec::new();
    for turn in text.split(" | ").filter(|turn| !turn.is_empty()) {
        let (head, words) = turn.split_once(": ").expect("who, when: what");
        let (who, secs) = head.split_once(' ').expect("who and when");
        let (channel, speaker) = match who {
            "a" => (0, "agent"),
            "c" => (1, "customer"),
            _ => (0, "unknown"),
        };
        let start_ms = (secs.parse::<f64>().expect("seconds") * 1000.0) as u64;
        utterances.push(said(utterances.len() as u32, channel, speaker, start_ms, words));
    }
    utterances
}

/// Runs every row.
pub fn each(cases: &[Case]) {
    for Case(condition, text, expected) in cases {
        let found = rules(&when(condition)).find(&dialogue(text), &context());
        let shown: Vec<String> = found
            .iter()
            .map(|finding| {
                let heard: Vec<_> = finding.evidence.iter().map(|evidence| evidence.matched.as_str()).collect();
                let heard = if finding.evidence.is_empty() { finding.matched.clone() } else { heard.join(",") };
                format!("{}:{heard}", finding.start_ms)
            })
            .collect();
        assert_eq!(&shown, expected, "{condition} in {text}: {found:#?}");
    }
}
