//! Filling a list of phrases, each once.

use std::sync::Arc;

use super::cell::{Cell, append_part};
use super::ellipsis::{Gap, bad_bound, has_ellipsis, stretches};
use super::known::KnownPhrases;
use super::phrases::{Elliptic, ListTexts, Origin, Phrases, Repeats, Run};
use crate::numbers::small;

/// Why a text is no phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing is left after folding.
    FoldedAway,
    /// It begins or ends with an ellipsis.
    OpenEnd,
    /// One of its ellipses has a bound that is none.
    BadBound,
    /// It is there already.
    Repeated,
}

/// Adds phrases to a list, each once.
pub struct PhrasesBuilder {
    list: Phrases,
    may_be_open: bool,
    known: KnownPhrases,
}

impl PhrasesBuilder {
    /// Of a list whose phrases may begin or end with an ellipsis or may not.
    pub fn new(may_be_open: bool) -> Self {
        Self { list: Phrases::default(), may_be_open, known: KnownPhrases::new() }
    }

    /// Adds `text`, trimmed and not empty, which stands in no list; before any list. `line` is where somebody wrote it, from 1.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub fn add_inline(&mut self, text: &str, line: u64) -> Result<(), Unfit> {
        let at = self.list.inline.len();
        self.begin_run(|| Origin::Inline, |origin| matches!(origin, Origin::Inline));
        self.add(text, at)?;
        self.list.inline.push_str(text);
        self.list.lines.push(line);
        Ok(())
    }

    /// Makes room for the words of list `number` of `texts`, which are added next.
    pub fn begin_list(&mut self, texts: Arc<dyn ListTexts>, number: usize) {
        let text = texts.text(number);
        let lines = count_of_lines(text.as_bytes());
        let characters = text.chars().count();
        self.begin_run(|| Origin::List(texts, number), |_| false);
        self.list.texts.reserve_exact(lines);
        self.list.ends.reserve_exact(lines);
        self.list.cells.reserve_exact(characters + 1 - lines);
        self.reserve(lines);
    }

    /// Adds `text`, which begins at byte `at` of the list last begun.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub fn add_listed(&mut self, text: &str, at: usize) -> Result<(), Unfit> {
        self.add(text, at)
    }

    /// Notes lines of a list that say what was said before.
    pub fn note_repeats(&mut self, repeats: Repeats) {
        self.list.repeats.push(repeats);
    }

    /// The list, with no more room than it takes.
    pub fn finish(mut self) -> Phrases {
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
        let mut elliptic = None;
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
            elliptic = Some(Elliptic {
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
        let is_open = elliptic.is_some_and(|elliptic| elliptic.opens_before || elliptic.opens_after);
        let unfit = if self.list.ends.len() == first_part {
            Some(Unfit::FoldedAway)
        } else if is_open && !self.may_be_open {
            Some(Unfit::OpenEnd)
        } else {
            self.is_repeated(begin, elliptic.as_ref()).then_some(Unfit::Repeated)
        };
        if let Some(unfit) = unfit {
            self.list.cells.truncate(begin);
            self.list.ends.truncate(first_part);
            self.list.gaps.truncate(first_gap);
            return Err(unfit);
        }
        self.list.texts.push((small(at), u16::try_from(text.len()).unwrap_or(u16::MAX)));
        self.list.elliptic.extend(elliptic);
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
    fn is_repeated(&mut self, begin: usize, elliptic: Option<&Elliptic>) -> bool {
        self.reserve(1);
        let list = &self.list;
        let cells = &list.cells[begin..];
        let is_same = |number| list.get(number).cells() == cells && list.get(number).gaps() == list.gaps(elliptic);
        !self.known.add(hash(cells), is_same)
    }

    fn reserve(&mut self, phrases: usize) {
        let list = &self.list;
        self.known.reserve(phrases, |number| hash(list.get(number).cells()));
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
