//! Recorders whose order of channels is written down by those who make them: docs/speakers-by-source.md has the pages.

use earmark_core::{RecordingRule, Speaker};

use super::value::choice;

choice! {
    /// A recorder whose order of channels is known.
    SourceProfile {
        /// Amazon Connect.
        AmazonConnect = "amazon-connect",
        /// FreeSWITCH with RECORD_STEREO.
        FreeSwitch = "freeswitch",
        /// Twilio's Programmable Voice.
        Twilio = "twilio",
        /// Twilio Flex.
        TwilioFlex = "twilio-flex",
        /// Vonage's Voice API with split recording.
        Vonage = "vonage",
    }
}

/// The agent calls, or is called.
const CALLER_FIRST: &[(&str, [&str; 2])] = &[
    ("metadata.direction=inbound", [Speaker::CUSTOMER, Speaker::AGENT]),
    ("metadata.direction=outbound", [Speaker::AGENT, Speaker::CUSTOMER]),
];

/// Whoever calls.
const CUSTOMER_FIRST: &[(&str, [&str; 2])] = &[("name=*", [Speaker::CUSTOMER, Speaker::AGENT])];

impl SourceProfile {
    /// Its choices, for who writes another.
    pub const CHOICES: &'static str = "is one of amazon-connect, freeswitch, twilio, twilio-flex, vonage";

    /// Who speaks on which channel of its recordings, by what is known of them.
    pub fn rules(self) -> Vec<RecordingRule<Vec<Speaker>>> {
        let by_name = |speakers: &[&str; 2]| speakers.iter().map(|name| Speaker((*name).into())).collect::<Vec<_>>();
        let rules = self.written().iter().map(|(conditions, speakers)| {
            RecordingRule::parse(&format!("{conditions} -> {}", speakers.join("|")), |_| Ok(by_name(speakers)))
        });
        rules.map(|rule| rule.expect("a test reads every profile")).collect()
    }

    /// Everybody whom it names.
    pub(super) fn speakers(self) -> impl Iterator<Item = &'static str> {
        self.written().iter().flat_map(|(_, speakers)| *speakers)
    }

    fn written(self) -> &'static [(&'static str, [&'static str; 2])] {
        match self {
            Self::AmazonConnect | Self::TwilioFlex => CUSTOMER_FIRST,
            Self::FreeSwitch | Self::Twilio | Self::Vonage => CALLER_FIRST,
        }
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::{RecordingFacts, RecordingUri, Tenant};
    use serde_json::{Map, Value};

    use super::*;

    fn first_channel(profile: &str, direction: Option<&str>) -> Option<String> {
        let metadata = direction.map(|direction| ("direction".to_owned(), Value::from(direction)));
        let (tenant, location) = (Tenant::default(), RecordingUri::from("s3://calls/a.wav"));
        let facts = RecordingFacts { tenant: &tenant, location: &location, metadata: &Map::from_iter(metadata) };
        let rules = profile.parse::<SourceProfile>().unwrap().rules();
        rules.into_iter().find(|rule| rule.holds(&facts)).map(|rule| rule.value[0].0.clone())
    }

    #[test]
    fn a_profile_says_who_is_on_the_first_channel_as_its_makers_page_does() {
        for (profile, inbound, outbound, unknown) in [
            ("amazon-connect", "customer", "customer", Some("customer")),
            ("freeswitch", "customer", "agent", None),
            ("twilio", "customer", "agent", None),
            ("twilio-flex", "customer", "customer", Some("customer")),
            ("vonage", "customer", "agent", None),
        ] {
            assert!(SourceProfile::CHOICES.contains(profile));
            let found = [Some("inbound"), Some("OUTBOUND"), None].map(|direction| first_channel(profile, direction));
            assert_eq!(
                found,
                [Some(inbound), Some(outbound), unknown].map(|name| name.map(str::to_owned)),
                "{profile}"
            );
        }
        let error = "genesys-cloud".parse::<SourceProfile>().expect_err("no page says it");
        assert_eq!(error, format!("use {}", SourceProfile::CHOICES.trim_start_matches("is ")));
    }
}
