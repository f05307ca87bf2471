//! Byte-level byte-pair encoding: a text to a model's tokens.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use regex::Regex;

use crate::tokenizer_file::{self, TokenizerFile};

/// The words that a text is cut into, within which pairs are merged: GPT-2's pattern (`encoder.py`) but for its
/// `\s+(?!\S)`, which [`Encoder::words`] stands in for.
const WORD: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";

/// Turns text into tokens.
pub(crate) struct Encoder {
    word: Regex,
    /// Whether a text is taken to begin with a space.
    is_spaced: bool,
    /// The token of each byte.
    bytes: [u32; 256],
    /// What two tokens side by side become.
    merges: HashMap<(u32, u32), Merge>,
}

#[derive(Debug, Clone, Copy)]
struct Merge {
    /// The lowest comes first.
    rank: u32,
    into: u32,
}

/// A piece of a word while its pairs are merged; each begins where one of the word's bytes does.
struct Part {
    /// `None` when it has become part of the one before.
    id: Option<u32>,
    before: Option<usize>,
    after: usize,
}

impl Encoder {
    /// # Errors
    /// What is wrong with the file's tokens.
    pub(crate) fn new(file: &TokenizerFile) -> Result<Self, String> {
        let mut bytes = [None; 256];
        for (token, id) in file.tokens().filter(|(token, _)| token.chars().count() == 1) {
            if let [byte] = tokenizer_file::bytes(token)[..] {
                bytes[usize::from(byte)] = Some(id);
            }
        }
        if let Some(byte) = bytes.iter().position(Option::is_none) {
            return Err(format!("has no token for the byte {byte}"));
        }
        let ranked = (0..).zip(file.merges());
        let merges = ranked.map(|(rank, merge)| merge.map(|(pair, into)| (pair, Merge { rank, into })));
        Ok(Self {
            word: Regex::new(WORD).map_err(|error| error.to_string())?,
            is_spaced: file.is_spaced(),
            bytes: bytes.map(Option::unwrap_or_default),
            merges: merges.collect::<Result<_, String>>()?,
        })
    }

    /// The tokens of a text. What looks like a mark in it is text like the rest: a prompt or a glossary must not end or
    /// steer the decoder.
    pub(crate) fn encode(&self, text: &str) -> Vec<usize> {
        let lacks_space = self.is_spaced && !text.is_empty() && !text.starts_with(' ');
        let text = if lacks_space { Cow::Owned(format!(" {text}")) } else { Cow::Borrowed(text) };
        let mut tokens = Vec::new();
        for word in self.words(&text) {
            let ids = self.merged(word).into_iter().filter_map(|part| part.id);
            tokens.extend(ids.filter_map(|id| usize::try_from(id).ok()));
        }
        tokens
    }

    /// The words of a text, one after the other. White space before a word leaves its last character to that word.
    fn words<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let found = self.word.find_at(text, start)?;
            let (last, character) = found.as_str().char_indices().next_back()?;
            let gives_back = character.is_whitespace() && last > 0 && found.end() < text.len();
            start = if gives_back { found.start() + last } else { found.end() };
            Some(&text[found.start()..start])
        })
    }

    /// The parts of a word when no pair is left to merge: always the pair of the lowest rank, the leftmost of these. (A
    /// queue, not a search for each: a text without spaces is one word, however long.)
    fn merged(&self, word: &str) -> Vec<Part> {
        let part = |(at, byte): (usize, u8)| Part {
            id: Some(self.bytes[usize::from(byte)]),
            before: at.checked_sub(1),
            after: at + 1,
        };
        let mut parts: Vec<Part> = word.bytes().enumerate().map(part).collect();
        let offer = |parts: &[Part], at| self.merge(parts, at).map(|merge| Reverse((merge.rank, at)));
        let mut queue: BinaryHeap<_> = (0..parts.len()).filter_map(|at| offer(&parts, at)).collect();
        while let Some(Reverse((rank, at))) = queue.pop() {
            // One of the two may have been merged with another meanwhile.
            let Some(merge) = self.merge(&parts, at).filter(|merge| merge.rank == rank) else {
                continue;
            };
            let gone = parts[at].after;
            let after = parts[gone].after;
            parts[gone].id = None;
            parts[at].id = Some(merge.into);
            parts[at].after = after;
            if let Some(next) = parts.get_mut(after) {
                next.before = Some(at);
            }
            queue.extend([parts[at].before, Some(at)].into_iter().flatten().filter_map(|at| offer(&parts, at)));
        }
        parts
    }

    /// What the part at `at` and the one after it become, if anything.
    fn merge(&self, parts: &[Part], at: usize) -> Option<Merge> {
        let left = &parts[at];
        let right = parts.get(left.after)?;
        self.merges.get(&(left.id?, right.id?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::Encoder;
    use crate::tokenizer_file::TokenizerFile;

    /// What the Python package tokenizers 0.23.3 makes of texts by engine/model/tokenizer.json
    /// (`encode_special_tokens = True`, `encode(text, add_special_tokens=False).ids`).
    const BY_TOKENIZERS: &[(&str, &[usize])] = &[
        ("", &[]),
        (" ", &[220]),
        ("a", &[64]),
        (" 以下是普通话的句子。", &[220, 3588, 4438, 1541, 29993, 19550, 21596, 1546, 34592, 7626, 1543]),
        (
            " 客户经理、理财产品、年化收益率。",
            &[
                220, 32316, 1486, 115, 30276, 13876, 1231, 13876, 18464, 95, 1369, 100, 30246, 1231, 5157, 23756,
                18681, 5419, 232, 44866, 1543,
            ],
        ),
        ("我们今天開會 discuss 一下Q3的KPI", &[15003, 12074, 8949, 6236, 2248, 220, 8861, 48, 18, 1546, 42, 31701]),
        (" Hello, world!", &[2425, 11, 1002, 0]),
        (" the thing that they've thought", &[220, 3322, 220, 825, 220, 6780, 220, 13162, 600, 220, 43135]),
        (
            "it's I'M they've WE'LL he'd don't can'T",
            &[270, 311, 286, 6, 44, 220, 13162, 600, 15813, 6, 24010, 415, 1116, 500, 380, 393, 6, 51],
        ),
        ("'sample 'tis o'clock ''s", &[311, 335, 781, 922, 83, 271, 277, 6, 9023, 12119, 82]),
        (
            "2024年11月29日 3.14% １２３",
            &[
                2009, 7911, 5157, 5348, 6939, 11871, 6890, 805, 13, 7271, 4, 25072, 120, 239, 171, 120, 240, 171, 120,
                241,
            ],
        ),
        ("Ⅳ ½ ² ٣ ५ ①", &[158, 227, 96, 32653, 1815, 110, 1447, 96, 220, 8703, 104, 672, 239, 254]),
        ("  two   spaces  ", &[220, 220, 20534, 220, 220, 7673, 220, 220]),
        ("a\tb\n\nc\r\n d \n", &[64, 197, 65, 198, 198, 66, 201, 198, 274, 220, 198]),
        (
            "\u{3000}全角\u{3000}空格\u{a0}no-break",
            &[756, 222, 11319, 29389, 756, 222, 23322, 30921, 126, 254, 1771, 12, 13225],
        ),
        (
            "…——“引号”（括号）！？",
            &[
                1260, 35702, 913, 250, 41301, 26987, 913, 251, 171, 120, 230, 40322, 26987, 171, 120, 231, 171, 120,
                223, 171, 120, 253,
            ],
        ),
        (
            "x=y+1; /* {[<>]} */ ~~~",
            &[87, 28, 88, 10, 16, 26, 2460, 9, 10929, 58, 27, 29, 60, 92, 1853, 14, 220, 20409],
        ),
        (
            "😀👍\u{1f3fd} 👨\u{200d}👩\u{200d}👧\u{200d}👦🇨🇳❤\u{fe0f}",
            &[
                13125, 222, 31017, 235, 4222, 237, 121, 36276, 101, 913, 235, 31017, 102, 913, 235, 31017, 100, 913,
                235, 31017, 99, 4222, 229, 101, 4222, 229, 111, 48853, 32306,
            ],
        ),
        ("e\u{301} a\u{323}\u{300} \u{20dd}\u{301}", &[68, 32797, 257, 136, 96, 136, 222, 672, 225, 251, 32797]),
        (
            "สวัสดีครับ ที่นี่ประเทศไทย",
            &[
                13715, 7643, 5981, 13715, 9345, 6033, 21916, 5981, 10196, 220, 11099, 12774, 4131, 12774, 17071, 47376,
                5914, 245, 839, 101, 8809, 11099, 7044,
            ],
        ),
        (
            "हिन्दी में क्षमा",
            &[44500, 33279, 35082, 27099, 3941, 99, 31881, 48449, 21981, 31945, 31970, 27099, 3941, 115, 48521, 17937],
        ),
        ("مَرْحَبًا بالعالم", &[2304, 6808, 2288, 17195, 5016, 6808, 3555, 14111, 995, 20666, 3615, 45340]),
        ("안녕하세요 여러분", &[49200, 12831, 15377, 14707]),
        ("日本語テスト々ー〇", &[27311, 31348, 22985, 40498, 45032, 3384, 756, 229]),
        ("Привет, мир! Ελληνικά", &[43971, 31259, 11, 20536, 0, 18236, 14870, 39452, 35085]),
        ("ǅ ʰ ª º Ⓐ ﷺ", &[131, 227, 220, 134, 108, 1815, 103, 1815, 118, 672, 240, 114, 41122]),
        ("\u{200b}\u{feff}\u{0}\u{85}\u{2028}x", &[3134, 171, 119, 123, 188, 126, 227, 913, 101, 87]),
        ("\u{e0041}\u{10ffff}\u{e000}", &[175, 254, 223, 223, 176, 237, 123, 123, 170, 222, 222]),
        ("<|endoftext|>", &[27, 91, 3999, 844, 3828, 91, 29]),
        (
            " <|zh|><|0.00|> <|startofprev|>",
            &[2627, 91, 41032, 91, 29986, 91, 15, 13, 628, 91, 29, 2627, 91, 24419, 2670, 3712, 85, 91, 29],
        ),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", &[16425, 16425, 16425, 16425, 16425, 16425]),
    ];

    /// The model's file, changed by `change`, as JSON.
    fn model(change: impl Fn(&mut Value)) -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/model/tokenizer.json");
        let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut file = serde_json::from_slice(&json).unwrap();
        change(&mut file);
        serde_json::to_vec(&file).unwrap()
    }

    fn encoder(json: &[u8]) -> Encoder {
        Encoder::new(&TokenizerFile::parse(json).unwrap()).unwrap()
    }

    #[test]
    fn a_text_has_the_tokens_that_tokenizers_gives_it_and_none_is_a_mark() {
        let as_lines = model(|_| ());
        let as_lists = model(|file| {
            for merge in file["model"]["merges"].as_array_mut().unwrap() {
                let (left, right) = merge.as_str().unwrap().split_once(' ').unwrap();
                *merge = json!([left, right]);
            }
        });
        for json in [as_lines, as_lists] {
            let (encoder, marks) = (encoder(&json), TokenizerFile::parse(&json).unwrap().marks());
            for (text, expected) in BY_TOKENIZERS {
                let tokens = encoder.encode(text);
                assert_eq!(tokens, *expected, "{text:?}");
                assert!(tokens.iter().all(|token| *token < marks["<|endoftext|>"]), "{text:?}");
            }
        }
    }

    #[test]
    fn a_file_may_ask_for_a_space_before_each_text() {
        let spaced = encoder(&model(|file| file["pre_tokenizer"]["add_prefix_space"] = json!(true)));
        let cases: [(&str, &[usize]); 4] = [("", &[]), ("a", &[257]), (" a", &[257]), ("\ta", &[220, 197, 64])];
        for (text, expected) in cases {
            assert_eq!(spaced.encode(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_word_as_long_as_a_text_takes_no_longer_than_many_short_ones() {
        let tokens = encoder(&model(|_| ())).encode(&"a".repeat(200_000));
        assert_eq!(tokens, [16425; 50_000]);
    }

    #[test]
    fn what_is_damaged_or_not_known_is_refused_by_name() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 10] = [
            (|file| file["model"]["type"] = json!("Unigram"), "a model other than BPE"),
            (|file| file["model"]["dropout"] = json!(0.1), "a dropout"),
            (|file| file["model"]["end_of_word_suffix"] = json!("</w>"), "an end_of_word_suffix"),
            (|file| file["model"]["ignore_merges"] = json!(true), "ignore_merges"),
            (|file| file["normalizer"] = json!({"type": "NFKC"}), "the normalizer NFKC"),
            (|file| file["pre_tokenizer"] = json!({"type": "Whitespace"}), "a pre_tokenizer other than ByteLevel"),
            (|file| file["pre_tokenizer"]["use_regex"] = json!(false), "a pre_tokenizer without use_regex"),
            (|file| file["model"]["merges"][7] = json!("neitherofthese aretokens"), "merges \"neitherofthese\""),
            (|file| file["model"]["merges"][7] = json!("nothing"), "a merge of other than two tokens"),
            (|file| file["model"]["vocab"] = json!({"a": 0}), "has no token for the byte 0"),
        ];
        for (change, expected) in cases {
            let json = model(change);
            let refused = TokenizerFile::parse(&json).and_then(|file| Encoder::new(&file)).err().unwrap();
            assert!(refused.contains(expected), "{refused} instead of {expected}");
        }
        assert!(TokenizerFile::parse(b"{\"added_tokens\": [").is_err());
    }
}
