//! How Chinese characters sound, without tones.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyinMulti;

const BMP: usize = 0x1_0000;

/// A syllable without its tone; below [`SYLLABLES`].
pub(crate) type Syllable = u16;

/// More than there are toneless syllables in the table (about 430).
pub(crate) const SYLLABLES: usize = 512;

struct Table {
    /// Begin in `readings` and how many.
    of: Vec<(u32, u8)>,
    readings: Vec<Syllable>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut ids: HashMap<&'static str, Syllable> = HashMap::new();
    let mut table = Table { of: vec![(0, 0); BMP], readings: Vec::new() };
    for code in 0..BMP {
        let Some(all) = u32::try_from(code).ok().and_then(char::from_u32).and_then(|c| c.to_pinyin_multi()) else {
            continue;
        };
        let begin = table.readings.len();
        for reading in all {
            let fresh = Syllable::try_from(ids.len()).unwrap_or(Syllable::MAX);
            let id = *ids.entry(reading.plain()).or_insert(fresh);
            if usize::from(id) < SYLLABLES && !table.readings[begin..].contains(&id) {
                table.readings.push(id);
            }
        }
        let count = u8::try_from(table.readings.len() - begin).unwrap_or(u8::MAX);
        table.of[code] = (u32::try_from(begin).unwrap_or(0), count);
    }
    table
});

/// All readings of `c`, none for what is no Chinese character.
pub(crate) fn readings(c: char) -> &'static [Syllable] {
    let table = &*TABLE;
    match table.of.get(c as usize) {
        Some(&(begin, count)) => &table.readings[begin as usize..begin as usize + usize::from(count)],
        None => &[],
    }
}

/// Whether some reading of `a` is one of `b`.
pub(crate) fn sound_alike(a: char, b: char) -> bool {
    let others = readings(b);
    readings(a).iter().any(|reading| others.contains(reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_of_a_character_counts() {
        for (heard, said, is_alike) in [
            ("薄", "保", true),
            ("威", "微", true),
            ("锡", "息", true),
            ("行", "航", true),
            ("保", "收", false),
            ("a", "a", false),
        ] {
            let (heard, said) = (heard.chars().next().unwrap(), said.chars().next().unwrap());
            assert_eq!(sound_alike(heard, said), is_alike, "{heard} {said}");
        }
    }

    #[test]
    fn all_syllables_have_room() {
        assert!(TABLE.readings.iter().all(|&id| usize::from(id) < SYLLABLES));
    }
}
