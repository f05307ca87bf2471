//! What a text reads as once it is reduced, and where its characters come from.

use std::ops::Range;

use crate::fold::{Joint, Passage};
use crate::gap::{has_ellipsis, stretches};
use crate::normalise::Kinds;
use crate::reduce::{Change, Read, changes};
use crate::texts::{Originals, Texts};

/// A stretch of a passage as it reads with some changes made.
pub(crate) struct Reading {
    /// The passage as it reads.
    pub(crate) passage: Passage,
    /// The texts of the passage's utterances as they read.
    pub(crate) texts: Vec<String>,
    /// For each character of `passage`, begin and end in the passage that was reduced.
    origins: Vec<(usize, usize)>,
}

impl Reading {
    /// Characters `range` of `passage` with `changes` made, which all lie in there.
    pub(crate) fn new(passage: &Passage, originals: &Originals, range: Range<usize>, changes: &[Change]) -> Self {
        let mut made = Self { passage: Passage::default(), texts: Vec::new(), origins: Vec::new() };
        let mut next = changes;
        let mut at = range.start;
        while at < range.end {
            let utterance = passage.place(at).utterance;
            let end = passage.end_of_utterance(at).min(range.end);
            let (first, last) = (passage.place(at).at as usize, passage.place(end - 1).at as usize);
            let mut text = String::new();
            // For each character of `text`: where it comes from.
            let mut origins: Vec<(usize, usize)> = Vec::new();
            let mut here = at;
            originals.with(utterance, |chars| {
                for (offset, &c) in chars[first..=last].iter().enumerate() {
                    while next.first().is_some_and(|change| change.end <= here) {
                        next = &next[1..];
                    }
                    let inside = next.first().filter(|change| change.start <= here);
                    let is_sign = passage.place(here).at as usize != first + offset;
                    match (is_sign, inside) {
                        // What stands inside a number belongs to it.
                        (true, Some(change)) if change.start < here && change.to != Read::Nothing => {}
                        (true, _) => {
                            text.push(c);
                            origins.push((here, here));
                        }
                        (false, Some(change)) => {
                            if here == change.start {
                                let origin = (change.start, change.end);
                                match &change.to {
                                    Read::Nothing => {}
                                    Read::One(c) => {
                                        text.push(*c);
                                        origins.push(origin);
                                    }
                                    Read::Text(to) => {
                                        text.push_str(to);
                                        origins.extend(to.chars().map(|_| origin));
                                    }
                                }
                            }
                            here += 1;
                        }
                        (false, None) => {
                            text.push(c);
                            origins.push((here, here + 1));
                            here += 1;
                        }
                    }
                }
            });
            let before = made.passage.len();
            made.passage.append(u32::try_from(made.texts.len()).unwrap_or(u32::MAX), &text);
            made.passage.separate(Joint::Split);
            let places = before..made.passage.len();
            made.origins.extend(places.map(|at| origins[made.passage.place(at).at as usize]));
            made.texts.push(text);
            at = end;
        }
        made
    }

    /// Where characters `start..end` of the reading stand in the passage that was reduced.
    pub(crate) fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origins[start].0, self.origins[end - 1].1)
    }
}

/// `text` as it reads with everything reduced that can be, by `kinds`, and by which of them it was; none where that
/// changes nothing or leaves nothing.
pub(crate) fn reduced(text: &str, kinds: Kinds) -> Option<(String, Kinds)> {
    if !has_ellipsis(text) {
        return reduced_stretch(text, kinds);
    }
    let (mut read, mut by) = (String::new(), Kinds::NONE);
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
    (by != Kinds::NONE).then_some((read, by))
}

fn reduced_stretch(text: &str, kinds: Kinds) -> Option<(String, Kinds)> {
    let passage = Passage::of(text);
    let mut made = Vec::new();
    changes(&passage, 0..passage.len(), kinds, |change| made.push(change));
    if made.is_empty() {
        return None;
    }
    let by = made.iter().fold(Kinds::NONE, |by, change| by.with(change.kinds));
    // Signs before the first character and behind the last stay.
    let spelled: Vec<char> = text.chars().collect();
    let (first, last) = (passage.place(0).at as usize, passage.place(passage.len() - 1).at as usize);
    let reading = Reading::new(&passage, &Originals::new(Texts::One(text)), 0..passage.len(), &made);
    if reading.passage.len() == 0 {
        return None;
    }
    let before: String = spelled[..first].iter().collect();
    let after: String = spelled[last + 1..].iter().collect();
    Some((format!("{before}{}{after}", reading.texts.concat()), by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speech_adds_to_words_is_reduced() {
        let all = Kinds::DEFAULT.with(Kinds::SPLIT_CHARACTERS);
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
        changes(&passage, 0..passage.len(), Kinds::DEFAULT, |change| made.push(change));
        let reading = Reading::new(&passage, &Originals::new(Texts::One(text)), 0..passage.len(), &made);
        assert_eq!(reading.passage.chars.iter().collect::<String>(), "我保证12个月");
        assert_eq!(reading.origin(1, 3), (1, 5), "保嗯保证");
        assert_eq!(reading.origin(3, 5), (5, 7), "十二");
        assert_eq!(reading.origin(3, 6), (5, 8), "十二个");
    }
}
