//! Names of speakers, as people and producers write them.

use crate::Speaker;

/// Longest name of a speaker, in characters.
const MAX_NAME: usize = 32;
/// Most channels that a recording has, and so most speakers that it can name.
#[expect(clippy::as_conversions, reason = "16 bits in a word")]
const MAX_SPEAKERS: usize = crate::MAX_CHANNELS as usize;

/// Why a list of speakers is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeakersError {
    /// It goes into file formats with marks of their own (`<v NAME>`, `NAME:`), so it has none.
    #[error("`{0}` is no name of a speaker: use names of 1 to {MAX_NAME} letters, digits, spaces, _ and -")]
    Name(String),
    /// It names nobody, or more than a recording has channels.
    #[error("there are {0} speakers, 1 to {MAX_SPEAKERS} are allowed")]
    Count(usize),
}

impl SpeakersError {
    /// How it is said.
    pub const HINT: &'static str =
        "name who speaks on channel 0, 1, …: \"customer,agent\", or in JSON [\"customer\", \"agent\"]";
}

impl Speaker {
    /// The speaker called `name`: 1 to 32 letters, digits, spaces, `_` and `-`; spaces around it do not count.
    ///
    /// # Errors
    /// [`SpeakersError::Name`].
    pub fn parse(name: &str) -> Result<Self, SpeakersError> {
        let name = name.trim();
        let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
        if is_plain && (1..=MAX_NAME).contains(&name.chars().count()) {
            return Ok(Self(name.into()));
        }
        Err(SpeakersError::Name(name.chars().filter(|c| !c.is_control()).take(2 * MAX_NAME).collect()))
    }

    /// Those who speak on channel 0, 1, …, by their names: 1 to 16. The same name may stand for several channels, as where
    /// two agents have one each.
    ///
    /// # Errors
    /// [`SpeakersError`], every variant.
    pub fn by_channel<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, SpeakersError> {
        let speakers = names.into_iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        if (1..=MAX_SPEAKERS).contains(&speakers.len()) {
            Ok(speakers)
        } else {
            Err(SpeakersError::Count(speakers.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_every_file_format_takes() {
        for (names, expected) in [
            (&["customer", "agent"][..], Ok(2)),
            (&["agent", "agent", "customer"], Ok(3)),
            (&[" 坐席 ", "Müller-Lüdenscheidt_2 b"], Ok(2)),
            (&[], Err("there are 0 speakers, 1 to 16")),
            (&["a"; 17], Err("there are 17 speakers, 1 to 16")),
            (&["agent", ""], Err("`` is no name")),
            (&["<v x>"], Err("`<v x>` is no name")),
            (&["a\u{7}b"], Err("`ab` is no name")),
            (&["customer|agent"], Err("letters, digits, spaces")),
        ] {
            match (Speaker::by_channel(names.iter().copied()), expected) {
                (Ok(speakers), Ok(count)) => assert_eq!(speakers.len(), count, "{names:?}"),
                (Err(error), Err(reason)) => assert!(error.to_string().contains(reason), "{names:?}: {error}"),
                (other, _) => panic!("{names:?}: {other:?}"),
            }
        }
        assert_eq!(Speaker::parse(" agent "), Ok(Speaker("agent".into())));
        assert!(Speaker::parse(&"x".repeat(33)).is_err() && Speaker::parse(&"录".repeat(32)).is_ok());
    }
}
