//! From hits to findings: who said it, when, what stands inside an exception, which of several hits in one place.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use earmark_core::{Finding, FindingKind, Lane, Speaker, Speech, Tenant, Utterance};
use serde_json::{Map, Value};

use crate::fold::Passage;
use crate::index::{Hit, Role};
use crate::phrase::{MAX_GAP_CHARS, is_small_gap};
use crate::reason::{self, Heard};
use crate::rule::{Rule, RuleKind, primary_language};
use crate::rule_set::RuleSet;
use crate::term::Term;
use crate::timing::Timeline;

/// Utterances of one speaker with less between them are one sentence that was cut in two.
const JOIN_MS: u64 = 600;

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
    /// One for each utterance, made when something is found there.
    timelines: Vec<OnceCell<Timeline<'a>>>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(set: &'a RuleSet, utterances: &'a [Utterance], context: &'a Context) -> Self {
        let timelines = utterances.iter().map(|_| OnceCell::new()).collect();
        Self { set, utterances, context, timelines }
    }

    /// All findings, in order of time.
    pub(crate) fn run(&self) -> Vec<Finding> {
        let rules = self.set.rules();
        let mut findings = Vec::new();
        let terms = self.set.terms();
        let mut is_said = vec![false; rules.len()];
        for members in sentences(self.utterances) {
            let passage = Passage::joined(self.utterances, &members);
            let hits = self.set.index().hits(terms, &passage);
            for hits in hits.chunk_by(|a, b| a.term == b.term) {
                let number = hits[0].term as usize;
                let rule = &rules[number];
                let kept =
                    keep(&terms[number], &passage, hits).into_iter().filter(|hit| self.counts(rule, &passage, hit));
                match rule.kind {
                    RuleKind::Words => findings.extend(kept.map(|hit| self.finding(rule, &passage, &hit))),
                    RuleKind::MustSay => is_said[number] |= kept.count() > 0,
                }
            }
        }
        for (rule, _) in rules.iter().zip(is_said).filter(|(rule, is_said)| rule.kind == RuleKind::MustSay && !is_said)
        {
            findings.extend(self.missing(rule));
        }
        in_order(findings)
    }

    /// Whether the rule is for the speaker and the recording of `hit`, and for that part of it.
    fn counts(&self, rule: &Rule, passage: &Passage, hit: &Hit) -> bool {
        let utterance = &self.utterances[passage.places[hit.start].utterance as usize];
        let language = utterance.language.as_deref().or(self.context.language.as_deref());
        if !rule.hears(&utterance.speaker) || !self.is_for(rule, language) {
            return false;
        }
        let Some(within) = rule.within else { return true };
        let (span, _) = self.span(passage, hit);
        self.timeline(passage.places[hit.start].utterance).times(span).0 < within.first_ms
    }

    fn timeline(&self, utterance: u32) -> &Timeline<'a> {
        let utterance = utterance as usize;
        self.timelines[utterance].get_or_init(|| Timeline::new(&self.utterances[utterance]))
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

    /// The characters of `hit` in the utterance where it begins, and whether it goes on in the next.
    fn span(&self, passage: &Passage, hit: &Hit) -> ((usize, usize), bool) {
        let first = passage.places[hit.start];
        let places = &passage.places[hit.start..hit.end];
        let here = places.iter().take_while(|place| place.utterance == first.utterance).count();
        let last = places[here - 1];
        ((first.at as usize, last.at as usize + 1), here < places.len())
    }

    fn finding(&self, rule: &Rule, passage: &Passage, hit: &Hit) -> Finding {
        let first = passage.places[hit.start];
        let utterance = &self.utterances[first.utterance as usize];
        let (span, goes_on) = self.span(passage, hit);
        let timeline = self.timeline(first.utterance);
        let matched = timeline.text(span).to_owned();
        let term = &self.set.terms()[rule.term];
        let phrase = &term.phrases[hit.phrase as usize];
        let (start_ms, mut end_ms) = timeline.times(span);
        if goes_on {
            let last = passage.places[hit.end - 1];
            end_ms = end_ms.max(self.timeline(last.utterance).times((0, last.at as usize + 1)).1);
        }
        let kind = match () {
            () if hit.is_by_sound => FindingKind::Homophone,
            () if phrase.has_gap() => FindingKind::Pattern,
            () if matched == phrase.text => FindingKind::Exact,
            () => FindingKind::Folded,
        };
        let language = self.reason_language(utterance.language.as_deref());
        let heard = Heard { matched: &matched, phrase: &phrase.text, is_by_sound: hit.is_by_sound, goes_on };
        Finding {
            id: String::new(),
            rule_id: rule.id.clone(),
            rule_version: rule.version,
            category: rule.category.clone(),
            severity: if hit.is_by_sound { term.severity_by_sound(rule.severity) } else { rule.severity },
            kind,
            reason: reason::of_words(rule, &language, &heard),
            utterance_id: Some(utterance.id),
            channel: Some(utterance.channel),
            speaker: Some(utterance.speaker.clone()),
            start_ms,
            end_ms,
            matched,
            span: Some([span.0, span.1]),
            phrase: Some(phrase.text.clone()),
            normal: Some(passage.chars[hit.start..hit.end].iter().collect()),
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

/// Utterances (by index) that belong together: of one channel and speaker, one right behind the other.
fn sentences(utterances: &[Utterance]) -> Vec<Vec<usize>> {
    let mut sentences: Vec<Vec<usize>> = Vec::new();
    let mut last_of: Vec<(u16, usize)> = Vec::new();
    for (number, utterance) in utterances.iter().enumerate() {
        let open = last_of.iter_mut().find(|(channel, _)| *channel == utterance.channel);
        if let Some((_, sentence)) = &open {
            let members = &mut sentences[*sentence];
            let before = members.last().map(|&member| &utterances[member]);
            let goes_on = before.is_some_and(|before| {
                before.speaker == utterance.speaker && utterance.start_ms.saturating_sub(before.end_ms) < JOIN_MS
            });
            if goes_on {
                members.push(number);
                continue;
            }
        }
        sentences.push(vec![number]);
        match open {
            Some((_, sentence)) => *sentence = sentences.len() - 1,
            None => last_of.push((utterance.channel, sentences.len() - 1)),
        }
    }
    sentences
}

/// Of one term's `hits` those to report: none inside an exception, the longest of those in one place, and by sound
/// only where nothing is spelled that way. `hits` are sorted.
fn keep(term: &Term, passage: &Passage, hits: &[Hit]) -> Vec<Hit> {
    let excepted: Vec<&Hit> = hits.iter().filter(|hit| hit.role == Role::Except).collect();
    let longest = excepted.iter().map(|except| except.end - except.start).max().unwrap_or(0);
    let is_excepted = |hit: &Hit| {
        // Only what stands near can cover it, and `excepted` is in order of its beginning.
        let first = excepted.partition_point(|except| except.start + longest + MAX_GAP_CHARS < hit.start);
        let near = excepted[first..].iter().take_while(|except| except.start <= hit.end + MAX_GAP_CHARS);
        near.into_iter().any(|except| covers(term, passage, except, hit))
    };
    let mut found: Vec<Hit> = hits.iter().filter(|hit| hit.role == Role::Find && !is_excepted(hit)).copied().collect();
    let has_gap = |hit: &Hit| term.phrases[hit.phrase as usize].has_gap();
    found.sort_by_key(|hit| (hit.is_by_sound, hit.start, usize::MAX - hit.end, has_gap(hit), hit.phrase));
    // Begin and end of what is kept. These never overlap, so the last to begin before a hit's end also ends last.
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    found.retain(|hit| {
        let before = taken.range(..hit.end).next_back();
        let is_free = before.is_none_or(|(_, &end)| end <= hit.start);
        if is_free {
            taken.insert(hit.start, hit.end);
        }
        is_free
    });
    found
}

/// Whether `hit` stands inside `except`, or on the open side of it and near.
fn covers(term: &Term, passage: &Passage, except: &Hit, hit: &Hit) -> bool {
    let is_same_place = except.start == hit.start && except.end == hit.end;
    if is_same_place && except.is_by_sound {
        // The exception is another word with the same sound, and was not what was heard.
        return false;
    }
    if except.start <= hit.start && hit.end <= except.end {
        return true;
    }
    let phrase = &term.except[except.phrase as usize];
    let is_behind = phrase.opens_after
        && except.start < hit.start
        && (hit.start < except.end || is_small_gap(passage, except.end, hit.start));
    let is_before = phrase.opens_before
        && hit.end < except.end
        && (except.start < hit.end || is_small_gap(passage, hit.end, except.start));
    is_behind || is_before
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
