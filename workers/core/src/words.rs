//! Enums that are single words outside: stored in columns, written in JSON, typed by people. Each word is said once.

/// A word that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {kind}; use one of {choices}")]
pub struct UnknownWord {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) choices: String,
}

/// Makes an enum of words: `ALL`, `as_str`, `Display`, `FromStr` and serde all know the same ones. The text behind the
/// enum's name is what a single one is called when a word is none of them.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident: $kind:literal {
            $($(#[$about:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::words::UnknownWord {
                        kind: $kind,
                        value: text.into(),
                        choices: [$($word),+].join(", "),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::UnknownWord;
    use crate::audit::AuditKind;
    use crate::{
        AccountStatus, Action, FindingKind, JobState, Lane, MessageKind, Mover, RawEncoding, Severity, Standing,
        TimePrecision, Transition, Verdict,
    };

    fn agree<T>(all: &[T])
    where
        T: Copy + Debug + Display + FromStr<Err = UnknownWord> + PartialEq + Serialize + DeserializeOwned,
    {
        for word in all {
            let text = word.to_string();
            assert_eq!(text.parse(), Ok(*word));
            assert_eq!(serde_json::to_value(word).expect("a word"), serde_json::Value::String(text.clone()));
            assert_eq!(serde_json::from_value::<T>(text.into()).expect("a word"), *word);
        }
    }

    #[test]
    fn words_are_read_back_and_others_are_refused_with_the_choices() {
        agree(Lane::ALL);
        agree(JobState::ALL);
        agree(Standing::ALL);
        agree(Transition::ALL);
        agree(Mover::ALL);
        agree(AuditKind::ALL);
        agree(MessageKind::ALL);
        agree(Severity::ALL);
        agree(FindingKind::ALL);
        agree(Action::ALL);
        agree(TimePrecision::ALL);
        agree(Verdict::ALL);
        agree(AccountStatus::ALL);
        agree(RawEncoding::ALL);
        let error = "urgent".parse::<Lane>().expect_err("no lane").to_string();
        assert_eq!(error, "`urgent` is not a lane; use one of webhook, call, archive");
    }
}
