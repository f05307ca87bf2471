//! The starter set does what it promises.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

use earmark_core::{Finding, FindingKind, Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet};
use serde_json::Value;

#[test]
fn every_example_of_the_starter_set_does_what_it_says() {
    let report = RuleSet::starter().run_examples();
    assert!(report.count > 100, "{}", report.count);
    let failures: Vec<String> = report
        .failures
        .iter()
        .map(|failure| {
            let found: Vec<_> = failure.found.iter().map(|finding| &finding.reason).collect();
            let (path, line) = (&failure.path, failure.line);
            format!(
                "{path}:{line} {} `{}` should hit: {} found {found:?}",
                failure.rule_id, failure.text, failure.should_hit
            )
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn the_starter_set_has_nothing_to_warn_of_but_short_homophones() {
    let lint = RuleSet::starter().lint();
    let others: Vec<String> =
        lint.warnings.iter().map(ToString::to_string).filter(|w| !w.contains("matched by sound")).collect();
    assert!(others.is_empty(), "\n{}", others.join("\n"));
    assert!(lint.rules >= 15 && lint.words >= 300, "{} {}", lint.rules, lint.words);
}

fn manifest() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/manifest.json");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let items = manifest["items"].as_array().unwrap().clone();
    items.into_iter().filter(|item| item.get("dialogue").is_some()).collect()
}

/// The true transcript, cut into clauses or turns; without speakers as in a recording of one channel.
fn transcript(item: &Value, in_clauses: bool, has_speakers: bool) -> Vec<Utterance> {
    let ms = |value: &Value| (value.as_f64().unwrap() * 1000.0) as u64;
    let mut utterances = Vec::new();
    for turn in item["segments"].as_array().unwrap() {
        let whole = vec![turn.clone()];
        let pieces = if in_clauses { turn["clauses"].as_array().unwrap() } else { &whole };
        for piece in pieces {
            utterances.push(Utterance {
                id: utterances.len() as u32,
                channel: if has_speakers { turn["channel"].as_u64().unwrap() as u16 } else { 0 },
                speaker: Speaker(if has_speakers {
                    turn["speaker"].as_str().unwrap().into()
                } else {
                    "unknown".into()
                }),
                start_ms: ms(&piece["start_s"]),
                end_ms: ms(&piece["end_s"]),
                time_precision: TimePrecision::Segment,
                language: None,
                text: piece["text"].as_str().unwrap().into(),
                words: Vec::new(),
            });
        }
    }
    utterances
}

fn findings(item: &Value, utterances: &[Utterance]) -> Vec<Finding> {
    let language = item["language"].as_str().unwrap();
    let duration_ms = (item["duration_s"].as_f64().unwrap() * 1000.0) as u64;
    let context = Context { duration_ms, language: Some(language.into()), ..Context::default() };
    RuleSet::starter().find(utterances, &context)
}

#[test]
fn on_true_transcripts_every_planted_phrase_is_found_and_nothing_on_clean_calls() {
    for item in manifest() {
        let name = item["file"].as_str().unwrap();
        for (in_clauses, has_speakers) in [(false, true), (true, true), (false, false), (true, false)] {
            let utterances = transcript(&item, in_clauses, has_speakers);
            let found = findings(&item, &utterances);
            let case = format!("{name}, clauses {in_clauses}, speakers {has_speakers}");
            if name.contains("clean") {
                assert!(found.is_empty(), "{case}: {found:#?}");
            }
            for phrase in item["phrases"].as_array().unwrap().iter().filter(|phrase| phrase["kind"] == "planted") {
                let text = phrase["phrase"].as_str().unwrap();
                let clause = (phrase["clause_start_s"].as_f64().unwrap(), phrase["clause_end_s"].as_f64().unwrap());
                let is_there = |finding: &&Finding| {
                    let (start, end) = (finding.start_ms as f64 / 1000.0, finding.end_ms as f64 / 1000.0);
                    finding.category == phrase["category"] && start < clause.1 && clause.0 < end
                };
                let hit = found.iter().find(is_there);
                assert!(hit.is_some(), "{case}: `{text}` not found in {found:#?}");
            }
            let has_notice = item["missing_required"].as_array().unwrap().is_empty();
            let is_missing = found.iter().any(|finding| finding.kind == FindingKind::Missing);
            assert_eq!(has_notice, !is_missing, "{case}: {found:#?}");
        }
    }
}

#[test]
fn what_a_recogniser_misheard_is_found_by_its_sound() {
    let cases = [
        ("您加威信，我把资料发给您", "zh-off-channel", "加威信"),
        ("可以，您假微信", "zh-off-channel", "假微信"),
        ("这款是薄本保锡的", "zh-guaranteed-return", "薄本保锡"),
        ("完全凌风险", "zh-guaranteed-return", "凌风险"),
        ("你要不要连。", "zh-abuse", "要不要连"),
        ("我会打给饮宝监会", "zh-regulator", "饮宝监会"),
    ];
    for (text, rule, matched) in cases {
        let found = RuleSet::starter().find_in_text(text);
        let found: Vec<_> = found.iter().map(|f| (f.rule_id.as_str(), f.matched.as_str(), f.kind)).collect();
        assert_eq!(found, [(rule, matched, FindingKind::Homophone)], "{text}");
    }
}

#[test]
fn known_false_alarms_stay_silent() {
    let texts = [
        "前面路口交通拥堵",
        "吃点三黄片",
        "中国共产党",
        "尾号是695",
        "room 22b",
        "the stars",
        "我女儿来办",
        "你干什么工作",
        "我们的员工不会要求您家危险，也请不要向任何人透露愿政马。",
        "昨天有人让我家为谢，说文赚不配，是你们的人吗。",
        "Hello somebody phoned me yesterday and offered guaranteed returns on a bond was that you",
        "Our staff will never ask for your password.",
    ];
    for text in texts {
        assert_eq!(RuleSet::starter().find_in_text(text), [], "{text}");
    }
}
