//! The index finds what somebody finds who tries every word at every place.

use proptest::prelude::*;

use super::{Hit, Index, Role};
use crate::fold::{Class, Joint, Passage, fold};
use crate::phrases::{Filling, Phrases};
use crate::sound::{readings, sound_alike};
use crate::term::{Homophones, Matching, Term};

/// What stands between two characters of a word.
#[derive(Clone, Copy, PartialEq)]
enum Seam {
    Nothing,
    Hyphen,
    Space,
}

/// Characters, their classes, and what stands before each.
fn spelled(word: &str) -> (Vec<char>, Vec<Class>, Vec<Seam>) {
    let (mut chars, mut classes, mut seams, mut seam) = (Vec::new(), Vec::new(), Vec::new(), Seam::Nothing);
    for c in word.chars() {
        match fold(c) {
            (Class::Nothing, _) => {}
            (class @ (Class::Ideograph | Class::Letter), folded) => {
                chars.push(folded);
                classes.push(class);
                seams.push(std::mem::replace(&mut seam, Seam::Nothing));
            }
            (Class::Apostrophe, _) if seam == Seam::Nothing => seam = Seam::Hyphen,
            (Class::Gap, _) if seam == Seam::Nothing && c == '-' => seam = Seam::Hyphen,
            _ => seam = Seam::Space,
        }
    }
    (chars, classes, seams)
}

/// Whether the text may have `joint` before character `at` of the word.
fn may_have(classes: &[Class], seams: &[Seam], at: usize, joint: Joint) -> bool {
    let is_letter = |i: usize| classes.get(i) == Some(&Class::Letter);
    if !is_letter(at) || !is_letter(at - 1) {
        return true;
    }
    let mut first = at;
    while first > 0 && is_letter(first - 1) && seams[first] != Seam::Space {
        first -= 1;
    }
    let mut behind = at;
    while is_letter(behind) && (behind == first || seams[behind] != Seam::Space) {
        behind += 1;
    }
    match seams[at] {
        Seam::Space => joint >= Joint::Split,
        Seam::Nothing if behind - first < 6 => joint == Joint::Joined,
        Seam::Nothing | Seam::Hyphen => joint <= Joint::Split,
    }
}

fn naive(words: &[String], homophones: Option<Homophones>, passage: &Passage) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let (chars, classes, seams) = spelled(word);
        for start in 0..passage.len() {
            let end = start + chars.len();
            let Some(heard) = passage.chars.get(start..end) else { break };
            let hit = |is_by_sound| Hit { term: 0, role: Role::Find, start, end, is_by_sound, phrase: number as u32 };
            let keeps_words = passage.begins_word(start)
                && passage.ends_word(end)
                && (1..chars.len()).all(|i| may_have(&classes, &seams, i, passage.joint(start + i)));
            if heard == chars && keeps_words {
                hits.push(hit(false));
            }
            let can_sound = homophones.is_some_and(|it| chars.len() >= it.min_chars)
                && classes.iter().all(|class| *class == Class::Ideograph)
                && chars.windows(3).any(|three| three.iter().all(|c| !readings(*c).is_empty()));
            let is_alike = heard.iter().zip(&chars).all(|(&a, &b)| a == b || sound_alike(a, b));
            if can_sound && heard != chars && is_alike {
                hits.push(hit(true));
            }
        }
    }
    hits.sort_unstable();
    hits
}

fn term(words: &[String], homophones: Option<Homophones>) -> (Vec<String>, Term) {
    let mut phrases = Filling::new(false);
    let added = |word: &&String| phrases.add_inline(word, 1).is_ok();
    let kept = words.iter().filter(added).cloned().collect();
    (kept, Term { phrases: phrases.finish(), except: Phrases::default(), matching: Matching { homophones } })
}

/// Few characters, so that much of what is made up is found, with all that joins and splits them.
fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(vec!["保", "薄", "本", "息", "锡", "证", "證", "一", "ア", "가"]),
        6 => proptest::sample::select(vec!["a", "b", "s", "E", "e", "ａ", "6", "9", "é"]),
        2 => proptest::sample::select(vec!["what", "whats", "app", "therapist", "the", "rapist", "code", "idiot"]),
        4 => proptest::sample::select(vec![" ", " ", "-", "'", "’s ", "'s", ", ", "。", ".", "\u{200b}", " - "]),
    ];
    proptest::collection::vec(piece, pieces).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_word_is_found_everywhere_and_nothing_else(
        words in proptest::collection::vec(text(1..9), 1..40),
        text in text(0..60),
        least in proptest::option::of(3_usize..5),
    ) {
        let homophones = least.map(|min_chars| Homophones { min_chars, max_severity: None });
        let words: Vec<String> = words.iter().map(|word| word.trim().replace("...", "").replace('…', "")).collect();
        let (words, term) = term(&words, homophones);
        let terms = [term];
        let passage = Passage::of(&text);
        prop_assert_eq!(Index::new(&terms).unwrap().hits(&terms, &passage), naive(&words, homophones, &passage));
    }
}
