//! What must hold for any rule file and any text, whoever wrote them; each function panics where it does not.

use std::sync::LazyLock;

use earmark_core::{Finding, Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};

/// Rules with every way of matching that there is.
const EVERYTHING: &str = include_str!("../everything.yaml");

static SETS: LazyLock<[RuleSet; 2]> = LazyLock::new(|| {
    let files = [SourceFile { path: "everything.yaml".into(), text: EVERYTHING.into() }];
    match RuleSet::compile("everything", &files) {
        Ok(set) => [RuleSet::starter(), set],
        Err(errors) => panic!("{errors}"),
    }
});

/// Separates the parts of an input.
const SEPARATOR: char = '\u{1e}';

/// A rule file, and after each separator a text: it compiles or names its mistakes, and what compiles finds what it
/// can show.
pub fn rule_file(data: &[u8]) {
    let data = String::from_utf8_lossy(data);
    let mut parts = data.split(SEPARATOR);
    let text = parts.next().unwrap_or_default().to_owned();
    match RuleSet::compile("fuzz", &[SourceFile { path: "fuzz.yaml".into(), text }]) {
        Ok(set) => {
            set.run_examples();
            set.lint();
            find(&set, &utterances(parts));
        }
        Err(errors) => {
            assert!(!errors.errors.is_empty());
            for error in &errors.errors {
                assert!(error.line > 0 && error.column > 0, "{error}");
            }
        }
    }
}

/// Utterances, parted by separators, against rules that match in every way.
pub fn texts(data: &[u8]) {
    let data = String::from_utf8_lossy(data);
    let utterances = utterances(data.split(SEPARATOR));
    for set in SETS.iter() {
        let found = find(set, &utterances);
        assert_eq!(found, set.find(&utterances, &Context::default()), "the same text, other findings");
    }
}

/// Two people in turn, half a second apart.
fn utterances<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Utterance> {
    let mut start_ms = 0;
    let mut utterances = Vec::new();
    for (number, text) in texts.enumerate() {
        let (channel, speaker) = if number % 2 == 0 { (0, Speaker::AGENT) } else { (1, Speaker::CUSTOMER) };
        let end_ms = start_ms + 1000;
        utterances.push(Utterance {
            id: number as u32,
            channel,
            speaker: Speaker(speaker.into()),
            start_ms,
            end_ms,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.into(),
            words: Vec::new(),
        });
        start_ms = end_ms + 500;
    }
    utterances
}

/// Findings, each of which can be cut out of the text again.
fn find(set: &RuleSet, utterances: &[Utterance]) -> Vec<Finding> {
    let found = set.find(utterances, &Context::default());
    for finding in &found {
        check(utterances, finding.utterance_id, finding.span, &finding.matched);
        assert!(finding.start_ms <= finding.end_ms, "{finding:?}");
        for piece in &finding.evidence {
            check(utterances, piece.utterance_id, piece.span, &piece.matched);
            assert!(piece.start_ms <= piece.end_ms, "{piece:?}");
        }
    }
    found
}

fn check(utterances: &[Utterance], id: Option<u32>, span: Option<[usize; 2]>, matched: &str) {
    let (Some(id), Some([start, end])) = (id, span) else { return };
    let text: Vec<char> = utterances[id as usize].text.chars().collect();
    assert!(start < end && end <= text.len(), "{start}..{end} of {}", text.len());
    assert_eq!(text[start..end].iter().collect::<String>(), matched);
}
