//! Which of several hits in one place are reported, and which stand inside an exception.

use std::collections::BTreeMap;

use earmark_words::{Hit, Passage, Role, Term};

/// Of one term's `hits` those to report: none inside an exception, the longest of those in one place, and by sound
/// only where nothing is spelled that way. `hits` are sorted.
pub(super) fn keep(term: &Term, passage: &Passage, hits: &[Hit]) -> Vec<Hit> {
    let excepted: Vec<&Hit> = hits.iter().filter(|hit| hit.role == Role::Except).collect();
    let longest = excepted.iter().map(|except| except.end - except.start).max().unwrap_or(0);
    let open = |except: &&Hit| term.except.get(except.phrase).open_chars();
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
    let (before, _, behind) = term.except.get(except.phrase).gaps();
    let is_behind = behind.is_some_and(|gap| {
        except.start < hit.start && (hit.start < except.end || gap.spans(passage, except.end, hit.start))
    });
    let is_before = before.is_some_and(|gap| {
        hit.end < except.end && (except.start < hit.end || gap.spans(passage, hit.end, except.start))
    });
    is_behind || is_before
}
