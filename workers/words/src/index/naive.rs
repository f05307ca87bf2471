//! The index finds what somebody finds who tries every word at every place.

use proptest::prelude::*;

use super::Index;
use super::stands_alone::stands_alone;
use crate::folding::fold::{Class, fold};
use crate::folding::passage::{Joint, Passage};
use crate::phrase::builder::PhrasesBuilder;
use crate::phrase::phrases::Phrases;
use crate::sound::readings::{readings, sound_alike, sound_alike_with_tones};
use crate::terms::hit::{Hit, Role, Way};
use crate::terms::matching::{Homophones, Matching};
use crate::terms::term::Term;

/// What stands between two characters of a word.
#[derive(Clone, Copy, PartialEq)]
enum Seam {
    Nothing,
    Hyphen,
    Point,
    Space,
}

/// Characters, their classes, and what stands before each.
fn spelled(word: &str) -> (Vec<char>, Vec<Class>, Vec<Seam>) {
    let (mut chars, mut classes, mut seams, mut seam) = (Vec::new(), Vec::new(), Vec::new(), Seam::Nothing);
    for c in word.chars() {
        match fold(c) {
            (Class::Nothing, _) => {}
            (class @ (Class::Ideograph | Class::Letter), folded) => {
                if seam == Seam::Point && !folded.is_ascii_digit() {
                    seam = Seam::Space;
                }
                chars.push(folded);
                classes.push(class);
                seams.push(std::mem::replace(&mut seam, Seam::Nothing));
            }
            (Class::Apostrophe, _) if seam == Seam::Nothing => seam = Seam::Hyphen,
            (Class::Gap, _) if seam == Seam::Nothing && c == '-' => seam = Seam::Hyphen,
            (Class::Pause, '.') if seam == Seam::Nothing && chars.last().is_some_and(char::is_ascii_digit) => {
                seam = Seam::Point;
            }
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
        Seam::Point => joint == Joint::Point,
        Seam::Nothing if behind - first < 6 => joint == Joint::Joined,
        Seam::Nothing | Seam::Hyphen => joint <= Joint::Split && !matches!(joint, Joint::Comma | Joint::Point),
    }
}

fn naive(words: &[String], homophones: Option<Homophones>, passage: &Passage) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let (chars, classes, seams) = spelled(word);
        for start in 0..passage.len() {
            let end = start + chars.len();
            let Some(heard) = passage.chars.get(start..end) else { break };
            let hit = |way| Hit::new((0, Role::Find, number), start, end, way);
            let keeps_words = passage.begins_word(start)
                && passage.ends_word(end)
                && (1..chars.len()).all(|i| may_have(&classes, &seams, i, passage.joint(start + i)));
            if heard == chars && keeps_words {
                hits.push(hit(Way::Spelled));
            }
            let can_sound = homophones.is_some_and(|it| chars.len() >= it.min_chars)
                && classes.iter().all(|class| *class == Class::Ideograph)
                && chars.windows(3).any(|three| three.iter().all(|c| !readings(*c).is_empty()));
            let is_alike = heard.iter().zip(&chars).all(|(&a, &b)| a == b || sound_alike(a, b));
            let has_tones = heard.iter().zip(&chars).all(|(&a, &b)| a == b || sound_alike_with_tones(a, b));
            let is_close = chars.len() > 3 || has_tones || stands_alone(passage, start, end);
            let is_apart = passage.begins_word(start) && passage.ends_word(end);
            if can_sound && heard != chars && is_alike && is_close && is_apart {
                hits.push(hit(Way::Sound));
            }
        }
    }
    hits.sort_unstable();
    hits
}

fn term(words: &[String], homophones: Option<Homophones>) -> (Vec<String>, Term) {
    let mut phrases = PhrasesBuilder::new(false);
    let added = |word: &&String| phrases.add_inline(word, 1).is_ok();
    let kept = words.iter().filter(added).cloned().collect();
    (
        kept,
        Term {
            phrases: phrases.finish(),
            except: Phrases::default(),
            patterns: Vec::new(),
            matching: Matching { homophones, ..Matching::default() },
        },
    )
}

/// What somebody finds of a phrase with ellipses who tries every way to put its parts together. Each part has the bound
/// of the ellipsis behind it; none: eight characters or four words.
fn naive_phrase(parts: &[(String, Option<usize>)], passage: &Passage) -> Vec<Hit> {
    let fits = |from: usize, to: usize, bound: Option<usize>| {
        let words = (from..to).filter(|&at| passage.is_letter(at) && passage.begins_word(at)).count();
        let ideographs = (from..to).filter(|&at| !passage.is_letter(at)).count();
        let is_small = bound.map_or(ideographs + 2 * words <= 8, |bound| ideographs + words <= bound);
        is_small && (from..=to).all(|at| passage.joint(at) != Joint::Pause)
    };
    let [(word, _), rest @ ..] = parts else { return Vec::new() };
    let mut found = naive(std::slice::from_ref(word), None, passage);
    let mut bound = parts[0].1;
    // The ends that each beginning can have.
    let mut chains: Vec<(usize, Vec<usize>)> = found.drain(..).map(|hit| (hit.start, vec![hit.end])).collect();
    for (word, next) in rest {
        let here = naive(std::slice::from_ref(word), None, passage);
        for (_, ends) in &mut chains {
            let follows = |hit: &&Hit| ends.iter().any(|&end| end <= hit.start && fits(end, hit.start, bound));
            *ends = here.iter().filter(follows).map(|hit| hit.end).collect();
        }
        bound = *next;
    }
    let soonest = |(start, ends): (usize, Vec<usize>)| Some((start, *ends.iter().min()?));
    let whole = chains.into_iter().filter_map(soonest);
    whole.map(|(start, end)| Hit::new((0, Role::Find, 0), start, end, Way::Spelled)).collect()
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

/// Parts of phrases, so few that they follow one another often.
fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["保", "本", "息", "保本", "no ", "risk ", " all "])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_word_is_found_everywhere_and_nothing_else(
        words in proptest::collection::vec(text(1..9), 1..40),
        text in text(0..60),
        least in proptest::option::of(3_usize..5),
    ) {
        let homophones = least.map(|min_chars| Homophones { min_chars, ..Homophones::default() });
        let words: Vec<String> = words.iter().map(|word| word.trim().replace("...", "").replace('…', "")).collect();
        let (words, term) = term(&words, homophones);
        let terms = [term];
        let passage = Passage::of(&text);
        prop_assert_eq!(Index::new(&terms).unwrap().hits(&terms, &passage), naive(&words, homophones, &passage));
    }

    #[test]
    fn a_phrase_with_ellipses_is_found_wherever_its_parts_keep_to_the_bounds(
        parts in proptest::collection::vec((piece(), proptest::option::of(1_usize..5)), 2..5),
        text in proptest::collection::vec(prop_oneof![4 => piece(), 1 => Just("，"), 1 => Just("x ")], 0..40),
    ) {
        let parts: Vec<(String, Option<usize>)> = parts.iter().map(|(part, bound)| ((*part).into(), *bound)).collect();
        let mut phrase = parts[0].0.clone();
        for ((_, bound), (part, _)) in parts.iter().zip(&parts[1..]) {
            let bound = bound.map_or(String::new(), |bound| format!("{{{bound}}}"));
            phrase.push_str(&format!("…{bound}{part}"));
        }
        let (_, term) = term(&[phrase], None);
        let terms = [term];
        let passage = Passage::of(&text.concat());
        prop_assert_eq!(Index::new(&terms).unwrap().hits(&terms, &passage), naive_phrase(&parts, &passage));
    }
}
