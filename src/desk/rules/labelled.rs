//! Rules over labelled transcripts: what they find rightly, wrongly, and not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

use earmark_core::{Finding, Lane, RuleSetId, Speaker, Tenant, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::share::Share;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::LabelledView;

/// Longest line, in bytes: a transcript of a day.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// A transcript and what should be found in it: a line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    /// For messages.
    id: Option<String>,
    /// What was said, by turns; or `text`.
    utterances: Option<Vec<Turn>>,
    /// What somebody said.
    text: Option<String>,
    language: Option<String>,
    duration_ms: Option<u64>,
    lane: Option<Lane>,
    tenant: Option<Tenant>,
    #[serde(default)]
    metadata: Map<String, Value>,
    /// What should be found; empty: nothing.
    expect: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    text: String,
    speaker: Option<Speaker>,
    channel: Option<u16>,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
    language: Option<String>,
}

/// A finding that should be there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expected {
    /// A rule's id, or a category.
    Name(String),
    /// The same, at a place.
    At(At),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    /// A rule's id, or a category.
    #[serde(alias = "category")]
    rule: String,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
}

/// What became of the labels and findings of one name.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    expected: u64,
    found: u64,
    findings: u64,
    right: u64,
}

/// What a rule set found in labelled transcripts.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledReport {
    /// The rule set.
    pub rule_set: RuleSetId,
    /// How many transcripts there were.
    pub transcripts: u64,
    /// One for each rule or category that was expected or found.
    pub rows: Vec<LabelledView>,
}

impl Desk {
    /// Judges the transcripts in the file `path`, a JSON object a line, by the rule set `set`: recall and precision by
    /// rule.
    ///
    /// # Errors
    /// [`CommandError`] naming the line that cannot be read, or what is wrong with the set.
    pub async fn judge_labelled(&self, path: &Path, set: &str) -> Result<LabelledReport, CommandError> {
        let rules = self.rule_set(set).await?;
        let unreadable = |why: String| {
            let hint = "give a file with a JSON object a line: docs/rules-over-time.md tells its fields";
            let message = format!("the labelled transcripts in {} cannot be read: {why}", path.display());
            CommandError::plain(message, Some(hint))
        };
        let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut lines = BufReader::new(file);
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        let known = names(&rules);
        let (mut number, mut transcripts) = (0, 0);
        loop {
            let mut line = String::new();
            let read = std::io::Read::take(&mut lines, MAX_LINE_BYTES).read_line(&mut line);
            let read = read.map_err(|error| unreadable(format!("line {}: {error}", number + 1)))?;
            if read == 0 {
                break;
            }
            number += 1;
            if u64::try_from(line.len()).is_ok_and(|bytes| bytes == MAX_LINE_BYTES) {
                return Err(unreadable(format!("line {number} has more than {MAX_LINE_BYTES} bytes")));
            }
            if line.trim().is_empty() {
                continue;
            }
            let labelled: Labelled =
                serde_json::from_str(&line).map_err(|error| unreadable(format!("line {number}: {error}")))?;
            let name = labelled.id.clone().map_or_else(String::new, |id| format!(" ({id})"));
            judge(&rules, &known, labelled, &mut counts)
                .map_err(|why| unreadable(format!("line {number}{name}: {why}")))?;
            transcripts += 1;
        }
        Ok(LabelledReport { rule_set: rules.id().clone(), transcripts, rows: counts.into_iter().map(view).collect() })
    }
}

fn view((rule_id, counts): (String, Counts)) -> LabelledView {
    let Counts { expected, found, findings, right } = counts;
    let (recall, precision) = (Share::of(found, expected), Share::of(right, findings));
    LabelledView { rule_id, expected, found, recall, findings, right, precision }
}

/// What a label may name: ids and categories of the set's rules.
fn names(rules: &RuleSet) -> BTreeSet<String> {
    rules.rules().iter().flat_map(|rule| [rule.id.clone(), rule.category.clone()]).collect()
}

fn judge(
    rules: &RuleSet,
    known: &BTreeSet<String>,
    labelled: Labelled,
    counts: &mut BTreeMap<String, Counts>,
) -> Result<(), String> {
    let labels: Vec<At> = labelled
        .expect
        .into_iter()
        .map(|expected| match expected {
            Expected::Name(rule) => At { rule, start_ms: None, end_ms: None },
            Expected::At(at) => at,
        })
        .collect();
    if let Some(unknown) = labels.iter().find(|label| !known.contains(&label.rule)) {
        return Err(format!("`{}` is neither a rule nor a category of the set", unknown.rule));
    }
    let utterances = match (labelled.utterances, labelled.text) {
        (Some(turns), None) => turns.into_iter().enumerate().map(utterance).collect::<Vec<_>>(),
        (None, Some(text)) => vec![utterance((
            0,
            Turn { text, speaker: None, channel: None, start_ms: None, end_ms: None, language: None },
        ))],
        _ => return Err("give either `utterances` or `text`".into()),
    };
    let context = Context {
        duration_ms: labelled.duration_ms.unwrap_or(0),
        language: labelled.language,
        lane: labelled.lane,
        tenant: labelled.tenant,
        metadata: labelled.metadata,
        ..Context::default()
    };
    let findings = rules.find(&utterances, &context);
    for label in &labels {
        let row = counts.entry(label.rule.clone()).or_default();
        row.expected += 1;
        row.found += u64::from(findings.iter().any(|finding| meets(label, finding)));
    }
    for finding in &findings {
        let is_right = labels.iter().any(|label| meets(label, finding));
        let row = counts.entry(finding.rule_id.clone()).or_default();
        row.findings += 1;
        row.right += u64::from(is_right);
        // The category's row too, where labels name it.
        if labels.iter().any(|label| label.rule == finding.category) && finding.category != finding.rule_id {
            let row = counts.entry(finding.category.clone()).or_default();
            row.findings += 1;
            row.right += u64::from(is_right);
        }
    }
    Ok(())
}

fn utterance((number, turn): (usize, Turn)) -> Utterance {
    // Without times the turns follow each other, too far apart to be one sentence.
    let start_ms = turn.start_ms.unwrap_or(u64::try_from(number).unwrap_or(u64::MAX).saturating_mul(10_000));
    Utterance {
        id: u32::try_from(number).unwrap_or(u32::MAX),
        channel: turn.channel.unwrap_or(0),
        speaker: turn.speaker.unwrap_or_else(Speaker::unknown),
        start_ms,
        end_ms: turn.end_ms.unwrap_or(start_ms + 5_000).max(start_ms),
        time_precision: TimePrecision::Segment,
        language: turn.language,
        text: turn.text,
        words: Vec::new(),
    }
}

/// Whether `finding` is what `label` asks for: the rule or its category, and where times are given, a moment of them.
fn meets(label: &At, finding: &Finding) -> bool {
    let is_named = finding.rule_id == label.rule || finding.category == label.rule;
    let begins = label.end_ms.is_none_or(|end_ms| finding.start_ms < end_ms);
    let ends = label.start_ms.is_none_or(|start_ms| finding.end_ms > start_ms);
    is_named && begins && ends
}
