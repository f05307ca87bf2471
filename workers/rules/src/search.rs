//! From what was said to findings.

use earmark_core::{Finding, FindingKind, Lane, Speaker, Speech, Tenant, Utterance};
use serde_json::{Map, Value};

use crate::reason;
use crate::rule::{Rule, RuleKind, primary_language};
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

/// One search through one recording.
pub(crate) struct Search<'a> {
    set: &'a RuleSet,
    utterances: &'a [Utterance],
    context: &'a Context,
}

impl<'a> Search<'a> {
    pub(crate) fn new(set: &'a RuleSet, utterances: &'a [Utterance], context: &'a Context) -> Self {
        Self { set, utterances, context }
    }

    /// All findings, in order of time.
    pub(crate) fn run(&self) -> Vec<Finding> {
        let rules = self.set.rules();
        let listener = Listener::new(self.set.terms(), self.set.index(), self.utterances);
        let said = listener.said(|term, utterance| self.counts(&rules[term as usize], utterance));
        let mut findings = Vec::new();
        let mut is_said = vec![false; rules.len()];
        for said in &said {
            let rule = &rules[said.term as usize];
            if rule.within.is_some_and(|within| said.start_ms >= within.first_ms) {
                continue;
            }
            match rule.kind {
                RuleKind::Words => findings.push(self.finding(rule, said)),
                RuleKind::MustSay => is_said[said.term as usize] = true,
            }
        }
        for (rule, _) in rules.iter().zip(is_said).filter(|(rule, is_said)| rule.kind == RuleKind::MustSay && !is_said)
        {
            findings.extend(self.missing(rule));
        }
        in_order(findings)
    }

    /// Whether the rule is for the recording and for who speaks in `utterance`.
    fn counts(&self, rule: &Rule, utterance: u32) -> bool {
        let utterance = &self.utterances[utterance as usize];
        let language = utterance.language.as_deref().or(self.context.language.as_deref());
        rule.hears(&utterance.speaker) && self.is_for(rule, language)
    }

    fn is_for(&self, rule: &Rule, language: Option<&str>) -> bool {
        let to = &rule.applies_to;
        let is_language = match language {
            Some(tag) => to.languages.is_empty() || to.languages.contains(&primary_language(tag)),
            None => true,
        };
        let is_lane = self.context.lane.is_none_or(|lane| to.lanes.is_empty() || to.lanes.contains(&lane));
        let is_long = self.context.duration_ms == 0 || self.context.duration_ms >= to.min_duration_ms;
        is_language && is_lane && is_long
    }

    fn finding(&self, rule: &Rule, said: &Said) -> Finding {
        let utterance = &self.utterances[said.utterance as usize];
        let term = &self.set.terms()[said.term as usize];
        let phrase = term.phrases.get(said.phrase as usize);
        let language = self.reason_language(utterance.language.as_deref());
        Finding {
            id: String::new(),
            rule_id: rule.id.clone(),
            rule_version: rule.version,
            category: rule.category.clone(),
            severity: if said.is_by_sound() { term.severity_by_sound(rule.severity) } else { rule.severity },
            kind: said.kind,
            reason: reason::of_words(rule, &language, said, phrase.text()),
            utterance_id: Some(utterance.id),
            channel: Some(utterance.channel),
            speaker: Some(utterance.speaker.clone()),
            start_ms: said.start_ms,
            end_ms: said.end_ms,
            matched: said.matched.clone(),
            span: Some([said.span.0, said.span.1]),
            phrase: Some(phrase.text().to_owned()),
            normal: Some(said.normal.clone()),
            rule_set_sha256: Some(self.set.id().sha256.clone()),
            score: None,
            actions: Vec::new(),
            evidence: Vec::new(),
            is_shadow: false,
        }
    }

    /// What a rule with `must_say` finds when it was not said; nothing where nobody spoke who should have said it.
    fn missing(&self, rule: &Rule) -> Option<Finding> {
        let is_expected = self.utterances.iter().any(|utterance| rule.hears(&utterance.speaker));
        if !is_expected || !self.is_for(rule, self.context.language.as_deref()) {
            return None;
        }
        let last_ms = self.utterances.iter().map(|utterance| utterance.end_ms).max().unwrap_or(0);
        let end_ms = self.context.duration_ms.max(last_ms);
        Some(Finding {
            id: String::new(),
            rule_id: rule.id.clone(),
            rule_version: rule.version,
            category: rule.category.clone(),
            severity: rule.severity,
            kind: FindingKind::Missing,
            reason: reason::of_missing(rule, &self.set.terms()[rule.term], &self.reason_language(None)),
            utterance_id: None,
            channel: None,
            speaker: rule.speaker.clone().map(Speaker),
            start_ms: 0,
            end_ms: rule.within.map_or(end_ms, |within| within.first_ms.min(end_ms)),
            matched: String::new(),
            span: None,
            phrase: None,
            normal: None,
            rule_set_sha256: Some(self.set.id().sha256.clone()),
            score: None,
            actions: Vec::new(),
            evidence: Vec::new(),
            is_shadow: false,
        })
    }

    fn reason_language(&self, of_utterance: Option<&str>) -> String {
        let language = self.context.language.as_deref().filter(|tag| *tag != "und").or(of_utterance);
        language.map(primary_language).unwrap_or_else(|| "en".into())
    }
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
