//! Whether a hit differs from its phrase only in what the rule looks past: for rules that switch some of it off.

use super::changes::{Change, ReadAs};
use super::originals::Originals;
use crate::folding::differences::Differences;
use crate::folding::fold::{Class, fold};
use crate::folding::passage::Passage;
use crate::phrase::ellipsis::stretches;

/// A character of a text, and what stands before it.
pub(crate) struct Spelled {
    c: char,
    folded: char,
    signs: String,
    has_space: bool,
}

/// Whether what was `heard`, a hit of `phrase`, differs from it only by what is in `kinds`. In a hit by sound,
/// characters that are others are passed over.
pub(crate) fn differs_only_by(phrase: &str, heard: &[Spelled], kinds: Differences) -> bool {
    let stretches: Vec<Vec<Spelled>> =
        stretches(phrase).map(|stretch| spelled(stretch.text.chars())).filter(|part| !part.is_empty()).collect();
    let mut from = 0;
    for (number, said) in stretches.iter().enumerate() {
        let is_last = number + 1 == stretches.len();
        let begin = if number == 0 {
            Some(0)
        } else if is_last {
            heard.len().checked_sub(said.len()).filter(|begin| *begin >= from)
        } else {
            let is_here = |begin: &usize| said.iter().zip(&heard[*begin..]).all(|(a, b)| a.folded == b.folded);
            (from..=heard.len().saturating_sub(said.len())).find(is_here)
        };
        let Some(here) = begin.and_then(|begin| heard.get(begin..begin + said.len())) else { return true };
        if !said.iter().zip(here).enumerate().all(|(at, (said, heard))| agree(said, heard, at == 0, kinds)) {
            return false;
        }
        from = begin.unwrap_or(0) + said.len();
    }
    true
}

/// The characters `start..end` of `passage` as they were written.
pub(crate) fn as_written(passage: &Passage, originals: &Originals, (start, end): (usize, usize)) -> Vec<Spelled> {
    let mut heard = Vec::new();
    let mut at = start;
    while at < end {
        let first = passage.place(at);
        let mut behind = at + 1;
        while behind < end && passage.place(behind).text == first.text {
            behind += 1;
        }
        let last = passage.place(behind - 1).at;
        originals.with(first.text, |chars| {
            heard.extend(spelled(chars[first.at..=last].iter().copied()));
        });
        at = behind;
    }
    heard
}

/// What was `heard` from character `start` of a passage on, as it reads with `changes` made, which lie in there.
pub(crate) fn as_read(heard: Vec<Spelled>, start: usize, changes: &[Change]) -> Vec<Spelled> {
    let mut made = Vec::with_capacity(heard.len());
    let mut signs = String::new();
    let mut has_space = false;
    let mut next = changes;
    for (at, spelled) in (start..).zip(heard) {
        next = &next[next.partition_point(|change| change.end <= at)..];
        let change = next.first().filter(|change| change.start <= at && change.to != ReadAs::AsWritten);
        let is_inside = change.is_some_and(|change| change.start < at && change.to != ReadAs::Nothing);
        // What stands inside a number belongs to it.
        if !is_inside {
            signs.push_str(&spelled.signs);
            has_space |= spelled.has_space;
        }
        let reads = match change {
            None => Some(spelled.c),
            Some(Change { to: ReadAs::One(c), .. }) if !is_inside => Some(*c),
            _ => None,
        };
        let text = match change {
            Some(Change { to: ReadAs::Text(text), .. }) if !is_inside => text.as_str(),
            _ => "",
        };
        for c in reads.into_iter().chain(text.chars()) {
            if c == '.' {
                signs.push(c);
                continue;
            }
            let folded = fold(c).1;
            made.push(Spelled { c, folded, signs: std::mem::take(&mut signs), has_space });
            has_space = false;
        }
    }
    made
}

fn spelled(chars: impl Iterator<Item = char>) -> Vec<Spelled> {
    let mut all = Vec::new();
    let mut signs = String::new();
    let mut has_space = false;
    for c in chars {
        let (class, folded) = fold(c);
        match class {
            Class::Nothing => {}
            Class::Ideograph | Class::Letter => {
                all.push(Spelled { c, folded, signs: std::mem::take(&mut signs), has_space });
                has_space = false;
            }
            Class::Gap | Class::Pause | Class::Apostrophe if c.is_whitespace() => has_space = true,
            Class::Gap | Class::Pause | Class::Apostrophe => signs.push(c),
        }
    }
    all
}

fn agree(said: &Spelled, heard: &Spelled, is_first: bool, kinds: Differences) -> bool {
    let is_joined_alike = is_first
        || (kinds.contains(Differences::SPACES) || said.has_space == heard.has_space)
            && (kinds.contains(Differences::PUNCTUATION) || said.signs == heard.signs);
    is_joined_alike && (said.c == heard.c || said.folded != heard.folded || kinds.contains(difference(said.c, heard.c)))
}

/// What lies between two characters that fold to the same.
fn difference(a: char, b: char) -> Differences {
    let mut kinds = Differences::NONE;
    let (narrow_a, narrow_b) = (narrow(a), narrow(b));
    if (narrow_a == a) != (narrow_b == b) {
        kinds = kinds.with(Differences::WIDTH);
    }
    if narrow_a != narrow_b {
        let is_case = narrow_a.to_lowercase().eq(narrow_b.to_lowercase());
        kinds = kinds.with(if is_case { Differences::CASE } else { Differences::TRADITIONAL });
    }
    kinds
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}
