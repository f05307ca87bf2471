//! The examples that stand in the rules, run as tests.

use earmark_core::{Finding, Speaker, Speech, Tenant, TimePrecision, Utterance};
use earmark_rule_files::format::Turn;

use crate::judge::judgement::{Extent, Judgement};
use crate::language::compiled::CompiledRules;
use crate::language::rule::{Example, Rule};
use crate::recording::context::Context;

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

/// Runs every example of every rule of `set` through the whole set.
pub(crate) fn run(set: &CompiledRules) -> ExampleReport {
    let mut report = ExampleReport::default();
    for rule in set.rules() {
        let hits = rule.hits.iter().map(|example| (true, example));
        let misses = rule.misses.iter().map(|example| (false, example));
        for (should_hit, example) in hits.chain(misses) {
            report.count += 1;
            let found = run_example(set, rule, example);
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

fn run_example(set: &CompiledRules, rule: &Rule, example: &Example) -> Vec<Finding> {
    let speaker = rule.speaker.as_deref().unwrap_or(Speaker::UNKNOWN);
    let (utterances, speech) = spoken(&example.text.turns, speaker);
    let last_ms = utterances.last().map_or(0, |utterance| utterance.end_ms);
    let known = example.text.recording.clone();
    let tenant = known.tenant.and_then(|tenant| Tenant::parse(&tenant).ok());
    let context = Context {
        duration_ms: known.duration_ms.unwrap_or_else(|| last_ms.max(rule.applies_to.min_duration_ms)),
        language: known.language.or_else(|| rule.applies_to.languages.first().cloned()),
        lane: known.lane,
        tenant,
        metadata: known.metadata.unwrap_or_default(),
        accepted_at_ms: None,
        speech,
    };
    let mut found = Judgement::new(set, &utterances, &context, Extent::Trial).run();
    found.retain(|finding| finding.rule_id == rule.id);
    found
}

impl ExampleFailure {
    /// What should have been found and what was, a line each: `- expected …`, `+ found …`.
    pub fn difference(&self) -> Vec<String> {
        let rule = &self.rule_id;
        if self.should_hit {
            return vec![format!("- expected a finding of `{rule}`"), "+ found nothing".into()];
        }
        let mut lines = vec![format!("- expected no finding of `{rule}`")];
        for finding in &self.found {
            let at = finding.clock();
            let phrase = finding.phrase.as_deref().map_or_else(String::new, |phrase| format!(", by `{phrase}`"));
            let kind = serde_json::to_value(finding.kind).unwrap_or_default();
            let kind = kind.as_str().unwrap_or_default();
            lines.push(format!("+ found “{}” at {at} ({kind}{phrase}): {}", finding.matched, finding.reason));
        }
        lines
    }
}

/// `turns` as utterances, a channel for each speaker, and the speech where a level is given.
fn spoken(turns: &[Turn], rule_speaker: &str) -> (Vec<Utterance>, Vec<Speech>) {
    let mut speakers: Vec<&str> = Vec::new();
    let mut utterances: Vec<Utterance> = Vec::new();
    let mut speech = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        let speaker = turn.speaker.as_deref().unwrap_or(rule_speaker);
        let known = speakers.iter().position(|known| *known == speaker);
        let channel = known.unwrap_or_else(|| {
            speakers.push(speaker);
            speakers.len() - 1
        });
        let channel = u16::try_from(channel).unwrap_or(u16::MAX);
        let pause_ms = turn.pause_ms.unwrap_or(TURN_GAP_MS);
        let behind_ms = utterances.last().map_or(turn.pause_ms.unwrap_or(0), |before| before.end_ms + pause_ms);
        let start_ms = turn.at_ms.unwrap_or(behind_ms);
        let lasts_ms = turn.lasts_ms.unwrap_or_else(|| turn.text.chars().map(|_| MS_PER_CHARACTER).sum());
        if let Some(dbfs) = turn.dbfs {
            speech.push(Speech { channel, start_ms, end_ms: start_ms + lasts_ms, level_dbfs: Some(dbfs) });
        }
        utterances.push(Utterance {
            id: u32::try_from(number).unwrap_or(u32::MAX),
            channel,
            speaker: Speaker(speaker.to_owned()),
            start_ms,
            end_ms: start_ms + lasts_ms,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: turn.text.clone(),
            words: Vec::new(),
        });
    }
    utterances.sort_by_key(|utterance| (utterance.start_ms, utterance.id));
    (utterances, speech)
}
