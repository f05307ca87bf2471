//! Lists of words and phrases, in columns: a list of a million words is a few arrays, not a million of anything.

mod seen;

use std::sync::Arc;

use crate::SourceFile;
use crate::gap::{Gap, bad_bound, has_ellipsis, stretches};
use crate::phrase::{Cell, append_part};

use seen::Seen;

/// The phrases of a term, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phrases {
    /// The cells of all parts of all phrases.
    cells: Vec<Cell>,
    /// Where the cells of each part end.
    ends: Vec<u32>,
    /// Of each phrase, where its text begins in the text of its run, and how many bytes it has.
    texts: Vec<(u32, u16)>,
    /// Phrases with ellipses, in order; every other phrase is one part.
    rich: Vec<Rich>,
    /// Of each of these, what may stand before its first part, between its parts, and behind the last.
    gaps: Vec<Gap>,
    /// Where the phrases stand, in order.
    runs: Vec<Run>,
    /// Texts and lines of the phrases that stand in the rule itself: they come first.
    inline: String,
    lines: Vec<u64>,
    repeats: Vec<Repeats>,
}

/// A phrase with ellipses.
#[derive(Debug, Clone, Copy)]
struct Rich {
    phrase: u32,
    first_part: u32,
    parts: u32,
    first_gap: u32,
    opens_before: bool,
    opens_after: bool,
}

impl Rich {
    /// Its gaps among those of its list.
    fn gaps<'a>(&self, all: &'a [Gap]) -> &'a [Gap] {
        &all[self.first_gap as usize..=(self.first_gap + self.parts) as usize]
    }
}

/// What may stand before a phrase, between its parts, and behind it.
type Gaps<'a> = (Option<Gap>, &'a [Gap], Option<Gap>);

/// Phrases that stand in one place.
#[derive(Debug, Clone)]
struct Run {
    first_phrase: u32,
    origin: Origin,
}

/// Where phrases stand.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// In the rule.
    Rule,
    /// In the list file with this number among the files of the set.
    List(Arc<[SourceFile]>, usize),
}

/// Words that a list file has more than once, or that the rule has as well; they count once.
#[derive(Debug, Clone)]
pub(crate) struct Repeats {
    /// Path of the list file.
    pub(crate) path: String,
    /// How many lines are too many.
    pub(crate) count: usize,
    /// The first of them.
    pub(crate) word: String,
    /// Its line.
    pub(crate) line: u64,
}

/// Why a text is no phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Nothing is left after folding.
    FoldedAway,
    /// It begins or ends with an ellipsis.
    OpenEnd,
    /// One of its ellipses has a bound that is none.
    BadBound,
    /// It is there already.
    Repeated,
}

/// One phrase of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phrase<'a> {
    list: &'a Phrases,
    number: usize,
}

impl Phrases {
    /// How many phrases.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Phrase `number`, which is below [`Self::len`].
    pub(crate) fn get(&self, number: usize) -> Phrase<'_> {
        Phrase { list: self, number }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Phrase<'_>> {
        (0..self.len()).map(|number| self.get(number))
    }

    /// How many parts all phrases have.
    pub(crate) fn part_count(&self) -> usize {
        self.ends.len()
    }

    /// The cells of part `number`, counted over all phrases.
    pub(crate) fn part(&self, number: usize) -> &[Cell] {
        &self.cells[self.part_begin(number)..self.ends[number] as usize]
    }

    /// All cells, those of one part behind those of another.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The phrase that part `number` is of, which part of it that is, and how many it has.
    pub(crate) fn phrase_of_part(&self, number: usize) -> (u32, u32, u32) {
        let number = small(number);
        let before = self.rich.partition_point(|rich| rich.first_part <= number);
        let Some(rich) = before.checked_sub(1).map(|at| self.rich[at]) else { return (number, 0, 1) };
        let within = number - rich.first_part;
        if within < rich.parts {
            return (rich.phrase, within, rich.parts);
        }
        (rich.phrase + 1 + within - rich.parts, 0, 1)
    }

    /// What may stand behind part `number`, counted over all phrases, before the next of its phrase.
    pub(crate) fn gap_behind(&self, number: usize) -> Gap {
        let before = self.rich.partition_point(|rich| rich.first_part as usize <= number);
        let rich = before.checked_sub(1).map(|at| &self.rich[at]);
        let gap = rich.and_then(|rich| rich.gaps(&self.gaps).get(number - rich.first_part as usize + 1));
        gap.copied().unwrap_or_default()
    }

    /// Each part, with more characters than its phrase can span in a text, all that the ellipses stand for included.
    pub(crate) fn reaches(&self) -> impl Iterator<Item = (&[Cell], usize)> {
        let mut rich = self.rich.iter().map(|rich| {
            let parts = rich.first_part as usize..(rich.first_part + rich.parts) as usize;
            let cells: usize = parts.clone().map(|part| self.part(part).len()).sum();
            let between: usize = rich.gaps(&self.gaps)[1..].iter().map(|gap| gap.max_chars()).sum();
            let spanned = cells + between;
            (parts, spanned)
        });
        let mut next = rich.next();
        (0..self.part_count()).map(move |number| {
            while next.as_ref().is_some_and(|(parts, _)| parts.end <= number) {
                next = rich.next();
            }
            let part = self.part(number);
            let spanned = next.as_ref().filter(|(parts, _)| parts.contains(&number)).map(|(_, spanned)| *spanned);
            (part, spanned.unwrap_or(part.len()))
        })
    }

    /// What is in list files more often than needed.
    pub(crate) fn repeats(&self) -> &[Repeats] {
        &self.repeats
    }

    fn part_begin(&self, number: usize) -> usize {
        if number == 0 { 0 } else { self.ends[number - 1] as usize }
    }

    /// The parts of phrase `number`: begin and end.
    fn parts(&self, number: usize) -> (usize, usize) {
        let before = self.rich.partition_point(|rich| (rich.phrase as usize) < number);
        match self.rich.get(before).filter(|rich| rich.phrase as usize == number) {
            Some(rich) => (rich.first_part as usize, (rich.first_part + rich.parts) as usize),
            None => {
                let begin = match before.checked_sub(1).map(|at| self.rich[at]) {
                    None => number,
                    Some(rich) => (rich.first_part + rich.parts) as usize + number - rich.phrase as usize - 1,
                };
                (begin, begin + 1)
            }
        }
    }

    fn rich(&self, number: usize) -> Option<&Rich> {
        self.rich.binary_search_by_key(&number, |rich| rich.phrase as usize).ok().map(|at| &self.rich[at])
    }

    /// What may stand around and inside the phrase of `rich`.
    fn gaps(&self, rich: Option<&Rich>) -> Gaps<'_> {
        let Some(rich) = rich else { return (None, &[], None) };
        let (gaps, parts) = (rich.gaps(&self.gaps), rich.parts as usize);
        (rich.opens_before.then(|| gaps[0]), &gaps[1..parts], rich.opens_after.then(|| gaps[parts]))
    }
}

impl<'a> Phrase<'a> {
    /// As written.
    pub(crate) fn text(&self) -> &'a str {
        let (at, bytes) = self.list.texts[self.number];
        let text = match self.origin() {
            Origin::Rule => &self.list.inline,
            Origin::List(files, file) => &files[*file].text,
        };
        &text[at as usize..at as usize + usize::from(bytes)]
    }

    fn origin(&self) -> &'a Origin {
        let runs = &self.list.runs;
        &runs[runs.partition_point(|run| run.first_phrase as usize <= self.number) - 1].origin
    }

    /// The list file that it stands in, and at which byte; none: it stands in its rule.
    pub(crate) fn listed(&self) -> Option<(&'a SourceFile, usize)> {
        match self.origin() {
            Origin::Rule => None,
            Origin::List(files, file) => Some((&files[*file], self.list.texts[self.number].0 as usize)),
        }
    }

    /// Line in the file of its rule, from 1; 1 where it stands in a list file.
    pub(crate) fn line(&self) -> u64 {
        self.list.lines.get(self.number).copied().unwrap_or(1)
    }

    /// What may stand before it, of the ellipses inside, and behind it; none at an end without an ellipsis.
    pub(crate) fn gaps(&self) -> Gaps<'a> {
        self.list.gaps(self.list.rich(self.number))
    }

    /// At least as many characters as its open ends stand for.
    pub(crate) fn open_chars(&self) -> usize {
        let (before, _, behind) = self.gaps();
        before.into_iter().chain(behind).map(Gap::max_chars).max().unwrap_or(0)
    }

    /// Whether it has an ellipsis inside.
    pub(crate) fn has_gap(&self) -> bool {
        self.list.rich(self.number).is_some_and(|rich| rich.parts > 1)
    }

    /// The cells of all its parts: phrases with the same cells have the same parts.
    pub(crate) fn cells(&self) -> &'a [Cell] {
        let (begin, end) = self.span();
        &self.list.cells[begin..end]
    }

    /// Begin and end of its cells among those of the list.
    pub(crate) fn span(&self) -> (usize, usize) {
        let (begin, end) = self.list.parts(self.number);
        (self.list.part_begin(begin), self.list.ends[end - 1] as usize)
    }

    /// How many characters are left after folding.
    pub(crate) fn len(&self) -> usize {
        self.cells().len()
    }

    /// Whether it is written in Chinese characters or the like alone.
    pub(crate) fn is_ideographic(&self) -> bool {
        !self.cells().iter().any(|cell| cell.is_letter())
    }
}

/// Adds phrases to a list, each once.
pub(crate) struct Filling {
    list: Phrases,
    may_be_open: bool,
    seen: Seen,
}

impl Filling {
    /// Of a list whose phrases may begin or end with an ellipsis or may not.
    pub(crate) fn new(may_be_open: bool) -> Self {
        Self { list: Phrases::default(), may_be_open, seen: Seen::new() }
    }

    /// Adds `text`, trimmed and not empty, of the rule itself; before any list file.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub(crate) fn add_inline(&mut self, text: &str, line: u64) -> Result<(), Unfit> {
        let at = self.list.inline.len();
        self.begin_run(|| Origin::Rule, |origin| matches!(origin, Origin::Rule));
        self.add(text, at)?;
        self.list.inline.push_str(text);
        self.list.lines.push(line);
        Ok(())
    }

    /// Makes room for the words of list file `file` of `files`, which are added next.
    pub(crate) fn begin_list(&mut self, files: &Arc<[SourceFile]>, file: usize) {
        self.begin_run(|| Origin::List(files.clone(), file), |_| false);
        let text = &files[file].text;
        let lines = count_of_lines(text.as_bytes());
        let characters = text.chars().count();
        self.list.texts.reserve_exact(lines);
        self.list.ends.reserve_exact(lines);
        self.list.cells.reserve_exact(characters + 1 - lines);
        self.reserve(lines);
    }

    /// Adds `text`, which begins at byte `at` of the list file last begun.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub(crate) fn add_listed(&mut self, text: &str, at: usize) -> Result<(), Unfit> {
        self.add(text, at)
    }

    /// Notes lines of a list file that say what was said before.
    pub(crate) fn note_repeats(&mut self, repeats: Repeats) {
        self.list.repeats.push(repeats);
    }

    /// The list.
    pub(crate) fn finish(mut self) -> Phrases {
        self.list.cells.shrink_to_fit();
        self.list.ends.shrink_to_fit();
        self.list.texts.shrink_to_fit();
        self.list
    }

    fn begin_run(&mut self, origin: impl FnOnce() -> Origin, is_same: impl FnOnce(&Origin) -> bool) {
        if !self.list.runs.last().is_some_and(|run| is_same(&run.origin)) {
            self.list.runs.push(Run { first_phrase: small(self.list.len()), origin: origin() });
        }
    }

    fn add(&mut self, text: &str, at: usize) -> Result<(), Unfit> {
        let begin = self.list.cells.len();
        let first_part = self.list.ends.len();
        let first_gap = self.list.gaps.len();
        let mut rich = None;
        if has_ellipsis(text) {
            if bad_bound(text).is_some() {
                return Err(Unfit::BadBound);
            }
            let (mut opens_before, mut opens_after) = (false, false);
            let mut gap = Gap::default();
            for (number, stretch) in stretches(text).enumerate() {
                opens_before |= number == 0 && stretch.text.is_empty();
                opens_after = stretch.text.is_empty();
                let parts = self.list.ends.len();
                self.add_part(stretch.text);
                if self.list.ends.len() > parts {
                    self.list.gaps.push(std::mem::take(&mut gap));
                }
                gap = stretch.ellipsis.map_or(gap, |ellipsis| gap.beside(ellipsis.gap));
            }
            self.list.gaps.push(gap);
            rich = Some(Rich {
                phrase: small(self.list.len()),
                first_part: small(first_part),
                parts: small(self.list.ends.len() - first_part),
                first_gap: small(first_gap),
                opens_before,
                opens_after,
            });
        } else {
            self.add_part(text);
        }
        let is_open = rich.is_some_and(|rich| rich.opens_before || rich.opens_after);
        let unfit = if self.list.ends.len() == first_part {
            Some(Unfit::FoldedAway)
        } else if is_open && !self.may_be_open {
            Some(Unfit::OpenEnd)
        } else {
            self.is_repeated(begin, rich.as_ref()).then_some(Unfit::Repeated)
        };
        if let Some(unfit) = unfit {
            self.list.cells.truncate(begin);
            self.list.ends.truncate(first_part);
            self.list.gaps.truncate(first_gap);
            return Err(unfit);
        }
        self.list.texts.push((small(at), u16::try_from(text.len()).unwrap_or(u16::MAX)));
        self.list.rich.extend(rich);
        Ok(())
    }

    fn add_part(&mut self, text: &str) {
        let begin = self.list.cells.len();
        append_part(&mut self.list.cells, text);
        if self.list.cells.len() > begin {
            self.list.ends.push(small(self.list.cells.len()));
        }
    }

    /// Whether the list has the phrase whose cells are the last ones, from `begin`; it is remembered.
    fn is_repeated(&mut self, begin: usize, rich: Option<&Rich>) -> bool {
        self.reserve(1);
        let list = &self.list;
        let cells = &list.cells[begin..];
        let is_same = |number| list.get(number).cells() == cells && list.get(number).gaps() == list.gaps(rich);
        !self.seen.add(hash(cells), is_same)
    }

    fn reserve(&mut self, phrases: usize) {
        let list = &self.list;
        self.seen.reserve(phrases, |number| hash(list.get(number).cells()));
    }
}

/// How many lines `text` has; the last one counts though nothing ends it.
fn count_of_lines(text: &[u8]) -> usize {
    // So many at once are counted in bytes, which is quick.
    let ends = |bytes: &[u8]| bytes.iter().fold(0, |ends, byte| ends + u8::from(*byte == b'\n'));
    text.chunks(u8::MAX.into()).map(|bytes| usize::from(ends(bytes))).sum::<usize>() + 1
}

fn hash(cells: &[Cell]) -> u64 {
    cells.iter().fold(0, |hash: u64, cell| (hash.rotate_left(5) ^ u64::from(cell.bits())).wrapping_mul(MIX))
}

/// An odd number without a pattern: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
