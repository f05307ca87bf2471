//! What is read again here and there is found as if everything were read again.

use proptest::prelude::*;

use super::Finder;
use super::again::Again;
use crate::index::Hit;
use crate::normalise::Kinds;
use crate::passage::Passage;
use crate::phrases::{Filling, Phrases};
use crate::sound::Fuzzy;
use crate::term::{Homophones, Matching, Term};
use crate::texts::{Originals, Texts};

fn term(words: &[String], homophones: Option<Homophones>) -> Term {
    let mut phrases = Filling::new(false);
    for word in words {
        // Some are there twice.
        let _ = phrases.add_inline(word, 1);
    }
    let matching = Matching { homophones, normalise: Kinds::DEFAULT, ..Matching::default() };
    Term { phrases: phrases.finish(), except: Phrases::default(), patterns: Vec::new(), matching }
}

fn everywhere(finder: &Finder, terms: &[Term], passage: &Passage, text: &str) -> Vec<Hit> {
    let mut hits = finder.index.hits(terms, passage);
    if let Some(again) = Again::around(finder, passage, |_, _| passage.len()) {
        again.hits(finder, terms, &Originals::new(Texts::One(text)), &mut hits);
    }
    hits.sort_unstable();
    hits.dedup();
    hits
}

/// Few characters with many that sound like them, numerals, and what is reduced between them.
fn pieces(reduced: u32) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec!["保", "薄", "宝", "本", "息", "锡", "行", "航", "长", "常", "ア"]),
        3 => proptest::sample::select(vec!["一", "幺", "要", "二", "两", "十", "百", "千", "万", "3", "12", "点", "零"]),
        2 => proptest::sample::select(vec!["no ", "risk ", "ab ", "x"]),
        reduced => proptest::sample::select(vec!["嗯", "那个", "就是", "啊", " um ", "you know ", "，", "保保", "息锡息锡"]),
    ];
    proptest::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_missed_where_only_a_part_is_read_again(
        words in proptest::collection::vec(pieces(1), 1..12),
        texts in proptest::collection::vec(pieces(6), 1..6),
        least in proptest::option::of(3_usize..5),
        is_fuzzy in any::<bool>(),
    ) {
        let fuzzy = if is_fuzzy { Fuzzy::ALL } else { Fuzzy::default() };
        let homophones = least.map(|min_chars| Homophones { min_chars, fuzzy, ..Homophones::default() });
        let terms = [term(&words, homophones)];
        let finder = Finder::new(&terms).unwrap();
        let text = texts.concat();
        let passage = Passage::of(&text);
        let found = finder.hits(&terms, &passage, Texts::One(&text));
        prop_assert_eq!(found, everywhere(&finder, &terms, &passage, &text));
    }
}
