//! From hits to places where something was said: who said it, when, and how it was matched.

use std::cell::OnceCell;

use earmark_core::{FindingKind, Utterance};
use earmark_words::{Finder, Hit, Passage, Term, Way, reduced};

use crate::judge::chosen::keep;
use crate::judge::sentences::sentences;
use crate::judge::timeline::Timeline;

/// A place where a term was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Index of the term in its set.
    pub(crate) term: usize,
    /// Index of the utterance where it begins.
    pub(crate) utterance: usize,
    /// In that utterance's text, in Unicode scalar values; never empty.
    pub(crate) span: (usize, usize),
    /// From the recording's start.
    pub(crate) start_ms: u64,
    /// From the recording's start; of the last character, where it goes on in the next utterance.
    pub(crate) end_ms: u64,
    /// How the words were matched.
    pub(crate) kind: FindingKind,
    /// Index into the term's phrases.
    pub(crate) phrase: usize,
    /// The words as heard.
    pub(crate) matched: String,
    /// The words as heard, after folding; where they match once they are reduced, what they are reduced to.
    pub(crate) normal: String,
    /// How they were found.
    pub(crate) way: Way,
    /// The rest stands in the next utterance.
    pub(crate) goes_on: bool,
}

/// Finds the mentions of terms in one recording.
pub(crate) struct MentionFinder<'a> {
    terms: &'a [Term],
    finder: &'a Finder,
    utterances: &'a [Utterance],
    /// One for each utterance, made when something is found there.
    timelines: Vec<OnceCell<Timeline<'a>>>,
}

impl Mention {
    /// Sounds like the phrase, is written otherwise.
    pub(crate) fn is_by_sound(&self) -> bool {
        self.kind == FindingKind::Homophone
    }
}

impl<'a> MentionFinder<'a> {
    pub(crate) fn new(terms: &'a [Term], finder: &'a Finder, utterances: &'a [Utterance]) -> Self {
        let timelines = utterances.iter().map(|_| OnceCell::new()).collect();
        Self { terms, finder, utterances, timelines }
    }

    /// Every place where a term was said by somebody whom `counts` (term, index of the utterance) lets through, in
    /// order of sentence and term.
    pub(crate) fn mentions(&self, counts: impl Fn(usize, usize) -> bool) -> Vec<Mention> {
        let text = |number: usize| self.utterances[number].text.as_str();
        let mut mentions = Vec::new();
        for members in sentences(self.utterances) {
            let passage = Passage::joined(members.iter().map(|&member| (member, text(member))));
            let hits = self.finder.hits(self.terms, &passage, &text);
            for hits in hits.chunk_by(|a, b| a.term == b.term) {
                let kept = keep(&self.terms[hits[0].term], &passage, hits);
                let counting = kept.iter().filter(|hit| counts(hit.term, passage.place(hit.start).text));
                mentions.extend(counting.map(|hit| self.place(&passage, hit)));
            }
        }
        mentions
    }

    fn timeline(&self, passage: &Passage, utterance: usize) -> &Timeline<'a> {
        let timeline = || Timeline::new(&self.utterances[utterance], passage, passage.range_of(utterance));
        self.timelines[utterance].get_or_init(timeline)
    }

    fn place(&self, passage: &Passage, hit: &Hit) -> Mention {
        let first = passage.place(hit.start);
        let end = passage.end_of_text(hit.start).min(hit.end);
        let goes_on = end < hit.end;
        let span = match hit.cut {
            Some(cut) => cut,
            None => (first.at, passage.place(end - 1).at + 1),
        };
        let timeline = self.timeline(passage, first.text);
        let matched = timeline.text(span).to_owned();
        let term = &self.terms[hit.term];
        let (start_ms, mut end_ms) = timeline.times(passage, span, hit.start..end);
        if goes_on {
            let last = passage.place(hit.end - 1);
            let timeline = self.timeline(passage, last.text);
            let folded = passage.range_of(last.text).start..hit.end;
            end_ms = end_ms.max(timeline.times(passage, (0, last.at + 1), folded).1);
        }
        let kind = match () {
            () if hit.is_by_sound => FindingKind::Homophone,
            () if hit.way == Way::Pattern || term.has_gap(hit.phrase) => FindingKind::Pattern,
            () if matched == term.text(hit.phrase) => FindingKind::Exact,
            () => FindingKind::Folded,
        };
        Mention {
            term: hit.term,
            utterance: first.text,
            span,
            start_ms,
            end_ms,
            kind,
            phrase: hit.phrase,
            matched,
            normal: self.normal(passage, hit),
            way: hit.way,
            goes_on,
        }
    }

    /// The form of what was heard that matched.
    fn normal(&self, passage: &Passage, hit: &Hit) -> String {
        let folded = || passage.folded(hit.start, hit.end);
        if !hit.is_reduced {
            return folded();
        }
        let mut heard = String::new();
        let mut at = hit.start;
        while at < hit.end {
            let end = passage.end_of_text(at).min(hit.end);
            let (first, last) = (passage.place(at), passage.place(end - 1));
            heard.push_str(self.timeline(passage, first.text).text((first.at, last.at + 1)));
            heard.push(' ');
            at = end;
        }
        let kinds = self.terms[hit.term].matching.normalise;
        reduced(&heard, kinds).map_or_else(folded, |(text, _)| Passage::of(&text).folded_text())
    }
}
