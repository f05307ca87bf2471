//! Ears that merge some initials and finals: by them more characters sound alike.

use std::collections::HashMap;

use super::readings::{SYLLABLES, Syllable, TONELESS, readings, sound_alike, toned};

/// Initials and finals that a rule takes for the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fuzzy(u16);

/// Each with its place among the bits of [`Fuzzy`].
pub const FUZZY: [&str; 11] =
    ["z-zh", "c-ch", "s-sh", "n-l", "f-h", "r-l", "an-ang", "en-eng", "in-ing", "ian-iang", "uan-uang"];

impl Fuzzy {
    /// Every pair there is: `z-zh`, `n-l`, `in-ing` and so on.
    pub const ALL: Self = Self((1 << FUZZY.len()) - 1);

    /// The pair named `name`, as in [`FUZZY`], or the other way round.
    pub fn named(name: &str) -> Option<Self> {
        let other = name.split_once('-').map(|(a, b)| format!("{b}-{a}"));
        let at = FUZZY.iter().position(|known| *known == name || Some(*known) == other.as_deref())?;
        Some(Self(1 << at))
    }

    /// The pairs of both.
    pub fn with(self, other: Self) -> Self {
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
    pub fn merged_between(self, heard: &str, said: impl Iterator<Item = char>) -> Vec<&'static str> {
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
}
