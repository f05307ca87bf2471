//! What a text reads as once it is reduced, and where its characters come from.

use super::changes::{Change, ReadAs, changes};
use crate::folding::differences::Differences;
use crate::folding::fold::{Class, fold};
use crate::folding::passage::{Joint, Passage};
use crate::phrase::ellipsis::{has_ellipsis, stretches};

/// Between stretches: no phrase has it.
const SEAM: char = '\0';

/// Stretches of a passage as they read with changes made, one behind the other.
pub(crate) struct Reading {
    /// The stretches as they read. Places in texts are not known here.
    pub(crate) passage: Passage,
    /// For each character of `passage`, begin and end in the passage that was reduced.
    origins: Vec<(usize, usize)>,
}

impl Reading {
    /// Characters `stretches` of `passage` with `changes` made; both are in order, and a stretch has all of a change
    /// or nothing.
    pub(crate) fn new(passage: &Passage, changes: &[Change], stretches: &[(usize, usize)]) -> Self {
        let characters = stretches.iter().map(|(from, to)| to - from + 1).sum::<usize>() + 1;
        let mut made = Self { passage: Passage::with_capacity(characters), origins: Vec::with_capacity(characters) };
        let mut next = changes;
        let mut last = 0;
        for &(from, to) in stretches {
            if from > 0 {
                made.seam(last, from);
            }
            last = to;
            next = &next[next.partition_point(|change| change.start < from)..];
            let mut at = from;
            while at < to {
                made.passage.separate(between(passage, at));
                match next.first().filter(|change| change.start == at && change.to != ReadAs::AsWritten) {
                    Some(change) => {
                        made.change(passage, change);
                        at = change.end;
                    }
                    None => {
                        let class = if passage.is_letter(at) { Class::Letter } else { Class::Ideograph };
                        made.push(passage.chars[at], class, (at, at + 1));
                        at += 1;
                    }
                }
                next = &next[next.iter().take_while(|change| change.start < at).count()..];
            }
        }
        made.seam(last, passage.len());
        made
    }

    /// What is between is not read.
    fn seam(&mut self, from: usize, to: usize) {
        self.passage.separate(Joint::Pause);
        self.push(SEAM, Class::Gap, (from, to));
    }

    fn push(&mut self, c: char, class: Class, origin: (usize, usize)) {
        self.passage.push(c, class);
        self.origins.push(origin);
    }

    fn change(&mut self, passage: &Passage, change: &Change) {
        let origin = (change.start, change.end);
        match &change.to {
            ReadAs::Nothing => {
                (change.start + 1..change.end).for_each(|at| self.passage.separate(between(passage, at)))
            }
            // Both are digits, but for characters that were in halves.
            ReadAs::One(c) => self.push(*c, fold(*c).0, origin),
            ReadAs::Text(text) => {
                for c in text.chars() {
                    match c {
                        '.' => self.passage.separate(Joint::Point),
                        _ => self.push(c, fold(c).0, origin),
                    }
                }
            }
            ReadAs::AsWritten => {}
        }
    }

    /// Whether all of the passage that stands less than `margin` characters from characters `start..end` was read.
    pub(crate) fn has_around(&self, start: usize, end: usize, margin: usize) -> bool {
        let is_read = |at: usize| self.passage.chars[at] != SEAM || self.origins[at].0 == self.origins[at].1;
        (start.saturating_sub(margin)..start).chain(end..(end + margin).min(self.origins.len())).all(is_read)
    }

    /// Where characters `start..end` of the reading stand in the passage that was reduced.
    pub(crate) fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origins[start].0, self.origins[end - 1].1)
    }
}

/// What stands before character `at` of `passage`; that the script changes there is for what is read to see.
fn between(passage: &Passage, at: usize) -> Joint {
    match passage.joint(at) {
        Joint::Split if at > 0 && passage.is_adjacent(at) => Joint::Joined,
        joint => joint,
    }
}

/// `text` as it reads with everything reduced that can be, by `kinds`, and by which of them it was; none where that
/// changes nothing or leaves nothing.
pub fn reduced(text: &str, kinds: Differences) -> Option<(String, Differences)> {
    if !has_ellipsis(text) {
        return reduced_stretch(text, kinds);
    }
    let (mut read, mut by) = (String::new(), Differences::NONE);
    for stretch in stretches(text) {
        match reduced_stretch(stretch.text, kinds) {
            Some((text, kinds)) => {
                read.push_str(&text);
                by = by.with(kinds);
            }
            None => read.push_str(stretch.text),
        }
        read.push_str(stretch.ellipsis.map_or("", |ellipsis| ellipsis.written));
    }
    (by != Differences::NONE).then_some((read, by))
}

fn reduced_stretch(text: &str, kinds: Differences) -> Option<(String, Differences)> {
    let passage = Passage::of(text);
    let mut made = Vec::new();
    changes(&passage, kinds, |change| made.extend((change.to != ReadAs::AsWritten).then_some(change)));
    if made.is_empty() {
        return None;
    }
    let by = made.iter().fold(Differences::NONE, |by, change| by.with(change.kinds));
    let mut reads = String::with_capacity(text.len());
    let mut next = made.as_slice();
    let mut here = 0;
    for (at, c) in text.chars().enumerate() {
        let is_sign = here == passage.len() || passage.place(here).at != at;
        let inside = next.first().filter(|change| change.start <= here);
        match inside {
            // What stands inside a number belongs to it.
            Some(change) if is_sign && change.start < here && change.to != ReadAs::Nothing => {}
            Some(change) if !is_sign => {
                if here == change.start {
                    match &change.to {
                        ReadAs::Nothing | ReadAs::AsWritten => {}
                        ReadAs::One(c) => reads.push(*c),
                        ReadAs::Text(to) => reads.push_str(to),
                    }
                }
            }
            _ => reads.push(c),
        }
        here += usize::from(!is_sign);
        next = &next[next.iter().take_while(|change| change.end <= here).count()..];
    }
    let is_left = |c: char| matches!(fold(c).0, Class::Ideograph | Class::Letter);
    reads.chars().any(is_left).then_some((reads, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speech_adds_to_words_is_reduced() {
        let all = Differences::DEFAULT.with(Differences::SPLIT_CHARACTERS);
        for (text, reads) in [
            ("保嗯证", Some("保证")),
            ("保保证收益", Some("保证收益")),
            ("保嗯保证", Some("保证")),
            ("加那个微信", Some("加微信")),
            ("稳赚不赚不赔", Some("稳赚不赔")),
            ("一定一定要", Some("1定要")),
            ("六九五", Some("695")),
            ("第6九", Some("第69")),
            ("…保保证", Some("…保证")),
            ("no um risk", Some("no  risk")),
            ("no risk risk at all", Some("no risk  at all")),
            ("no, you know, risk", Some("no,  , risk")),
            ("十二个月", Some("12个月")),
            ("一百二十块", Some("120块")),
            ("3,000元", Some("3000元")),
            ("二点五倍", Some("2.5倍")),
            ("2.5万块", Some("25000块")),
            ("三点钟", Some("3点钟")),
            ("弓虽迫", Some("强迫")),
            ("110", None),
            ("1,23", None),
            ("2.5", None),
            ("一一五", Some("115")),
            ("千万不要", None),
            ("the thermal umbrella", None),
            ("嗯", None),
            ("", None),
        ] {
            let read = reduced(text, all).map(|(read, _)| read);
            assert_eq!(read.as_deref(), reads, "{text}");
        }
    }

    #[test]
    fn a_reading_knows_where_its_characters_stood() {
        let text = "我，保嗯保证十二个月";
        let passage = Passage::of(text);
        let mut made = Vec::new();
        changes(&passage, Differences::DEFAULT, |change| made.push(change));
        let reading = Reading::new(&passage, &made, &[(0, passage.len())]);
        assert_eq!(reading.passage.chars.iter().collect::<String>(), "我保证12个月\0");
        assert_eq!(reading.origin(1, 3), (1, 5), "保嗯保证");
        assert_eq!(reading.origin(3, 5), (5, 7), "十二");
        assert_eq!(reading.origin(3, 6), (5, 8), "十二个");
    }
}
