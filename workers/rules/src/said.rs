//! From hits to places where something was said: who said it, when, what stands inside an exception, which of several
//! hits in one place.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use earmark_core::{FindingKind, TimePrecision, Utterance};

use crate::finder::Finder;
use crate::index::{Hit, Role, Way};
use crate::passage::Passage;
use crate::reading::reduced;
use crate::term::Term;
use crate::texts::Texts;
use crate::timing::Timeline;

/// Utterances of one speaker with less between them are one sentence that was cut in two.
const JOIN_MS: u64 = 600;

/// The same where times are only guessed from how long the speech is: the guess parts a text at a pause, between two
/// characters if there is no punctuation, and so perhaps within a word. Longer pauses than this end a sentence.
const GUESSED_JOIN_MS: u64 = 10_000;

/// Where a guess parts a text there, it is right.
const ENDS_OF_SENTENCES: [char; 7] = ['.', '!', '?', '。', '！', '？', '…'];

/// A place where a term was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// Index of the term in its set.
    pub(crate) term: u32,
    /// Index of the utterance where it begins.
    pub(crate) utterance: u32,
    /// In that utterance's text, in Unicode scalar values; never empty.
    pub(crate) span: (usize, usize),
    /// From the recording's start.
    pub(crate) start_ms: u64,
    /// From the recording's start; of the last character, where it goes on in the next utterance.
    pub(crate) end_ms: u64,
    /// How the words were matched.
    pub(crate) kind: FindingKind,
    /// Index into the term's phrases.
    pub(crate) phrase: u32,
    /// The words as heard.
    pub(crate) matched: String,
    /// The words as heard, after folding; where they match once they are reduced, what they are reduced to.
    pub(crate) normal: String,
    /// How they were found.
    pub(crate) way: Way,
    /// The rest stands in the next utterance.
    pub(crate) goes_on: bool,
}

/// Listens to one recording.
pub(crate) struct Listener<'a> {
    terms: &'a [Term],
    index: &'a Finder,
    utterances: &'a [Utterance],
    /// One for each utterance, made when something is found there.
    timelines: Vec<OnceCell<Timeline<'a>>>,
}

impl Said {
    /// Sounds like the phrase, is written otherwise.
    pub(crate) fn is_by_sound(&self) -> bool {
        self.kind == FindingKind::Homophone
    }
}

impl<'a> Listener<'a> {
    pub(crate) fn new(terms: &'a [Term], index: &'a Finder, utterances: &'a [Utterance]) -> Self {
        let timelines = utterances.iter().map(|_| OnceCell::new()).collect();
        Self { terms, index, utterances, timelines }
    }

    /// Every place where a term was said by somebody whom `counts` (term, index of the utterance) lets through, in
    /// order of sentence and term.
    pub(crate) fn said(&self, counts: impl Fn(u32, u32) -> bool) -> Vec<Said> {
        let mut said = Vec::new();
        for members in sentences(self.utterances) {
            let passage = Passage::joined(self.utterances, &members);
            let hits = self.index.hits(self.terms, &passage, Texts::Utterances(self.utterances));
            for hits in hits.chunk_by(|a, b| a.term == b.term) {
                let kept = keep(&self.terms[hits[0].term as usize], &passage, hits);
                let counting = kept.iter().filter(|hit| counts(hit.term, passage.place(hit.start).utterance));
                said.extend(counting.map(|hit| self.place(&passage, hit)));
            }
        }
        said
    }

    fn timeline(&self, passage: &Passage, utterance: u32) -> &Timeline<'a> {
        let number = utterance as usize;
        let timeline = || Timeline::new(&self.utterances[number], passage, passage.range_of(utterance));
        self.timelines[number].get_or_init(timeline)
    }

    fn place(&self, passage: &Passage, hit: &Hit) -> Said {
        let first = passage.place(hit.start);
        let end = passage.end_of_utterance(hit.start).min(hit.end);
        let goes_on = end < hit.end;
        let span = match hit.cut {
            Some((start, end)) => (start as usize, end as usize),
            None => (first.at as usize, passage.place(end - 1).at as usize + 1),
        };
        let timeline = self.timeline(passage, first.utterance);
        let matched = timeline.text(span).to_owned();
        let term = &self.terms[hit.term as usize];
        let (start_ms, mut end_ms) = timeline.times(passage, span, hit.start..end);
        if goes_on {
            let last = passage.place(hit.end - 1);
            let timeline = self.timeline(passage, last.utterance);
            let folded = passage.range_of(last.utterance).start..hit.end;
            end_ms = end_ms.max(timeline.times(passage, (0, last.at as usize + 1), folded).1);
        }
        let kind = match () {
            () if hit.is_by_sound => FindingKind::Homophone,
            () if hit.way == Way::Pattern || term.has_gap(hit.phrase) => FindingKind::Pattern,
            () if matched == term.text(hit.phrase) => FindingKind::Exact,
            () => FindingKind::Folded,
        };
        Said {
            term: hit.term,
            utterance: first.utterance,
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
        let folded = || passage.text(hit.start, hit.end);
        if !hit.is_reduced {
            return folded();
        }
        let mut heard = String::new();
        let mut at = hit.start;
        while at < hit.end {
            let end = passage.end_of_utterance(at).min(hit.end);
            let (first, last) = (passage.place(at), passage.place(end - 1));
            heard.push_str(self.timeline(passage, first.utterance).text((first.at as usize, last.at as usize + 1)));
            heard.push(' ');
            at = end;
        }
        let kinds = self.terms[hit.term as usize].matching.normalise;
        reduced(&heard, kinds).map_or_else(folded, |(text, _)| Passage::of(&text).chars.iter().collect())
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
                let is_guessed = |utterance: &Utterance| utterance.time_precision == TimePrecision::Estimated;
                let is_torn = is_guessed(before) && is_guessed(utterance) && !before.text.ends_with(ENDS_OF_SENTENCES);
                let longest = if is_torn { GUESSED_JOIN_MS } else { JOIN_MS };
                before.speaker == utterance.speaker && utterance.start_ms.saturating_sub(before.end_ms) < longest
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
    let open = |except: &&Hit| term.except.get(except.phrase as usize).open_chars();
    let open = excepted.iter().map(open).max().unwrap_or(0);
    let is_excepted = |hit: &Hit| {
        // Only what stands near can cover it, and `excepted` is in order of its beginning.
        let first = excepted.partition_point(|except| except.start + longest + open < hit.start);
        let near = excepted[first..].iter().take_while(|except| except.start <= hit.end + open);
        near.into_iter().any(|except| covers(term, passage, except, hit))
    };
    let mut found: Vec<Hit> = hits.iter().filter(|hit| hit.role == Role::Find && !is_excepted(hit)).copied().collect();
    let has_gap = |hit: &Hit| term.has_gap(hit.phrase);
    found.sort_by_key(|hit| (hit.is_by_sound, hit.start, usize::MAX - hit.end, has_gap(hit), hit.way, hit.phrase));
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
    let (before, _, behind) = term.except.get(except.phrase as usize).gaps();
    let is_behind = behind.is_some_and(|gap| {
        except.start < hit.start && (hit.start < except.end || gap.spans(passage, except.end, hit.start))
    });
    let is_before = before.is_some_and(|gap| {
        hit.end < except.end && (except.start < hit.end || gap.spans(passage, hit.end, except.start))
    });
    is_behind || is_before
}
