//! How Chinese characters sound, without tones and with them, and for ears that merge some initials and finals.

mod pairs;
mod voices;

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::{Pinyin, ToPinyinMulti};

pub(crate) use pairs::{Pairs, behind, in_front};
pub(crate) use voices::{SyllableBits, Voiced, Voices, beside};

const BMP: usize = 0x1_0000;

/// A syllable without its tone; below [`SYLLABLES`].
pub(crate) type Syllable = u16;

/// More than there are toneless syllables in the table (about 430).
pub(crate) const SYLLABLES: usize = 512;

/// The characters that a digit may be read as; every reading of them is one of the digit's.
const DIGITS: [&str; 10] = ["零洞", "一幺", "二两", "三", "四", "五", "六", "七拐", "八", "九"];

/// What is known of the sound of each character.
struct Readings<T> {
    /// Of each character, begin in `all` and how many: how many in the upper eight bits, where they begin in the others,
    /// which is half of what two numbers take, and more of it at hand.
    of: Vec<u32>,
    all: Vec<T>,
}

impl<T: PartialEq> Readings<T> {
    /// Each once, as `heard` has them from the table of characters.
    fn new(mut heard: impl FnMut(Pinyin) -> Option<T>) -> Self {
        let mut made = Self { of: vec![0; BMP], all: Vec::new() };
        for code in 0..BMP {
            let Some(c) = u32::try_from(code).ok().and_then(char::from_u32) else { continue };
            let begin = made.all.len();
            let said = c.to_digit(10).map(|digit| DIGITS[digit as usize]);
            let mut one = [0; 4];
            for c in said.unwrap_or_else(|| c.encode_utf8(&mut one)).chars() {
                for reading in c.to_pinyin_multi().into_iter().flatten().filter_map(&mut heard) {
                    if !made.all[begin..].contains(&reading) {
                        made.all.push(reading);
                    }
                }
            }
            // What has no reading leaves its page of the table untouched.
            if begin < made.all.len() {
                made.of[code] = u32::try_from((made.all.len() - begin) << 24 | begin).unwrap_or(0);
            }
        }
        made
    }

    #[inline]
    fn get(&self, c: char) -> &[T] {
        let packed = self.of.get(c as usize).copied().unwrap_or(0);
        let begin = (packed & 0xff_ffff) as usize;
        &self.all[begin..begin + (packed >> 24) as usize]
    }
}

struct Toneless {
    readings: Readings<Syllable>,
    /// The syllable with each number, in letters.
    names: Vec<&'static str>,
}

static TONELESS: LazyLock<Toneless> = LazyLock::new(|| {
    let mut ids: HashMap<&'static str, Syllable> = HashMap::new();
    let mut names = Vec::new();
    let readings = Readings::new(|reading| {
        let fresh = Syllable::try_from(ids.len()).unwrap_or(Syllable::MAX);
        let id = *ids.entry(reading.plain()).or_insert(fresh);
        if id == fresh {
            names.push(reading.plain());
        }
        (usize::from(id) < SYLLABLES).then_some(id)
    });
    Toneless { readings, names }
});

/// Made when a rule first asks for tones: most do not.
static TONED: LazyLock<Readings<(Syllable, u8)>> = LazyLock::new(|| {
    let ids: HashMap<&'static str, Syllable> = (0..).zip(&TONELESS.names).map(|(id, name)| (*name, id)).collect();
    Readings::new(|reading| {
        let id = *ids.get(reading.plain())?;
        (usize::from(id) < SYLLABLES).then_some((id, tone(reading.with_tone_num_end())))
    })
});

/// 1 to 4; 0 for the neutral tone.
fn tone(reading: &str) -> u8 {
    reading.bytes().last().filter(u8::is_ascii_digit).map_or(0, |digit| digit - b'0')
}

/// All readings of `c`, none for what is neither a Chinese character nor a digit.
#[inline]
pub(crate) fn readings(c: char) -> &'static [Syllable] {
    TONELESS.readings.get(c)
}

fn toned(c: char) -> &'static [(Syllable, u8)] {
    TONED.get(c)
}

/// Whether some reading of `a` is one of `b`.
pub(crate) fn sound_alike(a: char, b: char) -> bool {
    let others = readings(b);
    readings(a).iter().any(|reading| others.contains(reading))
}

/// Whether some reading of `a` is one of `b`, its tone included.
pub(crate) fn sound_alike_with_tones(a: char, b: char) -> bool {
    let others = toned(b);
    toned(a).iter().any(|reading| others.contains(reading))
}

/// Initials and finals that a rule takes for the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fuzzy(u16);

/// Each with its place among the bits of [`Fuzzy`].
pub(crate) const FUZZY: [&str; 11] =
    ["z-zh", "c-ch", "s-sh", "n-l", "f-h", "r-l", "an-ang", "en-eng", "in-ing", "ian-iang", "uan-uang"];

impl Fuzzy {
    /// Every pair.
    pub const ALL: Self = Self((1 << FUZZY.len()) - 1);

    /// The pair named `name`, as in [`FUZZY`], or the other way round.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let other = name.split_once('-').map(|(a, b)| format!("{b}-{a}"));
        let at = FUZZY.iter().position(|known| *known == name || Some(*known) == other.as_deref())?;
        Some(Self(1 << at))
    }

    /// The pairs of both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it names none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, name: &str) -> bool {
        FUZZY.iter().position(|known| *known == name).is_some_and(|at| self.0 & 1 << at != 0)
    }

    /// For each syllable one that stands for all that are the same to this ear.
    pub(crate) fn merged(self) -> Vec<Syllable> {
        let mut first: HashMap<String, Syllable> = HashMap::new();
        let mut merged: Vec<Syllable> = (0..SYLLABLES).map(|id| Syllable::try_from(id).unwrap_or(0)).collect();
        for (id, name) in TONELESS.names.iter().enumerate().take(SYLLABLES) {
            let id = Syllable::try_from(id).unwrap_or(0);
            merged[usize::from(id)] = *first.entry(self.heard(name)).or_insert(id);
        }
        merged
    }

    /// Of its pairs as few as make `a` and `b` sound alike.
    fn between(self, a: char, b: char) -> Self {
        let name = |syllable: &Syllable| TONELESS.names.get(usize::from(*syllable)).copied().unwrap_or_default();
        let is_alike = |ear: Self| {
            let others: Vec<String> = readings(b).iter().map(|reading| ear.heard(name(reading))).collect();
            readings(a).iter().any(|reading| others.contains(&ear.heard(name(reading))))
        };
        let pairs = (0..FUZZY.len()).map(|at| 1_u16 << at);
        pairs.fold(self, |needed, pair| Some(Self(needed.0 & !pair)).filter(|less| is_alike(*less)).unwrap_or(needed))
    }

    /// The pairs by which `heard` sounds like `said`, both folded; what stands between the characters of `said` is
    /// passed over.
    pub(crate) fn merged_between(self, heard: &str, said: impl Iterator<Item = char>) -> Vec<&'static str> {
        let merged = self.merged();
        let mut heard = heard.chars();
        let mut pairs = Self::default();
        for said in said {
            let mut ahead = heard.clone();
            let is_it = |heard: &char| *heard == said || sound_alike_merged(*heard, said, &merged, false);
            let Some(here) = ahead.find(is_it) else { continue };
            heard = ahead;
            if here != said && !sound_alike(here, said) {
                pairs = pairs.with(self.between(here, said));
            }
        }
        FUZZY.into_iter().filter(|name| pairs.has(name)).collect()
    }

    /// `name` as this ear hears it.
    fn heard(self, name: &str) -> String {
        let vowel = name.find(|c: char| !c.is_ascii_alphabetic() || "aeiouv".contains(c)).unwrap_or(name.len());
        let (initial, last) = name.split_at(vowel);
        let (mut initial, mut last) = (initial.to_owned(), last.to_owned());
        if matches!(last.as_str(), "uang") && self.has("uan-uang") || last == "iang" && self.has("ian-iang") {
            last.pop();
        }
        // 飞 and 灰, 发 and 花: what is merged is `f` and `hu`.
        if initial == "h" && self.has("f-h") && last.starts_with('u') {
            let rest = match &last[1..] {
                "" => "u",
                "i" => "ei",
                "n" => "en",
                rest => rest,
            };
            (initial, last) = ("f".into(), rest.into());
        }
        for (plain, nasal, name) in [("an", "ang", "an-ang"), ("en", "eng", "en-eng"), ("in", "ing", "in-ing")] {
            if last == nasal && self.has(name) {
                last = plain.into();
            }
        }
        for (one, other, name) in
            [("z", "zh", "z-zh"), ("c", "ch", "c-ch"), ("s", "sh", "s-sh"), ("l", "n", "n-l"), ("l", "r", "r-l")]
        {
            if initial == other && self.has(name) {
                initial = one.into();
            }
        }
        initial + &last
    }
}

/// Whether some reading of `a` and of `b` are the same in `merged` ears, and of one tone if `with_tones`.
pub(crate) fn sound_alike_merged(a: char, b: char, merged: &[Syllable], with_tones: bool) -> bool {
    let id = |syllable: Syllable| merged.get(usize::from(syllable)).copied().unwrap_or(syllable);
    if with_tones {
        let others = toned(b);
        return toned(a)
            .iter()
            .any(|&(first, tone)| others.iter().any(|&(second, other)| id(first) == id(second) && tone == other));
    }
    let others = readings(b);
    readings(a).iter().any(|&first| others.iter().any(|&second| id(first) == id(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> char {
        text.chars().next().unwrap()
    }

    #[test]
    fn every_reading_of_a_character_counts() {
        for (heard, said, is_alike) in [
            ("薄", "保", true),
            ("威", "微", true),
            ("锡", "息", true),
            ("行", "航", true),
            ("1", "要", true),
            ("1", "以", true),
            ("0", "动", true),
            ("2", "凉", true),
            ("7", "怪", true),
            ("保", "收", false),
            ("a", "a", false),
        ] {
            assert_eq!(sound_alike(first(heard), first(said)), is_alike, "{heard} {said}");
        }
    }

    #[test]
    fn with_tones_fewer_sound_alike() {
        for (heard, said, is_alike) in
            [("威", "微", true), ("为", "威", false), ("为", "微", false), ("宝", "保", true)]
        {
            assert_eq!(sound_alike_with_tones(first(heard), first(said)), is_alike, "{heard} {said}");
        }
    }

    #[test]
    fn ears_that_merge_hear_what_they_merge_and_nothing_else() {
        for (name, heard, said) in [
            ("z-zh", "子", "只"),
            ("zh-z", "只", "子"),
            ("c-ch", "次", "吃"),
            ("s-sh", "是", "四"),
            ("n-l", "你", "里"),
            ("f-h", "飞", "灰"),
            ("f-h", "发", "花"),
            ("r-l", "热", "乐"),
            ("an-ang", "班", "帮"),
            ("en-eng", "本", "崩"),
            ("in-ing", "银", "赢"),
            ("ian-iang", "年", "娘"),
            ("uan-uang", "关", "光"),
        ] {
            let one = Fuzzy::named(name).unwrap();
            let alike = |fuzzy: Fuzzy| sound_alike_merged(first(heard), first(said), &fuzzy.merged(), false);
            assert!(alike(one) && alike(Fuzzy::ALL), "{name}");
            assert!(!alike(Fuzzy(Fuzzy::ALL.0 & !one.0)), "{name}");
        }
        assert_eq!(Fuzzy::named("b-p"), None);
    }

    #[test]
    fn all_syllables_have_room() {
        assert!(TONELESS.names.len() < SYLLABLES);
    }
}
