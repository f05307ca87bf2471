//! How Chinese characters sound, without tones and with them, and for ears that merge some initials and finals.

mod pairs;
mod voices;

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyinMulti;

pub(crate) use pairs::{Pairs, behind, in_front};
pub(crate) use voices::{SyllableBits, Voiced, Voices, beside};

const BMP: usize = 0x1_0000;

/// A syllable without its tone; below [`SYLLABLES`].
pub(crate) type Syllable = u16;

/// More than there are toneless syllables in the table (about 430).
pub(crate) const SYLLABLES: usize = 512;

/// The characters that a digit may be read as; every reading of them is one of the digit's.
const DIGITS: [&str; 10] = ["零洞", "一幺", "二两", "三", "四", "五", "六", "七拐", "八", "九"];

struct Table {
    /// Of each character, begin in `readings` and how many, as [`packed`].
    of: Vec<u32>,
    readings: Vec<Syllable>,
    /// The same with tones.
    of_toned: Vec<u32>,
    toned: Vec<(Syllable, u8)>,
    names: Vec<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut ids: HashMap<&'static str, Syllable> = HashMap::new();
    let mut table =
        Table { of: vec![0; BMP], readings: Vec::new(), of_toned: vec![0; BMP], toned: Vec::new(), names: Vec::new() };
    for code in 0..BMP {
        let Some(c) = u32::try_from(code).ok().and_then(char::from_u32) else { continue };
        let begin = (table.readings.len(), table.toned.len());
        let said = c.to_digit(10).map(|digit| DIGITS[digit as usize]);
        let mut one = [0; 4];
        for c in said.unwrap_or_else(|| c.encode_utf8(&mut one)).chars() {
            for reading in c.to_pinyin_multi().into_iter().flatten() {
                let fresh = Syllable::try_from(ids.len()).unwrap_or(Syllable::MAX);
                let id = *ids.entry(reading.plain()).or_insert(fresh);
                if id == fresh {
                    table.names.push(reading.plain());
                }
                if usize::from(id) >= SYLLABLES {
                    continue;
                }
                if !table.readings[begin.0..].contains(&id) {
                    table.readings.push(id);
                }
                let toned = (id, tone(reading.with_tone_num_end()));
                if !table.toned[begin.1..].contains(&toned) {
                    table.toned.push(toned);
                }
            }
        }
        table.of[code] = packed(begin.0, table.readings.len());
        table.of_toned[code] = packed(begin.1, table.toned.len());
    }
    table
});

/// How many in the upper eight bits, where they begin in the others: half the table, and more of it at hand.
fn packed(begin: usize, end: usize) -> u32 {
    u32::try_from((end - begin) << 24 | begin).unwrap_or(0)
}

#[inline]
fn unpacked<T>(all: &[T], packed: u32) -> &[T] {
    let begin = (packed & 0xff_ffff) as usize;
    &all[begin..begin + (packed >> 24) as usize]
}

/// 1 to 4; 0 for the neutral tone.
fn tone(reading: &str) -> u8 {
    reading.bytes().last().filter(u8::is_ascii_digit).map_or(0, |digit| digit - b'0')
}

/// All readings of `c`, none for what is neither a Chinese character nor a digit.
#[inline]
pub(crate) fn readings(c: char) -> &'static [Syllable] {
    let table = &*TABLE;
    table.of.get(c as usize).map_or(&[], |packed| unpacked(&table.readings, *packed))
}

fn toned(c: char) -> &'static [(Syllable, u8)] {
    let table = &*TABLE;
    table.of_toned.get(c as usize).map_or(&[], |packed| unpacked(&table.toned, *packed))
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
        for (id, name) in TABLE.names.iter().enumerate().take(SYLLABLES) {
            let id = Syllable::try_from(id).unwrap_or(0);
            merged[usize::from(id)] = *first.entry(self.heard(name)).or_insert(id);
        }
        merged
    }

    /// Of its pairs as few as make `a` and `b` sound alike.
    fn between(self, a: char, b: char) -> Self {
        let table = &*TABLE;
        let name = |syllable: &Syllable| table.names.get(usize::from(*syllable)).copied().unwrap_or_default();
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
    toned(a).iter().any(|&(first, tone)| {
        toned(b).iter().any(|&(second, other)| id(first) == id(second) && (!with_tones || tone == other))
    })
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
        assert!(TABLE.names.len() < SYLLABLES);
    }
}
