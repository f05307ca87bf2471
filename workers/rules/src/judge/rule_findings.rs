//! Findings of one rule: place, words, weight and why.

use earmark_core::{Evidence, Finding, FindingKind, Speaker};
use earmark_words::Way;

use crate::judge::cluster::{Cluster, Spot};
use crate::judge::mentions::Mention;
use crate::judge::reason;
use crate::language::compiled::CompiledRules;
use crate::language::condition::Condition;
use crate::language::rule::Rule;
use crate::recording::facts::Recording;
use crate::recording::language_tag::primary_language;

/// Makes the findings of one rule in one recording.
pub(crate) struct RuleFindings<'a> {
    pub(crate) set: &'a CompiledRules,
    pub(crate) recording: &'a Recording<'a>,
    pub(crate) rule: &'a Rule,
}

impl RuleFindings<'_> {
    /// The finding that `cluster` shows.
    pub(crate) fn of(&self, cluster: &Cluster) -> Finding {
        let Some(lead) = cluster.spots.first() else { return self.without_place() };
        let language = self.language(lead.mention());
        let all_voice = cluster.spots.iter().all(|spot| spot.mention().is_none());
        let (kind, reason) = match (&self.rule.condition, lead) {
            (Condition::Term(_), Spot::Mention(mention)) => (
                mention.kind,
                reason::of_words(self.rule, &language, mention, self.phrase(mention), &self.merged(mention)),
            ),
            _ => {
                let kind = if all_voice { FindingKind::Voice } else { FindingKind::Combination };
                (kind, reason::of_combination(self.set, self.recording, self.rule, cluster, &language))
            }
        };
        let is_combined = !matches!(self.rule.condition, Condition::Term(_));
        let mut evidence: Vec<Evidence> =
            if is_combined { cluster.spots.iter().map(|spot| self.evidence(spot)).collect() } else { Vec::new() };
        evidence.sort_by_key(|evidence| (evidence.start_ms, evidence.end_ms, evidence.channel, evidence.span));
        let place = self.evidence(lead);
        let normal = lead.mention().map(|mention| mention.normal.clone());
        let by_sound = cluster.spots.iter().filter_map(Spot::mention).filter(|mention| mention.is_by_sound());
        let capped = by_sound.map(|mention| self.set.scopes()[mention.term].severity_by_sound(self.rule.severity));
        Finding {
            severity: capped.min().unwrap_or(self.rule.severity),
            kind,
            reason,
            utterance_id: place.utterance_id,
            channel: place.channel,
            speaker: place.speaker,
            start_ms: place.start_ms,
            end_ms: place.end_ms,
            matched: place.matched,
            span: place.span,
            phrase: place.phrase,
            normal,
            evidence,
            ..self.blank()
        }
    }

    /// The finding of what shows nowhere: something that is missing.
    pub(crate) fn without_place(&self) -> Finding {
        let language = self.language(None);
        let end_ms = self.recording.end_ms;
        let is_missing = matches!(self.rule.condition, Condition::Missing(_));
        let scope = self.rule.terms.clone().next().and_then(|term| self.set.scopes().get(term));
        let within = scope.and_then(|scope| scope.within).filter(|_| is_missing);
        let window = within.and_then(|within| within.times(end_ms)).unwrap_or((0, end_ms));
        Finding {
            kind: if is_missing { FindingKind::Missing } else { FindingKind::Combination },
            reason: reason::of_missing(self.set, self.rule, &language),
            speaker: scope.and_then(|scope| scope.speaker.clone()).or(self.rule.speaker.clone()).map(Speaker),
            start_ms: window.0.min(end_ms),
            end_ms: window.1.min(end_ms),
            ..self.blank()
        }
    }

    fn blank(&self) -> Finding {
        let rule = self.rule;
        Finding {
            id: String::new(),
            rule_id: rule.id.clone(),
            rule_version: rule.version,
            category: rule.category.clone(),
            severity: rule.severity,
            kind: FindingKind::Combination,
            reason: String::new(),
            utterance_id: None,
            channel: None,
            speaker: None,
            start_ms: 0,
            end_ms: 0,
            matched: String::new(),
            span: None,
            phrase: None,
            normal: None,
            rule_set_sha256: Some(self.set.id().sha256.clone()),
            score: rule.score,
            actions: rule.actions.clone(),
            evidence: Vec::new(),
            is_shadow: rule.is_shadow,
        }
    }

    fn evidence(&self, spot: &Spot) -> Evidence {
        match spot {
            Spot::Mention(mention) => {
                let utterance = &self.recording.utterances[mention.utterance];
                Evidence {
                    utterance_id: Some(utterance.id),
                    channel: Some(utterance.channel),
                    speaker: Some(utterance.speaker.clone()),
                    start_ms: mention.start_ms,
                    end_ms: mention.end_ms,
                    kind: mention.kind,
                    matched: mention.matched.clone(),
                    span: Some([mention.span.0, mention.span.1]),
                    phrase: Some(self.phrase(mention).to_owned()),
                }
            }
            Spot::Voice(measure) => Evidence {
                utterance_id: None,
                channel: measure.channel,
                speaker: measure.speaker.clone().map(Speaker),
                start_ms: measure.start_ms,
                end_ms: measure.end_ms,
                kind: FindingKind::Voice,
                matched: String::new(),
                span: None,
                phrase: None,
            },
        }
    }

    fn phrase(&self, mention: &Mention) -> &str {
        self.set.terms()[mention.term].text(mention.phrase)
    }

    /// The sounds that are taken for the same in a hit by sound to ears that merge some.
    fn merged(&self, mention: &Mention) -> Vec<&'static str> {
        let term = &self.set.terms()[mention.term];
        let fuzzy = term.matching.homophones.filter(|_| mention.way == Way::Fuzzy).map(|homophones| homophones.fuzzy);
        let cells = || term.phrases.get(mention.phrase).cells().iter().map(|cell| cell.char());
        fuzzy.map(|fuzzy| fuzzy.merged_between(&mention.normal, cells())).unwrap_or_default()
    }

    fn language(&self, mention: Option<&Mention>) -> String {
        let of_utterance = mention.and_then(|mention| self.recording.utterances[mention.utterance].language.as_deref());
        let language = self.recording.context.language.as_deref().filter(|tag| *tag != "und").or(of_utterance);
        language.map(primary_language).unwrap_or_else(|| "en".into())
    }
}
