//! What of a text is reduced, and what it begins with.

use std::sync::LazyLock;

use super::differences::Differences;
use super::numerals;
use crate::numbers::wide;

/// Chinese fillers, longest first; one character each, or words that say nothing in front of something.
pub(crate) const FILLERS: [&[char]; 12] = [
    &['就', '是', '说'],
    &['那', '什', '么'],
    &['然', '后', '呢'],
    &['那', '个'],
    &['这', '个'],
    &['就', '是'],
    &['嗯'],
    &['呃'],
    &['啊'],
    &['哦'],
    &['噢'],
    &['唔'],
];
/// English fillers, as folded words.
pub(crate) const FILLER_WORDS: [&[&str]; 10] =
    [&["you", "know"], &["i", "mean"], &["um"], &["umm"], &["uh"], &["uhh"], &["er"], &["erm"], &["hmm"], &["mm"]];

/// No filler begins with a longer word.
const MAX_FILLER_LETTERS: usize = 3;

/// Longest unit of Chinese that counts as a repeat, in characters.
pub(crate) const REPEATED_CHARS: usize = 3;

/// Halves of a character that are written one behind the other to get past a list of words.
pub(crate) const HALVES: [(&str, &str); 44] = [
    ("弓虽", "强"),
    ("女马", "妈"),
    ("女干", "奸"),
    ("女昌", "娼"),
    ("女表", "婊"),
    ("女又", "奴"),
    ("女支", "妓"),
    ("贝者", "赌"),
    ("贝武", "赋"),
    ("月兑", "脱"),
    ("月土", "肚"),
    ("禾必", "秘"),
    ("禾中", "种"),
    ("木目", "相"),
    ("木仓", "枪"),
    ("氵去", "法"),
    ("氵每", "海"),
    ("扌丁", "打"),
    ("扌少", "抄"),
    ("亻言", "信"),
    ("亻尔", "你"),
    ("口乞", "吃"),
    ("口合", "哈"),
    ("口卑", "啤"),
    ("火包", "炮"),
    ("米分", "粉"),
    ("古月", "胡"),
    ("钅戋", "钱"),
    ("金戋", "钱"),
    ("又鸟", "鸡"),
    ("鱼羊", "鲜"),
    ("马奇", "骑"),
    ("马扁", "骗"),
    ("车专", "转"),
    ("走召", "超"),
    ("走戉", "越"),
    ("弓长", "张"),
    ("立早", "章"),
    ("白勺", "的"),
    ("言射", "谢"),
    ("石肖", "硝"),
    ("讠果", "课"),
    ("彳正", "征"),
    ("王元", "玩"),
];

/// What may begin at a character that is reduced: noted while a text is folded, so that looking for it passes over
/// nearly everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reducible(u8);

impl Reducible {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const FILLER: Self = Self(1 << 4);
    /// A digit, a Chinese numeral or a unit.
    pub(crate) const NUMERAL: Self = Self(1 << 5);
    /// The first half of a character.
    pub(crate) const HALF: Self = Self(1 << 6);
    /// The same stands before: one of the last characters, or what the word before begins with.
    pub(crate) const REPEAT: Self = Self(1 << 7);

    /// In the upper four bits; the others are for whoever keeps them.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The hints in the upper four of `bits`.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & 0xf0)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left of it inside a word of letters.
    pub(crate) fn inside_word(self) -> Self {
        Self(self.0 & Self::NUMERAL.0)
    }

    /// The bits that may be set at the first of so many letters; those below the hints all are.
    pub(crate) fn of_word(letters: usize) -> Self {
        Self(if letters > MAX_FILLER_LETTERS { !Self::FILLER.0 } else { u8::MAX })
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those that matter to `kinds`.
    pub(crate) fn of(kinds: Differences) -> Self {
        let each = [
            (Differences::FILLERS, Self::FILLER),
            (Differences::REPEATS, Self::REPEAT),
            (Differences::NUMERALS, Self::NUMERAL),
            (Differences::SPLIT_CHARACTERS, Self::HALF),
        ];
        let wanted = each.into_iter().filter(|(kind, _)| kinds.contains(*kind));
        wanted.fold(Self::NONE, |reducible, (_, hint)| reducible.with(hint))
    }
}

/// The folded characters with which something to reduce may begin; of words of letters, the first.
pub(crate) fn beginnings() -> impl Iterator<Item = (char, Reducible)> {
    let is_numeral = |c: &char| numerals::digit(*c).is_some() || numerals::unit(*c).is_some();
    let words = FILLER_WORDS.iter().map(|words| words[0]);
    let fillers = FILLERS.iter().map(|filler| filler[0]).chain(words.filter_map(|word| word.chars().next()));
    let halves = HALVES.iter().filter_map(|(halves, _)| halves.chars().next());
    let numerals = (0..=0xffff_u32).filter_map(char::from_u32).filter(is_numeral);
    fillers
        .map(|c| (c, Reducible::FILLER))
        .chain(halves.map(|c| (c, Reducible::HALF)))
        .chain(numerals.map(|c| (c, Reducible::NUMERAL)))
}

/// For each letter from a to z, a bit for each letter that stands behind it where a filler begins.
static FILLER_LETTERS: LazyLock<[u32; 26]> = LazyLock::new(|| {
    let mut letters = [0; 26];
    for words in FILLER_WORDS {
        let mut first = words.iter().flat_map(|word| word.bytes());
        if let (Some(first), Some(second)) = (first.next(), first.next()) {
            letters[usize::from(first - b'a')] |= 1 << (second - b'a');
        }
    }
    letters
});

/// Whether some filler of letters begins with these two.
pub(crate) fn may_be_filler(first: char, second: char) -> bool {
    let [first, second] = [first, second].map(|c| wide(u32::from(c)).wrapping_sub(wide(u32::from('a'))));
    FILLER_LETTERS.get(first).is_some_and(|seconds| second < 26 && seconds & 1 << second != 0)
}
