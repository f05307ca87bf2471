//! What is read again here and there is found as if everything were read again.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::Finder;
use super::rereading::Rereading;
use crate::folding::differences::Differences;
use crate::folding::passage::Passage;
use crate::phrase::builder::PhrasesBuilder;
use crate::phrase::phrases::Phrases;
use crate::reduction::originals::Originals;
use crate::sound::fuzzy::Fuzzy;
use crate::terms::hit::Hit;
use crate::terms::matching::{Homophones, Matching};
use crate::terms::term::Term;

fn term(words: &[String], homophones: Option<Homophones>) -> Term {
    let mut phrases = PhrasesBuilder::new(false);
    for word in words {
        // Some are there twice.
        let _ = phrases.add_inline(word, 1);
    }
    let matching = Matching { homophones, normalise: Differences::DEFAULT, ..Matching::default() };
    Term { phrases: phrases.finish(), except: Phrases::default(), patterns: Vec::new(), matching }
}

/// Phrases and places: a place may be found as it is written and once more as it is read.
fn places(hits: &[Hit]) -> BTreeSet<(usize, usize, usize)> {
    hits.iter().map(|hit| (hit.phrase, hit.start, hit.end)).collect()
}

fn everywhere(finder: &Finder, terms: &[Term], passage: &Passage, text: &str) -> Vec<Hit> {
    let mut hits = finder.index.hits(terms, passage);
    if let Some(rereading) = Rereading::around(&finder.rereader, passage, |_, _| passage.len()) {
        rereading.hits(&finder.rereader, &finder.index, terms, &Originals::new(&|_| text), &mut hits);
    }
    hits
}

/// Few characters with many that sound like them, and numerals.
fn piece() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        8 => proptest::sample::select(vec!["保", "薄", "宝", "本", "息", "锡", "行", "航", "长", "常", "ア"]),
        2 => proptest::sample::select(vec!["一", "二", "两", "零", "3", "12"]),
        1 => proptest::sample::select(vec!["no ", "risk ", "ab ", "x"]),
    ]
}

/// Nothing is said twice in it: what a phrase says twice itself may also end where its text is reduced.
fn word() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 1..9).prop_map(|mut pieces| {
        let mut said = HashSet::new();
        pieces.retain(|piece| said.insert(*piece));
        pieces.concat()
    })
}

/// The same with what is reduced in between.
fn between() -> impl Strategy<Value = String> {
    let reduced = proptest::sample::select(vec![
        "嗯",
        "那个",
        "就是",
        "啊",
        " um ",
        "you know ",
        "，",
        "保保",
        "息锡息锡",
        "十",
        "百",
        "千",
        "万",
        "点",
    ]);
    proptest::collection::vec(prop_oneof![piece(), reduced], 0..6).prop_map(|pieces| pieces.concat())
}

const NUMERALS: [char; 7] = ['一', '二', '两', '零', '3', '1', '2'];
/// Characters that sound alike, side by side.
const ALIKE: [&str; 4] = ["保薄宝", "息锡", "行航", "长常"];
const REDUCED: [&str; 5] = ["嗯", "那个", "就是", "嗯那个", "，"];

/// `word` as somebody says it: `how` says of each character whether something is said before it, whether it is said
/// again, and whether it is misheard.
fn said(word: &str, how: &[u8]) -> String {
    let mut said = String::new();
    for (c, how) in word.chars().zip(how.iter().cycle()) {
        // Nothing is looked past inside a word of letters.
        let how = if c.is_ascii() { 0 } else { *how };
        let alike = ALIKE.into_iter().find(|alike| alike.contains(c)).unwrap_or_default();
        let misheard = alike.chars().nth(usize::from(how / 16) % 3).filter(|_| how & 1 != 0);
        said.push_str(REDUCED.get(usize::from(how / 16)).filter(|_| how & 6 == 2).copied().unwrap_or_default());
        said.push(misheard.unwrap_or(c));
        said.extend(Some(c).filter(|_| how & 6 == 4 && misheard.is_none()));
    }
    said
}

#[test]
fn a_word_is_not_cut_where_reading_ends() {
    // 两 is read again with as much behind it as the third phrase may have there, which ends inside a word.
    let words = ["保", "锡一本保ab no x", "息保risk 两", "二"].map(String::from);
    let terms = [term(&words, None)];
    let finder = Finder::new(&terms).unwrap();
    let text = "息保risk 两锡一本保ab no xyou";
    let found = finder.hits(&terms, &Passage::of(text), &|_| text);
    assert_eq!(places(&found), BTreeSet::from([(0, 1, 2), (0, 10, 11), (2, 0, 7)]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_missed_where_only_a_part_is_read_again(
        words in proptest::collection::vec(word(), 1..12),
        texts in proptest::collection::vec((between(), 0_usize..12, proptest::collection::vec(any::<u8>(), 1..8)), 1..6),
        least in proptest::option::of(3_usize..5),
        is_fuzzy in any::<bool>(),
    ) {
        let fuzzy = if is_fuzzy { Fuzzy::ALL } else { Fuzzy::default() };
        let homophones = least.map(|min_chars| Homophones { min_chars, fuzzy, ..Homophones::default() });
        // As a digit, a numeral sounds like more than it does as it is written, which is not asked for where every phrase
        // writes it so.
        let numerals = if least.is_some() { &NUMERALS[..] } else { &[] };
        let words: Vec<String> = words.iter().map(|word| word.replace(numerals, "")).collect();
        let terms = [term(&words, homophones)];
        let finder = Finder::new(&terms).unwrap();
        let of = |(between, word, how): &(String, usize, Vec<u8>)| said(&words[word % words.len()], how) + between;
        let text: String = texts.iter().map(of).collect();
        let passage = Passage::of(&text);
        let found = finder.hits(&terms, &passage, &|_| &text);
        prop_assert_eq!(places(&found), places(&everywhere(&finder, &terms, &passage, &text)));
    }
}
