//! From what was said to findings.

use earmark_core::{Finding, Lane, Speech, Tenant, Utterance};
use serde_json::{Map, Value};

use crate::account::Account;
use crate::condition::{Condition, Owner};
use crate::logic::{Item, Logic, Recording};
use crate::rule::{Rule, primary_language};
use crate::rule_set::RuleSet;
use crate::said::{Listener, Said};

/// What is known of a recording beyond its words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Length of the recording; 0 where nobody knows: then no rule is left out for it.
    pub duration_ms: u64,
    /// ISO 639-1 of most of the speech; also the language of the reasons.
    pub language: Option<String>,
    /// How the recording came in.
    pub lane: Option<Lane>,
    /// Whose recording; none where nobody knows: then no rule is left out for it.
    pub tenant: Option<Tenant>,
    /// What the producer gave along.
    pub metadata: Map<String, Value>,
    /// When the job was accepted, in milliseconds since 1970: a rule counts within its dates of validity. None: all
    /// rules count.
    pub accepted_at_ms: Option<i64>,
    /// Where there is speech, in order of time; empty: the utterances' times stand for it.
    pub speech: Vec<Speech>,
}

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
pub(crate) struct Search<'a> {
    set: &'a RuleSet,
    recording: Recording<'a>,
    extent: Extent,
}

impl<'a> Search<'a> {
    pub(crate) fn new(set: &'a RuleSet, utterances: &'a [Utterance], context: &'a Context, extent: Extent) -> Self {
        Self { set, recording: Recording::new(utterances, context), extent }
    }

    /// All findings, in order of time.
    pub(crate) fn run(&self) -> Vec<Finding> {
        let owners = self.set.owners();
        let listener = Listener::new(self.set.terms(), self.set.index(), self.recording.utterances);
        let mut said = listener.said(|term, utterance| self.counts(&owners[term as usize], utterance));
        said.retain(|said| {
            let within = owners[said.term as usize].within;
            within.is_none_or(|within| self.recording.is_within(within, said.start_ms, Some(said.utterance as usize)))
        });
        said.sort_by_key(|said| (said.term, said.utterance, said.span));
        let rule_of = |said: &Said| owners[said.term as usize].rule;
        let mut findings = Vec::new();
        // Rules in order: those of which something was said, and those that hold without.
        let mut heard = said.chunk_by(|a, b| rule_of(a) == rule_of(b)).peekable();
        let standing: &[u32] = if self.extent.is_part() { &[] } else { self.set.standing() };
        let mut standing = standing.iter().map(|&rule| rule as usize).peekable();
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
    fn judge(&self, rule: &Rule, said: &[Said], findings: &mut Vec<Finding>) {
        let language = self.recording.context.language.as_deref();
        // What was said has its own language, and was asked for that already.
        let language = if said.is_empty() { language } else { None };
        let is_there = !self.extent.is_part() || rule.condition.is_early(self.set.owners());
        if !is_there || !self.is_for(rule, language) || !rule.valid.holds(self.recording.context.accepted_at_ms) {
            return;
        }
        let logic = Logic { said, recording: &self.recording, owners: self.set.owners() };
        let outcome = logic.evaluate(&rule.condition);
        if !outcome.holds {
            return;
        }
        let account = Account { set: self.set, recording: &self.recording, rule };
        let each = match &rule.condition {
            // These say that something is so in this recording, once.
            Condition::Any(_) => Item::earliest_first(&outcome.items).into_iter().collect(),
            _ => outcome.items,
        };
        if each.is_empty() {
            findings.push(account.without_place());
        }
        findings.extend(each.iter().map(|item| account.of(item)));
    }

    /// Whether the rule of `owner` is for the language, and for who speaks in `utterance`.
    fn counts(&self, owner: &Owner, utterance: u32) -> bool {
        let utterance = &self.recording.utterances[utterance as usize];
        let language = utterance.language.as_deref().or(self.recording.context.language.as_deref());
        owner.hears(&utterance.speaker) && is_language(&self.set.rules()[owner.rule], language)
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
            && tests.all(|test| test.holds(context).unwrap_or(is_unsaid))
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
