//! From what was said to findings.

use earmark_core::{Finding, Utterance};

use crate::judge::cluster::Cluster;
use crate::judge::evaluation::Evaluation;
use crate::judge::field;
use crate::judge::mentions::{Mention, MentionFinder};
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

/// One rule set held against one recording.
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
        let finder = MentionFinder::new(self.set.terms(), self.set.finder(), self.recording.utterances);
        let mut mentions = finder.mentions(|term, utterance| self.counts(&scopes[term], utterance));
        mentions.retain(|mention| {
            let within = scopes[mention.term].within;
            within.is_none_or(|within| self.recording.is_within(within, mention.start_ms, Some(mention.utterance)))
        });
        mentions.sort_by_key(|mention| (mention.term, mention.utterance, mention.span));
        let rule_of = |mention: &Mention| scopes[mention.term].rule;
        let mut findings = Vec::new();
        // Rules in order: those of which something was said, and those that hold without.
        let mut heard = mentions.chunk_by(|a, b| rule_of(a) == rule_of(b)).peekable();
        let standing: &[usize] = if self.extent.is_part() { &[] } else { self.set.standing() };
        let mut standing = standing.iter().copied().peekable();
        loop {
            let next_heard = heard.peek().map(|mentions| rule_of(&mentions[0]));
            let next_standing = standing.peek().copied();
            let number = match (next_heard, next_standing) {
                (Some(heard), Some(standing)) => heard.min(standing),
                (heard, standing) => match heard.or(standing) {
                    Some(number) => number,
                    None => break,
                },
            };
            standing.next_if_eq(&number);
            let mentions = heard.next_if(|mentions| rule_of(&mentions[0]) == number).unwrap_or_default();
            self.hold_rule(&self.set.rules()[number], mentions, &mut findings);
        }
        in_order(findings)
    }

    /// What `rule` makes of the `mentions` of its terms.
    fn hold_rule(&self, rule: &Rule, mentions: &[Mention], findings: &mut Vec<Finding>) {
        let language = self.recording.context.language.as_deref();
        // What was said has its own language, and was asked for that already.
        let language = if mentions.is_empty() { language } else { None };
        let is_there = !self.extent.is_part() || rule.condition.is_early(self.set.scopes());
        if !is_there || !self.is_for(rule, language) || !rule.valid.holds(self.recording.context.accepted_at_ms) {
            return;
        }
        let evaluation = Evaluation { mentions, recording: &self.recording, scopes: self.set.scopes() };
        let outcome = evaluation.evaluate(&rule.condition);
        if !outcome.holds {
            return;
        }
        let rule_findings = RuleFindings { set: self.set, recording: &self.recording, rule };
        let each = match &rule.condition {
            // These say that something is so in this recording, once.
            Condition::Any(_) => Cluster::earliest_first(&outcome.clusters).into_iter().collect(),
            _ => outcome.clusters,
        };
        if each.is_empty() {
            findings.push(rule_findings.without_place());
        }
        findings.extend(each.iter().map(|cluster| rule_findings.of(cluster)));
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
