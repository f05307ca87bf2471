//! Lists of words and phrases, in columns: a list of a million words is a few arrays, not a million of anything.

use std::fmt;
use std::sync::Arc;

use super::cell::Cell;
use super::ellipsis::Gap;
use crate::numbers::{small, wide};

/// The phrases of a term, in order.
#[derive(Debug, Clone, Default)]
pub struct Phrases {
    /// The cells of all parts of all phrases.
    pub(super) cells: Vec<Cell>,
    /// Where the cells of each part end.
    pub(super) ends: Vec<u32>,
    /// Of each phrase, where its text begins in the text of its run, and how many bytes it has.
    pub(super) texts: Vec<(u32, u16)>,
    /// Phrases with ellipses, in order; every other phrase is one part.
    pub(super) elliptic: Vec<Elliptic>,
    /// Of each of these, what may stand before its first part, between its parts, and behind the last.
    pub(super) gaps: Vec<Gap>,
    /// Where the phrases stand, in order.
    pub(super) runs: Vec<Run>,
    /// Texts and lines of the phrases that stand in no list: they come first.
    pub(super) inline: String,
    pub(super) lines: Vec<u64>,
    pub(super) repeats: Vec<Repeats>,
}

/// A phrase with ellipses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elliptic {
    pub(super) phrase: u32,
    pub(super) first_part: u32,
    pub(super) parts: u32,
    pub(super) first_gap: u32,
    pub(super) opens_before: bool,
    pub(super) opens_after: bool,
}

impl Elliptic {
    /// Its gaps among those of its list.
    fn gaps<'a>(&self, all: &'a [Gap]) -> &'a [Gap] {
        &all[wide(self.first_gap)..=wide(self.first_gap + self.parts)]
    }
}

/// What may stand before a phrase, between its parts, and behind it.
type Gaps<'a> = (Option<Gap>, &'a [Gap], Option<Gap>);

/// Phrases that stand in one place.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) first_phrase: u32,
    pub(super) origin: Origin,
}

/// Texts of lists, one word or phrase on a line, by the number of the list: phrases are kept as places in them.
pub trait ListTexts: fmt::Debug + Send + Sync {
    /// All of list `number`, one that phrases were added of.
    fn text(&self, number: usize) -> &str;
}

/// Where phrases stand.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Given one by one, in no list.
    Inline,
    /// In the list with this number.
    List(Arc<dyn ListTexts>, usize),
}

/// Words that a list has more than once, or that were there before it; they count once.
#[derive(Debug, Clone)]
pub struct Repeats {
    /// Number of the list.
    pub list: usize,
    /// How many lines are too many.
    pub count: usize,
    /// The first of them.
    pub word: String,
    /// The line of the list that it stands in, from 1.
    pub line: u64,
}

/// One phrase of a list.
#[derive(Debug, Clone, Copy)]
pub struct Phrase<'a> {
    list: &'a Phrases,
    number: usize,
}

impl Phrases {
    /// How many phrases.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is no phrase.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Phrase `number`, which is below [`Self::len`].
    pub fn get(&self, number: usize) -> Phrase<'_> {
        Phrase { list: self, number }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Phrase<'_>> {
        (0..self.len()).map(|number| self.get(number))
    }

    /// How many parts all phrases have.
    pub(crate) fn part_count(&self) -> usize {
        self.ends.len()
    }

    /// The cells of part `number`, counted over all phrases.
    pub(crate) fn part(&self, number: usize) -> &[Cell] {
        &self.cells[self.part_begin(number)..wide(self.ends[number])]
    }

    /// All cells, those of one part behind those of another.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The phrase that part `number` is of, which part of it that is, and how many it has.
    pub(crate) fn phrase_of_part(&self, number: usize) -> (usize, u32, u32) {
        let number = small(number);
        let before = self.elliptic.partition_point(|elliptic| elliptic.first_part <= number);
        let Some(elliptic) = before.checked_sub(1).map(|at| self.elliptic[at]) else { return (wide(number), 0, 1) };
        let within = number - elliptic.first_part;
        if within < elliptic.parts {
            return (wide(elliptic.phrase), within, elliptic.parts);
        }
        (wide(elliptic.phrase + 1 + within - elliptic.parts), 0, 1)
    }

    /// What may stand behind part `number`, counted over all phrases, before the next of its phrase.
    pub(crate) fn gap_behind(&self, number: usize) -> Gap {
        let before = self.elliptic.partition_point(|elliptic| wide(elliptic.first_part) <= number);
        let elliptic = before.checked_sub(1).map(|at| &self.elliptic[at]);
        let gap = elliptic.and_then(|elliptic| elliptic.gaps(&self.gaps).get(number - wide(elliptic.first_part) + 1));
        gap.copied().unwrap_or_default()
    }

    /// Each part, with more characters than its phrase can span in a text, all that the ellipses stand for included.
    pub(crate) fn reaches(&self) -> impl Iterator<Item = (&[Cell], usize)> {
        let mut elliptic = self.elliptic.iter().map(|elliptic| {
            let parts = wide(elliptic.first_part)..wide(elliptic.first_part + elliptic.parts);
            let cells: usize = parts.clone().map(|part| self.part(part).len()).sum();
            let between: usize = elliptic.gaps(&self.gaps)[1..].iter().map(|gap| gap.max_chars()).sum();
            let spanned = cells + between;
            (parts, spanned)
        });
        let mut next = elliptic.next();
        (0..self.part_count()).map(move |number| {
            while next.as_ref().is_some_and(|(parts, _)| parts.end <= number) {
                next = elliptic.next();
            }
            let part = self.part(number);
            let spanned = next.as_ref().filter(|(parts, _)| parts.contains(&number)).map(|(_, spanned)| *spanned);
            (part, spanned.unwrap_or(part.len()))
        })
    }

    /// What is in lists more often than needed.
    pub fn repeats(&self) -> &[Repeats] {
        &self.repeats
    }

    fn part_begin(&self, number: usize) -> usize {
        if number == 0 { 0 } else { wide(self.ends[number - 1]) }
    }

    /// The parts of phrase `number`: begin and end.
    fn parts(&self, number: usize) -> (usize, usize) {
        let before = self.elliptic.partition_point(|elliptic| wide(elliptic.phrase) < number);
        match self.elliptic.get(before).filter(|elliptic| wide(elliptic.phrase) == number) {
            Some(elliptic) => (wide(elliptic.first_part), wide(elliptic.first_part + elliptic.parts)),
            None => {
                let begin = match before.checked_sub(1).map(|at| self.elliptic[at]) {
                    None => number,
                    Some(elliptic) => wide(elliptic.first_part + elliptic.parts) + number - wide(elliptic.phrase) - 1,
                };
                (begin, begin + 1)
            }
        }
    }

    fn elliptic(&self, number: usize) -> Option<&Elliptic> {
        self.elliptic.binary_search_by_key(&number, |elliptic| wide(elliptic.phrase)).ok().map(|at| &self.elliptic[at])
    }

    /// What may stand around and inside the phrase of `rich`.
    pub(super) fn gaps(&self, elliptic: Option<&Elliptic>) -> Gaps<'_> {
        let Some(elliptic) = elliptic else { return (None, &[], None) };
        let (gaps, parts) = (elliptic.gaps(&self.gaps), wide(elliptic.parts));
        (elliptic.opens_before.then(|| gaps[0]), &gaps[1..parts], elliptic.opens_after.then(|| gaps[parts]))
    }
}

impl<'a> Phrase<'a> {
    /// As somebody wrote it, its ellipses included.
    pub fn text(&self) -> &'a str {
        let (at, bytes) = self.list.texts[self.number];
        let text = match self.origin() {
            Origin::Inline => &self.list.inline,
            Origin::List(texts, list) => texts.text(*list),
        };
        &text[wide(at)..wide(at) + usize::from(bytes)]
    }

    fn origin(&self) -> &'a Origin {
        let runs = &self.list.runs;
        &runs[runs.partition_point(|run| wide(run.first_phrase) <= self.number) - 1].origin
    }

    /// The number of the list that it stands in, and at which byte; none: it was given by itself.
    pub fn listed(&self) -> Option<(usize, usize)> {
        match self.origin() {
            Origin::Inline => None,
            Origin::List(_, list) => Some((*list, wide(self.list.texts[self.number].0))),
        }
    }

    /// The line it was given with, from 1; 1 where it stands in a list.
    pub fn line(&self) -> u64 {
        self.list.lines.get(self.number).copied().unwrap_or(1)
    }

    /// What may stand before it, of the ellipses inside, and behind it; none at an end without an ellipsis.
    pub fn gaps(&self) -> Gaps<'a> {
        self.list.gaps(self.list.elliptic(self.number))
    }

    /// At least as many characters as its open ends stand for.
    pub fn open_chars(&self) -> usize {
        let (before, _, behind) = self.gaps();
        before.into_iter().chain(behind).map(Gap::max_chars).max().unwrap_or(0)
    }

    /// Whether it has an ellipsis inside.
    pub fn has_gap(&self) -> bool {
        self.list.elliptic(self.number).is_some_and(|elliptic| elliptic.parts > 1)
    }

    /// The cells of all its parts: phrases with the same cells have the same parts.
    pub fn cells(&self) -> &'a [Cell] {
        let (begin, end) = self.span();
        &self.list.cells[begin..end]
    }

    /// Begin and end of its cells among those of the list.
    pub fn span(&self) -> (usize, usize) {
        let (begin, end) = self.list.parts(self.number);
        (self.list.part_begin(begin), wide(self.list.ends[end - 1]))
    }

    /// How many characters are left after folding.
    pub fn char_count(&self) -> usize {
        self.cells().len()
    }

    /// Whether it is written in Chinese characters or the like alone.
    pub fn is_ideographic(&self) -> bool {
        !self.cells().iter().any(|cell| cell.is_letter())
    }
}
