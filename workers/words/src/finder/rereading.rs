//! What is found where something in a passage is reduced: a second reading of the few stretches around it that some
//! phrase may span.

use std::cmp::Ordering;

use super::neighbours::{BESIDE, Beside, Neighbours};
use super::reduced_phrases::ReducedPhrases;
use crate::folding::differences::Differences;
use crate::folding::numerals;
use crate::folding::passage::Passage;
use crate::index::Index;
use crate::reduction::changes::{Change, ReadAs, changes};
use crate::reduction::originals::Originals;
use crate::reduction::reading::Reading;
use crate::reduction::spelling;
use crate::terms::hit::{Hit, Role};
use crate::terms::term::Term;

/// Characters that are read beyond those that a phrase may span: what stands beside a hit decides whether it is a word.
const MARGIN: usize = 2;

/// Chinese calls have about one change in so many characters.
const CHARACTERS_PER_CHANGE: usize = 32;

/// What decides where to read again.
pub(super) struct Rereader {
    /// What reduced phrases read, for the phrases that read otherwise then.
    reduced: Option<ReducedPhrases>,
    neighbours: Neighbours,
    /// All kinds of reduction that some term has switched on.
    kinds: Differences,
}

/// A passage read again.
pub(super) struct Rereading<'a> {
    passage: &'a Passage,
    changes: Vec<Change>,
    reading: Reading,
}

impl Rereader {
    /// For the words of `terms`.
    ///
    /// # Errors
    /// In words, when there are more than can be numbered.
    pub(super) fn new(terms: &[Term]) -> Result<Self, String> {
        let kinds = terms.iter().fold(Differences::NONE, |kinds, term| kinds.with(term.matching.normalise));
        let reduced = ReducedPhrases::new(terms)?;
        let neighbours = Neighbours::of(terms, reduced.as_ref().map_or(&[], |reduced| &reduced.terms));
        Ok(Self { reduced, neighbours, kinds })
    }
}

impl<'a> Rereading<'a> {
    /// The stretches of `passage` in which a phrase may stand across a change; none where there are none.
    pub(super) fn new(rereader: &Rereader, passage: &'a Passage) -> Option<Self> {
        Self::around(rereader, passage, |change, before| rereader.neighbours.reach(passage, change, before))
    }

    /// The stretches around each change as far as `reach` says, which is asked with what is read before the change.
    pub(super) fn around(
        rereader: &Rereader,
        passage: &'a Passage,
        reach: impl Fn(&Change, [Beside; BESIDE]) -> usize,
    ) -> Option<Self> {
        let mut made = Vec::with_capacity(passage.len() / CHARACTERS_PER_CHANGE);
        // By number of the change, how far to read around it.
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        // The end of the change before, and what is read there last.
        let mut last = (0, Beside::Nothing);
        changes(passage, rereader.kinds, |change| {
            if change.to == ReadAs::AsWritten && rereader.reduced.is_none() {
                return;
            }
            let at = |at: usize| Beside::Char(passage.chars[at]);
            let far = if last.0 == 0 { Beside::Nothing } else { Beside::Unknown };
            let before = match change.start - last.0 {
                0 => [far, far, last.1],
                1 => [far, last.1, at(change.start - 1)],
                2 => [last.1, at(change.start - 2), at(change.start - 1)],
                _ => [at(change.start - 3), at(change.start - 2), at(change.start - 1)],
            };
            let reach = reach(&change, before);
            if reach > 0 {
                wanted.push((made.len(), reach + MARGIN));
            }
            let read = match &change.to {
                ReadAs::Nothing => before[2],
                ReadAs::One(c) => Beside::Char(*c),
                ReadAs::Text(text) => text.chars().last().map_or(Beside::Unknown, Beside::Char),
                ReadAs::AsWritten => at(change.end - 1),
            };
            last = (change.end, read);
            made.push(change);
        });
        if wanted.is_empty() {
            return None;
        }
        let mut stretches: Vec<(usize, usize)> = Vec::with_capacity(wanted.len());
        for (number, reach) in wanted {
            let mut stretch = (from(&made, number, reach), to(&made, number, reach, passage.len()));
            // One that begins earlier takes those before it in.
            while let Some(&(begin, end)) = stretches.last().filter(|(_, end)| *end >= stretch.0) {
                stretch = (begin.min(stretch.0), end.max(stretch.1));
                stretches.pop();
            }
            stretches.push(stretch);
        }
        let reading = Reading::new(passage, &made, &stretches);
        Some(Self { passage, changes: made, reading })
    }

    /// Adds what is found in the reading, by `index` as in what is written, to `hits`, those in what is written.
    pub(super) fn hits(
        &self,
        rereader: &Rereader,
        index: &Index,
        terms: &[Term],
        originals: &Originals,
        hits: &mut Vec<Hit>,
    ) {
        let written = Written::of(hits);
        let mut add = |hit: Hit, kinds: Option<Differences>| {
            let found = self.as_heard(hit, kinds, terms, originals);
            hits.extend(found.filter(|hit| hit.role == Role::Except || !written.says(hit)));
        };
        index.hits(terms, &self.reading.passage).into_iter().for_each(|hit| add(hit, None));
        if let Some(reduced) = &rereader.reduced {
            reduced.hits(&self.reading.passage, &mut |hit, kinds| add(hit, Some(kinds)));
        }
    }

    /// `hit`, of the reading and of a phrase that was reduced by `kinds` if any, in the passage; none where it is found
    /// as it is written, or by what its term does not look past.
    fn as_heard(&self, hit: Hit, kinds: Option<Differences>, terms: &[Term], originals: &Originals) -> Option<Hit> {
        if !self.reading.has_around(hit.start, hit.end, MARGIN) {
            // Another change may be beside it, or more of the same word.
            return None;
        }
        let (mut start, mut end) = self.reading.origin(hit.start, hit.end);
        let term = &terms[hit.term];
        let on = term.matching.normalise;
        let first = self.changes.partition_point(|change| change.end <= start);
        let inside = &self.changes[first..];
        let inside = &inside[..inside.partition_point(|change| change.start < end)];
        let is_read = |change: &&Change| change.to != ReadAs::AsWritten;
        // What was reduced by more than its numbers stands in what is written with something left out.
        let is_whole = Differences::NUMERALS.with(Differences::SPLIT_CHARACTERS);
        let is_reduced = inside.iter().any(|change| is_read(&change));
        let has_change = is_reduced || kinds.is_some_and(|by| is_whole.contains(by));
        let mut real = inside.iter().filter(is_read);
        if !has_change || !real.all(|change| start <= change.start && change.end <= end && on.contains(change.kinds)) {
            return None;
        }
        if !on.contains(Differences::OF_CHARACTERS) {
            let heard = spelling::as_written(self.passage, originals, (start, end));
            if !spelling::differs_only_by(term.phrase_text(&hit), &spelling::as_read(heard, start, inside), on) {
                return None;
            }
        }
        if kinds.is_some_and(|kinds| kinds != kinds.without(Differences::FILLERS.with(Differences::REPEATS))) {
            // What the phrase begins or ends with may be reduced here as well.
            let before = self.change_at(|change| change.end.cmp(&start)).map_or(start, |change| change.start);
            let after = self.change_at(|change| change.start.cmp(&end)).map_or(end, |change| change.end);
            if !holds(term, &hit, self.passage, before, after) {
                return None;
            }
            if !holds(term, &hit, self.passage, start, end) {
                (start, end) = (before, after);
            }
        }
        Some(Hit { start, end, is_reduced, ..hit })
    }

    /// The change of which `compare` says that it is the one.
    fn change_at(&self, compare: impl FnMut(&Change) -> Ordering) -> Option<&Change> {
        self.changes.binary_search_by(compare).ok().map(|at| &self.changes[at])
    }
}

/// Where to begin to read, for `reach` characters of the reading before change `number`.
fn from(changes: &[Change], number: usize, reach: usize) -> usize {
    let (mut at, mut left) = (changes[number].start, reach);
    for change in changes[..number].iter().rev() {
        if at - change.end >= left {
            break;
        }
        left = left.saturating_sub(at - change.end + change.read_len());
        at = change.start;
    }
    at.saturating_sub(left)
}

/// Where to end, for `reach` characters behind change `number`, in a passage of `length`.
fn to(changes: &[Change], number: usize, reach: usize, length: usize) -> usize {
    let (mut at, mut left) = (changes[number].end, reach);
    for change in &changes[number + 1..] {
        if change.start - at >= left {
            break;
        }
        left = left.saturating_sub(change.start - at + change.read_len());
        at = change.end;
    }
    (at + left).min(length)
}

/// The hits in what is written, in order of term and place.
struct Written {
    hits: Vec<Hit>,
    /// How far the widest of them goes.
    widest: usize,
}

impl Written {
    fn of(hits: &[Hit]) -> Self {
        let mut hits: Vec<Hit> = hits.iter().filter(|hit| hit.role == Role::Find).copied().collect();
        hits.sort_unstable_by_key(|hit| (hit.term, hit.start));
        Self { widest: hits.iter().map(|hit| hit.end - hit.start).max().unwrap_or(0), hits }
    }

    /// Whether something is said in writing already where `hit` of a reading stands: there the reading adds nothing,
    /// unless it is a longer phrase around it.
    fn says(&self, hit: &Hit) -> bool {
        let (start, end) = (hit.start, hit.end);
        let first = self.hits.partition_point(|other| (other.term, other.start + self.widest) < (hit.term, start));
        let near = self.hits[first..].iter().take_while(|other| other.term == hit.term && other.start < end);
        near.into_iter().any(|other| {
            let is_inside = start <= other.start && other.end <= end;
            other.end > start && !other.is_by_sound && (!is_inside || other.phrase == hit.phrase)
        })
    }
}

/// Whether all that the phrase of `hit` says, numbers apart, stands in `start..end` of `passage` in its order: a
/// phrase that is itself reduced must not be found where less is said.
fn holds(term: &Term, hit: &Hit, passage: &Passage, start: usize, end: usize) -> bool {
    let is_number = |c: char| numerals::digit(c).is_some() || numerals::unit(c).is_some() || c == '点';
    let phrases = if hit.role == Role::Find { &term.phrases } else { &term.except };
    let mut heard = passage.chars[start..end].iter();
    let cells = phrases.get(hit.phrase).cells();
    cells.iter().map(|cell| cell.char()).filter(|c| !is_number(*c)).all(|c| heard.any(|heard| *heard == c))
}
