//! From what was said to findings.

use earmark_core::{Finding, Utterance};

use crate::judge::cluster::Cluster;
use crate::judge::evaluation::Evaluation;
use crate::judge::field;
use crate::judge::mentions::{Mention, Mentions};
use crate::judge::rule_findings::RuleFindings;
use crate::language::compiled::CompiledRules;
use crate::language::condition::Condition;
use crate::language::rule::Rule;
use crate::language::term_scope::TermScope;
use crate::recording::context::Context;
use crate::recording::facts::Recording;
use crate::recording::language_tag::primary_language;

/// How much of a recording is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// A part: only what no later word takes back is found.
    Part,
    /// An example: what the producer would have given along is not known.
    Trial,
    /// One text: a part of something of which nothing else is known, nor what the producer would have given along.
    Text,
}

impl Extent {
    /// Whether more may follow.
    fn is_part(self) -> bool {
        matches!(self, Self::Part | Self::Text)
    }

    /// Whether what the producer gave along is unknown, not absent.
    fn is_unsaid(self) -> bool {
        matches!(self, Self::Trial | Self::Text)
    }
}

/// One search through one recording.
pub(crate) struct Judgement<'a> {
    set: &'a CompiledRules,
    recording: Recording<'a>,
    extent: Extent,
}

impl<'a> Judgement<'a> {
    pub(crate) fn new(
        set: &'a CompiledRules,
        utterances: &'a [Utterance],
        context: &'a Context,
        extent: Extent,
    ) -> Self {
        Self { set, recording: Recording::new(utterances, context), extent }
    }

    /// All findings, in order of time.
    pub(crate) fn run(&self) -> Vec<Finding> {
        let scopes = self.set.scopes();
        let listener = Mentions::new(self.set.terms(), self.set.finder(), self.recording.utterances);
        let mut said = listener.said(|term, utterance| self.counts(&scopes[term], utterance));
        said.retain(|said| {
            let within = scopes[said.term].within;
            within.is_none_or(|within| self.recording.is_within(within, said.start_ms, Some(said.utterance)))
        });
        said.sort_by_key(|said| (said.term, said.utterance, said.span));
        let rule_of = |said: &Mention| scopes[said.term].rule;
        let mut findings = Vec::new();
        // Rules in order: those of which something was said, and those that hold without.
        let mut heard = said.chunk_by(|a, b| rule_of(a) == rule_of(b)).peekable();
        let standing: &[usize] = if self.extent.is_part() { &[] } else { self.set.standing() };
        let mut standing = standing.iter().copied().peekable();
        loop {
            let next_heard = heard.peek().map(|said| rule_of(&said[0]));
            let next_standing = standing.peek().copied();
            let number = match (next_heard, next_standing) {
                (Some(heard), Some(standing)) => heard.min(standing),
                (heard, standing) => match heard.or(standing) {
                    Some(number) => number,
                    None => break,
                },
            };
            standing.next_if_eq(&number);
            let said = heard.next_if(|said| rule_of(&said[0]) == number).unwrap_or_default();
            self.judge(&self.set.rules()[number], said, &mut findings);
        }
        in_order(findings)
    }

    /// What `rule` makes of what was `said` of its terms.
    fn judge(&self, rule: &Rule, said: &[Mention], findings: &mut Vec<Finding>) {
        let language = self.recording.context.language.as_deref();
        // What was said has its own language, and was asked for that already.
        let language = if said.is_empty() { language } else { None };
        let is_there = !self.extent.is_part() || rule.condition.is_early(self.set.scopes());
        if !is_there || !self.is_for(rule, language) || !rule.valid.holds(self.recording.context.accepted_at_ms) {
            return;
        }
        let logic = Evaluation { said, recording: &self.recording, scopes: self.set.scopes() };
        let outcome = logic.evaluate(&rule.condition);
        if !outcome.holds {
            return;
        }
        let account = RuleFindings { set: self.set, recording: &self.recording, rule };
        let each = match &rule.condition {
            // These say that something is so in this recording, once.
            Condition::Any(_) => Cluster::earliest_first(&outcome.items).into_iter().collect(),
            _ => outcome.items,
        };
        if each.is_empty() {
            findings.push(account.without_place());
        }
        findings.extend(each.iter().map(|item| account.of(item)));
    }

    /// Whether the rule of `scope` is for the language, and for who speaks in `utterance`.
    fn counts(&self, scope: &TermScope, utterance: usize) -> bool {
        let utterance = &self.recording.utterances[utterance];
        let language = utterance.language.as_deref().or(self.recording.context.language.as_deref());
        scope.hears(&utterance.speaker) && is_language(&self.set.rules()[scope.rule], language)
    }

    fn is_for(&self, rule: &Rule, language: Option<&str>) -> bool {
        let to = &rule.applies_to;
        let context = self.recording.context;
        let is_lane = context.lane.is_none_or(|lane| to.lanes.is_empty() || to.lanes.contains(&lane));
        let is_long = context.duration_ms == 0 || context.duration_ms >= to.min_duration_ms;
        let tenant = context.tenant.as_ref().map(|tenant| tenant.as_str());
        let is_tenant =
            to.tenants.is_empty() || tenant.is_none_or(|tenant| to.tenants.iter().any(|name| name == tenant));
        let is_unsaid = self.extent.is_unsaid();
        let mut tests = to.fields.iter();
        is_language(rule, language)
            && is_lane
            && is_long
            && is_tenant
            && tests.all(|test| field::holds(test, context).unwrap_or(is_unsaid))
    }
}

fn is_language(rule: &Rule, language: Option<&str>) -> bool {
    let languages = &rule.applies_to.languages;
    language.is_none_or(|tag| languages.is_empty() || languages.contains(&primary_language(tag)))
}

/// By time, with ids `f1`, `f2`, …
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.start_ms, finding.end_ms, finding.channel, finding.span);
        key(a).cmp(&key(b)).then_with(|| a.rule_id.cmp(&b.rule_id))
    });
    for (number, finding) in findings.iter_mut().enumerate() {
        finding.id = format!("f{}", number + 1);
    }
    findings
}
