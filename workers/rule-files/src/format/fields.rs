//! Structs of a rule file, as macros write them: serde cannot flatten where unknown fields are refused.

use serde::{Deserialize, Deserializer};

/// What stands behind the name of a field. Nothing there is a mistake, and not a field that was left out.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A struct of a rule file: first the fields that must be there, then those that may.
macro_rules! fields {
    ($(#[$meta:meta])* $name:ident { $($must:ident: $of:ty),* $(,)? } { $($may:ident: $kind:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(pub $must: $of,)*
            $(
                #[serde(default, deserialize_with = "crate::format::fields::given")]
                pub $may: Option<$kind>,
            )*
        }
    };
}

/// The same with the three ways to write a distance.
macro_rules! with_distance {
    ($(#[$meta:meta])* $name:ident { $($must:tt)* } { $($may:ident: $kind:ty),* $(,)? }) => {
        fields!($(#[$meta])* $name { $($must)* } {
            $($may: $kind,)*
            secs: Spanned<f64>,
            words: Spanned<u32>,
            turns: Spanned<u32>,
        });

        impl $name {
            /// Takes what is written of a distance.
            pub fn distance(&mut self) -> DistanceText {
                DistanceText { secs: self.secs.take(), words: self.words.take(), turns: self.turns.take() }
            }
        }
    };
}

/// The same with words and what counts as the same.
macro_rules! with_words {
    ($(#[$meta:meta])* $name:ident { $($must:tt)* } { $($may:ident: $kind:ty),* $(,)? }) => {
        fields!($(#[$meta])* $name { $($must)* } {
            $($may: $kind,)*
            words: Texts,
            words_from: Texts,
            except: Texts,
            except_from: Texts,
            patterns: Texts,
            homophones: Spanned<HomophonesText>,
            normalise: Spanned<NormaliseText>,
            english: Spanned<EnglishText>,
        });

        impl $name {
            /// Takes what is written of words.
            pub fn term(&mut self) -> TermText {
                TermText {
                    words: self.words.take(),
                    words_from: self.words_from.take(),
                    except: self.except.take(),
                    except_from: self.except_from.take(),
                    patterns: self.patterns.take(),
                    homophones: self.homophones.take(),
                    normalise: self.normalise.take(),
                    english: self.english.take(),
                }
            }
        }
    };
}
