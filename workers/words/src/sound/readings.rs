//! How Chinese characters sound, without tones and with them.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::{Pinyin, ToPinyinMulti};

use crate::numbers::wide;

const BMP: usize = 0x1_0000;

/// A syllable without its tone; below [`SYLLABLES`].
pub(crate) type Syllable = u16;

/// More than there are toneless syllables in the table (about 430).
pub(crate) const SYLLABLES: usize = 512;

/// The last there is room for, which no character is read as.
pub(crate) const NO_SYLLABLE: Syllable = 511;

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
            let said = c.to_digit(10).map(|digit| DIGITS[wide(digit)]);
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
        let packed = self.of.get(wide(u32::from(c))).copied().unwrap_or(0);
        let begin = wide(packed & 0xff_ffff);
        &self.all[begin..begin + wide(packed >> 24)]
    }
}

pub(super) struct Toneless {
    readings: Readings<Syllable>,
    /// The syllable with each number, in letters.
    pub(super) names: Vec<&'static str>,
}

pub(super) static TONELESS: LazyLock<Toneless> = LazyLock::new(|| {
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

pub(super) fn toned(c: char) -> &'static [(Syllable, u8)] {
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
    fn all_syllables_have_room() {
        assert!(TONELESS.names.len() < SYLLABLES);
        assert_eq!(usize::from(NO_SYLLABLE), SYLLABLES - 1);
    }
}
