//! Who is heard on which channel, as a producer says it.

use earmark_core::{Speaker, SpeakersError};
use serde::Deserialize;

/// Speakers of channel 0, 1, …: a list of names, or one text with commas between them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "speakers are a list of names, or a text such as \"customer,agent\"")]
pub enum OfferedSpeakers {
    /// `"customer,agent"`.
    Text(String),
    /// `["customer", "agent"]`.
    Names(Vec<String>),
}

impl OfferedSpeakers {
    /// Those that are meant.
    ///
    /// # Errors
    /// [`SpeakersError`], every variant.
    pub(crate) fn checked(self) -> Result<Vec<Speaker>, SpeakersError> {
        match self {
            Self::Text(text) if text.trim().is_empty() => Err(SpeakersError::Count(0)),
            Self::Text(text) => Speaker::by_channel(text.split(',')),
            Self::Names(names) => Speaker::by_channel(names.iter().map(String::as_str)),
        }
    }
}

/// A text that is a list in JSON is that list: fields of a stream have no other form for one.
impl From<&str> for OfferedSpeakers {
    fn from(text: &str) -> Self {
        let list = text.trim_start().starts_with('[').then(|| serde_json::from_str(text).ok()).flatten();
        list.map_or_else(|| Self::Text(text.into()), Self::Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_and_a_list_mean_the_same_speakers() {
        let speakers = |offered: OfferedSpeakers| {
            offered.checked().map(|speakers| speakers.into_iter().map(|speaker| speaker.0).collect::<Vec<_>>())
        };
        let json = |text: &str| serde_json::from_str::<OfferedSpeakers>(text).expect(text);
        for (offered, expected) in [
            (OfferedSpeakers::from("customer,agent"), Some(&["customer", "agent"][..])),
            (OfferedSpeakers::from(" customer , agent "), Some(&["customer", "agent"])),
            (OfferedSpeakers::from("[\"customer\", \"agent\"]"), Some(&["customer", "agent"])),
            (json(r#""customer,agent""#), Some(&["customer", "agent"])),
            (json(r#"["坐席", "客户"]"#), Some(&["坐席", "客户"])),
            (OfferedSpeakers::from("agent"), Some(&["agent"])),
            (OfferedSpeakers::from("agent,agent,customer"), Some(&["agent", "agent", "customer"])),
            (OfferedSpeakers::from(""), None),
            (OfferedSpeakers::from("agent,,customer"), None),
            (OfferedSpeakers::from("customer|agent"), None),
            (OfferedSpeakers::from("[\"customer\", 7]"), None),
            (json("[]"), None),
            (json(r#"["a,b"]"#), None),
        ] {
            let found = speakers(offered.clone()).ok();
            assert_eq!(
                found.as_deref(),
                expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{offered:?}"
            );
        }
        for text in ["7", "{}", "[7]", "null"] {
            let error = serde_json::from_str::<OfferedSpeakers>(text).expect_err(text).to_string();
            assert!(error.contains("a list of names"), "{text}: {error}");
        }
    }
}
