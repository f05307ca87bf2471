//! The starter set on what the built-in engine heard in the recorded dialogues: `heard/dialogues.json` holds its texts
//! word for word, mishearings included, beside the phrases that were really said.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

use earmark_core::{Finding, Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet};
use pinyin::ToPinyinMulti;
use serde_json::Value;

/// The engine's times within a clip may be off by so much.
const SLACK_MS: u64 = 3000;

fn recordings() -> Vec<Value> {
    let heard: Value = serde_json::from_str(include_str!("heard/dialogues.json")).unwrap();
    heard["recordings"].as_array().unwrap().clone()
}

fn utterances(recording: &Value) -> Vec<Utterance> {
    let utterance = |(id, said): (usize, &Value)| Utterance {
        id: id as u32,
        channel: said["channel"].as_u64().unwrap() as u16,
        speaker: Speaker(said["speaker"].as_str().unwrap().into()),
        start_ms: said["start_ms"].as_u64().unwrap(),
        end_ms: said["end_ms"].as_u64().unwrap(),
        time_precision: TimePrecision::Segment,
        language: None,
        text: said["text"].as_str().unwrap().into(),
        words: Vec::new(),
    };
    recording["utterances"].as_array().unwrap().iter().enumerate().map(utterance).collect()
}

fn findings(recording: &Value, utterances: &[Utterance]) -> Vec<Finding> {
    let context = Context {
        duration_ms: recording["duration_ms"].as_u64().unwrap(),
        language: recording["language"].as_str().map(Into::into),
        ..Context::default()
    };
    RuleSet::starter().find(utterances, &context)
}

/// What `text` sounds like, position by position: all toneless readings of a Chinese character, or the letter itself.
fn sounds(text: &str) -> Vec<Vec<String>> {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters
        .map(|c| match c.to_pinyin_multi() {
            Some(readings) => readings.into_iter().map(|reading| reading.plain().to_owned()).collect(),
            None => vec![c.to_lowercase().to_string()],
        })
        .collect()
}

/// Whether `phrase`, or something that sounds the same, stands in `text`.
fn is_heard(phrase: &str, text: &str) -> bool {
    let (phrase, text) = (sounds(phrase), sounds(text));
    let is_alike = |(a, b): (&Vec<String>, &Vec<String>)| a.iter().any(|reading| b.contains(reading));
    text.windows(phrase.len()).any(|window| window.iter().zip(&phrase).all(is_alike))
}

#[test]
fn every_planted_phrase_whose_characters_or_sound_were_heard_is_found() {
    let (mut planted, mut heard) = (0, 0);
    for recording in recordings() {
        let utterances = utterances(&recording);
        let found = findings(&recording, &utterances);
        for phrase in recording["planted"].as_array().unwrap() {
            planted += 1;
            let (text, category) = (phrase["phrase"].as_str().unwrap(), phrase["category"].as_str().unwrap());
            let (start, end) = (phrase["start_ms"].as_u64().unwrap(), phrase["end_ms"].as_u64().unwrap());
            let (start, end) = (start.saturating_sub(SLACK_MS), end + SLACK_MS);
            let near = utterances.iter().filter(|said| said.start_ms < end && start < said.end_ms);
            if !near.into_iter().any(|said| is_heard(text, &said.text)) {
                continue;
            }
            heard += 1;
            let is_there =
                |finding: &&Finding| finding.category == category && finding.start_ms < end && start < finding.end_ms;
            assert!(found.iter().any(|finding| is_there(&finding)), "{}: {text}", recording["recording"]);
        }
    }
    // Were the comparison broken, nothing would be heard and nothing asked for.
    assert!(planted >= 40 && heard * 10 >= planted * 9, "{heard} of {planted}");
}

#[test]
fn in_calls_without_a_breach_nothing_is_found() {
    let clean: Vec<Value> = recordings().into_iter().filter(|recording| recording["is_clean"] == true).collect();
    assert!(clean.len() >= 5, "{}", clean.len());
    for recording in clean {
        assert_eq!(findings(&recording, &utterances(&recording)), [], "{}", recording["recording"]);
    }
}
