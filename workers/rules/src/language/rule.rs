//! A rule, read and checked.

use std::collections::BTreeMap;
use std::ops::Range;

use earmark_core::{Action, Lane, Severity};
use earmark_rule_files::format::ExampleText;

use crate::language::condition::Condition;
use crate::language::field_test::FieldTest;
use crate::recording::within::Within;

/// One rule: what it asks, of which recordings, and what a finding of it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique in its set.
    pub id: String,
    /// As the rule states it.
    pub(crate) version: Option<u32>,
    /// A name for people.
    pub(crate) title: Option<String>,
    /// Who answers for it.
    pub(crate) owner: Option<String>,
    /// What kind of thing it finds.
    pub category: String,
    /// How grave a finding is.
    pub(crate) severity: Severity,
    /// Weight of a finding.
    pub(crate) score: Option<f64>,
    /// What a finding sets off; empty: it is in the report.
    pub(crate) actions: Vec<Action>,
    /// When it counts.
    pub(crate) valid: Valid,
    /// On trial: evaluated and recorded, never told.
    pub(crate) is_shadow: bool,
    /// Whose words count; none: anybody's. Where nobody knows who speaks, the words count as well.
    pub speaker: Option<String>,
    /// Which recordings it is for.
    pub applies_to: AppliesTo,
    /// The part of the recording that counts.
    pub(crate) within: Option<Within>,
    /// Must not be said, must be, or a condition.
    pub(crate) kind: RuleKind,
    /// What it asks.
    pub(crate) condition: Condition,
    /// What is looked for: places in the terms of the set.
    pub(crate) terms: Range<usize>,
    /// What a finding says, by language; the key of a message in no particular language is empty.
    pub(crate) message: BTreeMap<String, String>,
    /// The file that holds it.
    pub(crate) path: String,
    /// Line in that file, from 1.
    pub(crate) line: u64,
    pub(crate) hits: Vec<Example>,
    pub(crate) misses: Vec<Example>,
}

/// What kind of rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleKind {
    /// Every place where one of the words is said is a finding.
    Words,
    /// One finding when none of the phrases is said.
    MustSay,
    /// A condition under `when`.
    When,
}

/// Which recordings a rule is for; what is not known of a recording excludes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppliesTo {
    /// ISO 639-1; empty: all.
    pub(crate) languages: Vec<String>,
    /// How the recording came in; empty: in any way.
    pub(crate) lanes: Vec<Lane>,
    /// Shorter recordings are left alone.
    pub(crate) min_duration_ms: u64,
    /// Whose recordings; empty: everybody's.
    pub(crate) tenants: Vec<String>,
    /// Of what the producer gave along; all of them.
    pub(crate) fields: Vec<FieldTest>,
}

/// When a rule counts, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Valid {
    /// Not before; none: always was.
    pub(crate) from_ms: Option<i64>,
    /// Not from here on; none: for good.
    pub(crate) until_ms: Option<i64>,
}

/// An example with the place where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Example {
    pub(crate) line: u64,
    pub(crate) text: ExampleText,
}

impl Rule {
    /// The message in `language`, else in English, else any; the title or the category where there is none.
    pub(crate) fn message_in(&self, language: &str) -> &str {
        let first = self.message.values().next();
        let message = self.message.get(language).or_else(|| self.message.get("")).or_else(|| self.message.get("en"));
        message.or(first).or(self.title.as_ref()).map_or(&self.category, String::as_str)
    }
}

impl AppliesTo {
    /// Each thing asked of a recording beside its language, in English: `queue is vip`; empty: nothing is.
    pub fn in_words(&self) -> Vec<String> {
        let mut asked = Vec::new();
        if !self.lanes.is_empty() {
            let lanes: Vec<String> = self.lanes.iter().map(ToString::to_string).collect();
            asked.push(format!("lane is {}", lanes.join(", ")));
        }
        if !self.tenants.is_empty() {
            asked.push(format!("tenant is {}", self.tenants.join(", ")));
        }
        if self.min_duration_ms > 0 {
            asked.push(format!("length is at least {}", earmark_core::minutes_seconds(self.min_duration_ms)));
        }
        asked.extend(self.fields.iter().map(|test| test.describe("en")));
        asked
    }
}

impl Valid {
    /// Whether the rule counts at `ms`; always where nobody knows when it is.
    pub(crate) fn holds(&self, ms: Option<i64>) -> bool {
        ms.is_none_or(|ms| self.from_ms.is_none_or(|from| from <= ms) && self.until_ms.is_none_or(|until| ms < until))
    }
}
