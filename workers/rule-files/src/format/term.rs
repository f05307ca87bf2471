//! How words and what counts as the same are written.

use std::fmt;

use earmark_core::Severity;
use serde::de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::place::Texts;

/// The words of a rule, or of one of its conditions.
#[derive(Debug, Default)]
pub struct TermText {
    pub words: Option<Texts>,
    /// Paths of list files.
    pub words_from: Option<Texts>,
    pub except: Option<Texts>,
    pub except_from: Option<Texts>,
    pub patterns: Option<Texts>,
    pub homophones: Option<Spanned<HomophonesText>>,
    pub normalise: Option<Spanned<NormaliseText>>,
    pub english: Option<Spanned<EnglishText>>,
}

impl TermText {
    /// What only words can have, by its name and place.
    pub fn of_words_alone(&self) -> impl Iterator<Item = (&'static str, Location)> {
        let lists = [("except", &self.except), ("except_from", &self.except_from)];
        let lists = lists.map(|(field, list)| list.as_ref().map(|list| (field, list.referenced)));
        let switches = [
            self.homophones.as_ref().map(|switch| ("homophones", switch.referenced)),
            self.normalise.as_ref().map(|switch| ("normalise", switch.referenced)),
            self.english.as_ref().map(|switch| ("english", switch.referenced)),
        ];
        lists.into_iter().chain(switches).flatten()
    }
}

/// `true`, `false`, or the settings.
#[derive(Debug)]
pub enum HomophonesText {
    Switch(bool),
    Settings(HomophoneSettings),
}

fields!(
    HomophoneSettings {} { min_chars: Spanned<u32>, max_severity: Severity, tones: bool, fuzzy: FuzzyText }
);

impl<'de> Deserialize<'de> for HomophonesText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Switch;
        impl<'de> Visitor<'de> for Switch {
            type Value = HomophonesText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or `min_chars`, `max_severity`, `tones`, `fuzzy`")
            }
            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Self::Value, E> {
                Ok(HomophonesText::Switch(is_on))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                HomophoneSettings::deserialize(MapAccessDeserializer::new(map)).map(HomophonesText::Settings)
            }
        }
        deserializer.deserialize_any(Switch)
    }
}

/// `true`, `false`, or the pairs that are taken for the same.
#[derive(Debug)]
pub enum FuzzyText {
    Switch(bool),
    Pairs(Vec<Spanned<String>>),
}

/// `true`, `false` for "exactly as written", or the settings.
#[derive(Debug)]
pub enum NormaliseText {
    Switch(bool),
    Settings(NormaliseSettings),
}

fields!(
    NormaliseSettings {} {
        width: bool,
        case: bool,
        traditional: bool,
        numerals: bool,
        fillers: bool,
        repeats: bool,
        punctuation: bool,
        spaces: bool,
        split_characters: bool,
    }
);
fields!(EnglishText {} { spelling_variants: bool, sound_alikes: bool });

impl<'de> Deserialize<'de> for FuzzyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = FuzzyText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or a list such as `[z-zh, n-l, in-ing]`")
            }
            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Self::Value, E> {
                Ok(FuzzyText::Switch(is_on))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = pairs.next_element()? {
                    all.push(pair);
                }
                Ok(FuzzyText::Pairs(all))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

impl<'de> Deserialize<'de> for NormaliseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Switch;
        impl<'de> Visitor<'de> for Switch {
            type Value = NormaliseText;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`true`, `false`, or what is looked past (`fillers: false`)")
            }
            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Self::Value, E> {
                Ok(NormaliseText::Switch(is_on))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                NormaliseSettings::deserialize(MapAccessDeserializer::new(map)).map(NormaliseText::Settings)
            }
        }
        deserializer.deserialize_any(Switch)
    }
}
