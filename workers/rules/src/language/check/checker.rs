//! What every part of a check needs: noting mistakes, numbers that must keep to their limits, speakers.

use std::sync::Arc;

use earmark_core::Speaker;
use earmark_rule_files::error::{RuleProblem, nearest};
use earmark_rule_files::format::{Limits, place};
use earmark_rule_files::{RuleError, SourceFile};
use earmark_words::Term;
use serde_saphyr::{Location, Spanned};

use crate::language::term_scope::TermScope;

/// Who speaks where nothing else is configured, and the word for everybody.
const SPEAKERS: [&str; 4] = [Speaker::AGENT, Speaker::CUSTOMER, Speaker::UNKNOWN, ANY];
const ANY: &str = "any";

/// The rules of one file while they are checked, and all that came of the files before.
pub(super) struct Check<'a> {
    pub(super) path: &'a str,
    /// All of the set.
    pub(super) files: &'a Arc<[SourceFile]>,
    pub(super) errors: &'a mut Vec<RuleError>,
    pub(super) terms: &'a mut Vec<Term>,
    pub(super) scopes: &'a mut Vec<TermScope>,
}

impl Check<'_> {
    pub(super) fn wrong(&mut self, at: Location, problem: RuleProblem) {
        let (line, column) = place(at);
        self.errors.push(RuleError { path: self.path.into(), line, column, problem });
    }

    /// A whole number of `field`, which must keep to its limits.
    pub(super) fn number(&mut self, field: &'static str, written: &Spanned<u32>) -> usize {
        if !Limits::of(field).contain(f64::from(written.value)) {
            self.out_of_range(field, written.value.to_string(), written.referenced);
        }
        usize::try_from(written.value).unwrap_or(usize::MAX)
    }

    /// A number of `field`, which must keep to its limits.
    pub(super) fn figure(&mut self, field: &'static str, written: &Spanned<f64>) -> f64 {
        let limits = Limits::of(field);
        if !limits.contain(written.value) {
            self.out_of_range(field, plain(written.value), written.referenced);
        }
        written.value.clamp(limits.least, limits.most)
    }

    pub(super) fn out_of_range(&mut self, field: &str, value: String, at: Location) {
        let limits = Limits::of(field).to_string();
        self.wrong(at, RuleProblem::OutOfRange { field: field.into(), value, limits });
    }

    /// Seconds as milliseconds.
    pub(super) fn millis(&mut self, field: &'static str, written: &Spanned<f64>) -> u64 {
        let secs = self.figure(field, written);
        #[expect(clippy::as_conversions, reason = "0 to a year in milliseconds, rounded")]
        let millis = (secs * 1000.0).round() as u64;
        millis
    }

    pub(super) fn speaker(&mut self, speaker: Spanned<String>) -> Option<String> {
        let name = speaker.value.trim();
        if name.is_empty() {
            self.wrong(speaker.referenced, RuleProblem::EmptyText("speaker"));
        } else if !SPEAKERS.contains(&name)
            && let Some(meant) = nearest(name, &SPEAKERS)
        {
            // Other names are allowed: the configuration may give the channels any.
            self.wrong(speaker.referenced, RuleProblem::UnknownSpeaker { value: name.into(), meant });
        }
        (name != ANY).then(|| name.to_owned())
    }
}

/// A number as people write it, very large ones with an exponent.
fn plain(number: f64) -> String {
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:?}") }
}
