//! The examples that stand in the rules, run as tests.

use earmark_core::{Finding, Speaker, TimePrecision, Utterance};

use crate::format::ExampleText;
use crate::rule::{Example, Rule};
use crate::rule_set::RuleSet;
use crate::search::Context;

/// A pause that no sentence goes on over.
const TURN_GAP_MS: u64 = 2_000;
const MS_PER_CHARACTER: u64 = 200;

/// What the examples of a rule set showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExampleReport {
    /// How many were run.
    pub count: usize,
    /// Those that did not do what they should; empty when all is well.
    pub failures: Vec<ExampleFailure>,
}

/// An example that did not do what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleFailure {
    /// Of which rule.
    pub rule_id: String,
    /// The file it stands in.
    pub path: String,
    /// Line in that file, from 1.
    pub line: u64,
    /// The example; turns of a dialogue as `speaker: words`, joined by ` / `.
    pub text: String,
    /// Whether it should have been a hit.
    pub should_hit: bool,
    /// What the rule found in it.
    pub found: Vec<Finding>,
}

impl RuleSet {
    /// Runs every example of every rule through the whole set.
    pub fn run_examples(&self) -> ExampleReport {
        let mut report = ExampleReport::default();
        for rule in self.rules() {
            let hits = rule.hits.iter().map(|example| (true, example));
            let misses = rule.misses.iter().map(|example| (false, example));
            for (should_hit, example) in hits.chain(misses) {
                report.count += 1;
                let found = self.run_example(rule, example);
                if found.is_empty() == should_hit {
                    report.failures.push(ExampleFailure {
                        rule_id: rule.id.clone(),
                        path: rule.path.clone(),
                        line: example.line,
                        text: example.text.to_string(),
                        should_hit,
                        found,
                    });
                }
            }
        }
        report
    }

    fn run_example(&self, rule: &Rule, example: &Example) -> Vec<Finding> {
        let speaker = rule.speaker.as_deref().unwrap_or(Speaker::UNKNOWN);
        let one = |text: &String| vec![(speaker.to_owned(), text.clone())];
        let turns = match &example.text {
            ExampleText::One(text) => one(text),
            ExampleText::Dialogue(turns) => turns.clone(),
        };
        let utterances = utterances(&turns);
        let end_ms = utterances.last().map_or(0, |utterance| utterance.end_ms);
        let context = Context {
            duration_ms: end_ms.max(rule.applies_to.min_duration_ms),
            language: rule.applies_to.languages.first().cloned(),
            ..Context::default()
        };
        let mut found = self.find(&utterances, &context);
        found.retain(|finding| finding.rule_id == rule.id);
        found
    }
}

/// `turns` (speaker, words) as utterances, a channel for each speaker.
fn utterances(turns: &[(String, String)]) -> Vec<Utterance> {
    let mut speakers: Vec<&str> = Vec::new();
    let mut utterances: Vec<Utterance> = Vec::new();
    for (number, (speaker, text)) in turns.iter().enumerate() {
        let known = speakers.iter().position(|known| known == speaker);
        let channel = known.unwrap_or_else(|| {
            speakers.push(speaker);
            speakers.len() - 1
        });
        let start_ms = utterances.last().map_or(0, |before| before.end_ms + TURN_GAP_MS);
        utterances.push(Utterance {
            id: u32::try_from(number).unwrap_or(u32::MAX),
            channel: u16::try_from(channel).unwrap_or(u16::MAX),
            speaker: Speaker(speaker.clone()),
            start_ms,
            end_ms: start_ms + text.chars().count() as u64 * MS_PER_CHARACTER,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.clone(),
            words: Vec::new(),
        });
    }
    utterances
}
