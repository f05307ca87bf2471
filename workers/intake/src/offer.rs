//! A recording as it is offered, and the job that it becomes.

use std::path::PathBuf;

use earmark_core::{JobOptions, Lane, NewJob, Part, RecordingUri, Tenant};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::checks;
use crate::error::OfferError;
use crate::limits::checked_priority;
use crate::look::Look;
use crate::part::{OfferedPart, parts};
use crate::place::location;
use crate::sound::OfferedSound;
use crate::speakers::OfferedSpeakers;

/// A recording as a producer offers it, its texts as they came. Read from JSON: `uri` or `parts`, and if wanted `tenant`,
/// `lane`, `key`, `priority`, `repeat`, `rule_set`, `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Offer {
    /// Where the recording lies: `s3://`, `https://`, `file:///` or an absolute path.
    #[serde(default = "missing")]
    pub uri: RecordingUri,
    /// Its files instead of `uri`, where it consists of several: a direction of a call each, or a participant. Their
    /// channels come one behind the other.
    #[serde(default)]
    pub parts: Vec<OfferedPart>,
    /// Whose it is; the default tenant's where it is none.
    pub tenant: Option<String>,
    /// How urgent; a call where it is none.
    pub lane: Option<String>,
    /// The producer's own key.
    pub key: Option<String>,
    /// More urgent within its lane and tenant the higher it is; 0 where it is none.
    pub priority: Option<i64>,
    /// Process it whatever there is.
    #[serde(rename = "repeat", default)]
    pub is_repeat: bool,
    /// Hash of the rule set to be judged by; the one in force when it is none.
    pub rule_set: Option<String>,
    /// The producer's own facts, given back in the report.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Who speaks on channel 0, 1, …; as the configuration has it where it is none.
    pub speakers: Option<OfferedSpeakers>,
    /// How its bytes are to be read where they have no header; as the configuration has it where it is none.
    pub sound: Option<OfferedSound>,
    /// The absolute path that `uri` means, where its door has looked at this machine's disk: only the shell does.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    /// What the store calls its bytes, where its door knows that from a listing.
    #[serde(skip)]
    pub version: Option<String>,
    /// The entry of the intake stream that it came by.
    #[serde(skip)]
    pub intake_id: Option<String>,
}

/// Stands in for a `uri` that JSON does not have: no text that means anything.
const MISSING: &str = "\0";

fn missing() -> RecordingUri {
    MISSING.into()
}

impl<'de> Deserialize<'de> for Offer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Derived, field by field.
        let mut offer = Self::deserialize(deserializer)?;
        if offer.uri == MISSING {
            if offer.parts.is_empty() {
                return Err(serde::de::Error::missing_field("uri"));
            }
            offer.uri = RecordingUri::default();
        }
        Ok(offer)
    }
}

impl Offer {
    /// The recording's address in the words of whoever offers it: its own, or that of its first file.
    pub fn shown(&self) -> &RecordingUri {
        self.parts.first().map_or(&self.uri, |part| &part.uri)
    }

    /// The job that is offered. `look` is asked for the version of its bytes unless that is known.
    ///
    /// # Errors
    /// [`OfferError`], every variant.
    pub fn into_job(self, look: &Look) -> Result<NewJob, OfferError> {
        let is_both = !self.parts.is_empty() && !self.uri.expose().is_empty();
        if is_both {
            return Err(OfferError::Parts("has both `uri` and `parts`".into()));
        }
        let parts = parts(self.parts, look)?;
        let (uri, location, version) = match parts.first() {
            Some(first) => (first.uri.clone(), first.location.clone(), first.version.clone()),
            None => {
                let location = location(&self.uri, self.path.as_deref())?;
                let version = look.version(&self.uri, &location, self.version)?;
                (self.uri, location, version)
            }
        };
        if let Some(key) = &self.key {
            checks::key(key)?;
        }
        checks::metadata(&self.metadata)?;
        if let Some(rule_set) = &self.rule_set {
            checks::rule_set(rule_set)?;
        }
        // A list of one file, of which nothing else is said, is that file.
        let is_plain = matches!(parts.as_slice(), [Part { offset_ms: 0, speaker: None, .. }]);
        let parts = if is_plain { Vec::new() } else { parts };
        let tenant = self.tenant.as_deref().map(Tenant::parse).transpose()?.unwrap_or_default();
        let lane: Lane = self.lane.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        let priority = checked_priority(self.priority.unwrap_or_default())?;
        Ok(NewJob {
            lane,
            key: self.key,
            metadata: self.metadata,
            priority,
            options: JobOptions {
                is_repeat: self.is_repeat,
                rule_set: self.rule_set,
                speakers: self.speakers.map(OfferedSpeakers::checked).transpose()?,
                sound: self.sound.map(OfferedSound::checked).transpose()?,
                parts,
                is_confined: look.is_confined(),
                ..JobOptions::default()
            },
            version,
            intake_id: self.intake_id,
            ..NewJob::new(uri, location, tenant)
        })
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::{Failure, Speaker};

    use super::*;
    use crate::limits::MAX_METADATA_BYTES;

    /// A machine on which nothing can be looked at.
    fn unseen(_: &RecordingUri) -> Option<String> {
        None
    }

    fn part(uri: &str) -> OfferedPart {
        OfferedPart { uri: uri.into(), ..OfferedPart::default() }
    }

    fn several(count: usize) -> Vec<OfferedPart> {
        (0..count).map(|number| part(&format!("/calls/{number}.wav"))).collect()
    }

    fn of_parts(parts: Vec<OfferedPart>) -> Offer {
        Offer { parts, ..Offer::default() }
    }

    #[test]
    fn a_list_of_files_is_one_job_under_the_name_of_the_first() {
        fn seen(location: &RecordingUri) -> Option<String> {
            Some(format!("of {location}"))
        }
        let second = OfferedPart { offset_ms: 120, speaker: Some(" customer ".into()), ..part("/calls/b.wav") };
        let job = of_parts(vec![part("file://localhost/calls/a.wav"), second]).into_job(&Look::anywhere(seen)).unwrap();
        assert_eq!((job.uri.expose(), job.location.expose()), ("file://localhost/calls/a.wav", "file:///calls/a.wav"));
        assert_eq!(job.version.as_deref(), Some("of file:///calls/a.wav"));
        let [first, second] = job.options.parts.as_slice() else { panic!("{:?}", job.options.parts) };
        assert_eq!((&first.uri, &first.location, &first.version), (&job.uri, &job.location, &job.version));
        assert_eq!((second.uri.expose(), second.location.expose()), ("/calls/b.wav", "file:///calls/b.wav"));
        assert_eq!((second.version.as_deref(), second.offset_ms), (Some("of file:///calls/b.wav"), 120));
        assert_eq!(second.speaker.as_ref().map(|speaker| speaker.0.as_str()), Some("customer"));
        assert!(of_parts(several(1)).into_job(&Look::anywhere(unseen)).unwrap().options.parts.is_empty());
        let named = OfferedPart { speaker: Some("agent".into()), ..part("/a") };
        assert_eq!(of_parts(vec![named]).into_job(&Look::anywhere(unseen)).unwrap().options.parts.len(), 1);
        assert_eq!(of_parts(several(16)).into_job(&Look::anywhere(unseen)).unwrap().options.parts.len(), 16);
    }

    #[test]
    fn what_cannot_be_a_job_is_refused_with_what_is_wrong() {
        let good = || Offer { uri: "s3://calls/a.wav".into(), ..Offer::default() };
        let metadata = |value: Value| Map::from_iter([("note".to_owned(), value)]);
        let long = "x".repeat(MAX_METADATA_BYTES);
        let cases = [
            (Offer::default(), "job.uri"),
            (Offer { uri: "calls/a.wav".into(), ..good() }, "job.uri"),
            (Offer { uri: "ftp://a/b".into(), ..good() }, "job.uri"),
            (Offer { uri: "/calls/a\0b.wav".into(), ..good() }, "job.uri"),
            (Offer { uri: "a\0b".into(), path: Some("/calls/a\0b".into()), ..good() }, "job.uri"),
            (Offer { uri: "file://elsewhere/a.wav".into(), ..good() }, "job.uri"),
            (Offer { uri: "s3://calls/2026/".into(), ..good() }, "job.uri"),
            (Offer { uri: "file:///calls/".into(), ..good() }, "job.uri"),
            (Offer { uri: "/calls/".into(), ..good() }, "job.uri"),
            (Offer { uri: format!("/{}", "x".repeat(4096)).into(), ..good() }, "job.uri"),
            // Three times as long as an absolute URI.
            (Offer { uri: format!("/{}", "录".repeat(1000)).into(), ..good() }, "job.uri"),
            (Offer { tenant: Some("../x".into()), ..good() }, "job.tenant"),
            (Offer { lane: Some("urgent".into()), ..good() }, "job.lane"),
            (Offer { key: Some(String::new()), ..good() }, "job.key"),
            (Offer { key: Some("x".repeat(513)), ..good() }, "job.key"),
            (Offer { key: Some("录".repeat(400)), ..good() }, "job.key"),
            (Offer { key: Some("a\0b".into()), ..good() }, "job.nul"),
            (Offer { metadata: metadata(Value::from(long)), ..good() }, "job.metadata"),
            (Offer { metadata: metadata(serde_json::json!([{ "a": "\0" }])), ..good() }, "job.nul"),
            (Offer { rule_set: Some("starter".into()), ..good() }, "job.rule_set"),
            (Offer { rule_set: Some("AB".repeat(32)), ..good() }, "job.rule_set"),
            (Offer { priority: Some(101), ..good() }, "job.priority"),
            (Offer { parts: several(2), ..good() }, "job.parts"),
            (Offer { parts: several(17), ..Offer::default() }, "job.parts"),
            (of_parts(vec![part("/a.wav"), part("file:///a.wav")]), "job.parts"),
            (of_parts(vec![part("/a.wav"), part("b.wav")]), "job.uri"),
            (of_parts(vec![part("/a.wav"), OfferedPart { offset_ms: u64::MAX, ..part("/b") }]), "job.offset"),
            (of_parts(vec![OfferedPart { speaker: Some("<v a>".into()), ..part("/b") }]), "job.speakers"),
            (of_parts(vec![OfferedPart { speaker: Some(" ".into()), ..part("/b") }]), "job.speakers"),
            (Offer { speakers: Some("agent,".into()), ..good() }, "job.speakers"),
            (Offer { sound: Some("mp3".into()), ..good() }, "job.sound"),
        ];
        for (offer, code) in cases {
            let error = offer.clone().into_job(&Look::anywhere(unseen)).expect_err(code);
            assert_eq!(error.code(), code, "{offer:?}");
            assert!(!error.to_string().contains('\0'), "{error}");
        }
        let most = Offer { key: Some("k".repeat(512)), ..good() };
        assert_eq!(most.into_job(&Look::anywhere(unseen)).unwrap().key.map(|key| key.len()), Some(512));
    }

    #[test]
    fn an_offer_becomes_the_job_that_was_meant() {
        let offer = Offer {
            uri: "/calls/a b.wav".into(),
            tenant: Some("acme".into()),
            lane: Some("archive".into()),
            key: Some("k".into()),
            priority: Some(-3),
            rule_set: Some("ab".repeat(32)),
            speakers: Some("customer, agent".into()),
            sound: Some("pcm_s16le:8000:2".into()),
            ..Offer::default()
        };
        let job = offer.into_job(&Look::anywhere(unseen)).unwrap();
        assert_eq!(job.options.rule_set, Some("ab".repeat(32)));
        assert_eq!(job.options.speakers, Some(vec![Speaker("customer".into()), Speaker("agent".into())]));
        assert_eq!(job.options.sound.map(|sound| sound.to_string()).as_deref(), Some("pcm_s16le:8000:2"));
        assert_eq!((job.uri.expose(), job.location.expose()), ("/calls/a b.wav", "file:///calls/a%20b.wav"));
        assert_eq!(
            (job.tenant.as_str(), job.lane, job.key.as_deref(), job.priority),
            ("acme", Lane::Archive, Some("k"), -3)
        );
    }

    #[test]
    fn files_that_others_may_not_name_are_refused_before_anything_is_looked_at() {
        fn looked_at(_: &RecordingUri) -> Option<String> {
            panic!("looked at what is out of reach")
        }
        let confined = Look::within(looked_at, |path| path.starts_with("/calls"));
        let offer = |uri: &str| Offer { uri: uri.into(), ..Offer::default() };
        for uri in
            ["/etc/passwd", "file:///etc/passwd", "/calls/../etc/passwd", "file:///no/such/file", "/proc/1/environ"]
        {
            for offer in [offer(uri), of_parts(vec![part("s3://calls/a.wav"), part(uri)])] {
                let error = offer.into_job(&Look::within(unseen, |path| path.starts_with("/calls"))).expect_err(uri);
                assert_eq!(error.code(), "job.file_root", "{uri}");
            }
            offer(uri).into_job(&confined).expect_err(uri);
        }
        let open = Look::within(unseen, |path| path.starts_with("/calls"));
        assert!(offer("/calls/a.wav").into_job(&open).unwrap().options.is_confined);
        assert!(offer("s3://calls/a.wav").into_job(&open).unwrap().options.is_confined);
        assert!(!offer("/etc/passwd").into_job(&Look::anywhere(unseen)).unwrap().options.is_confined);
    }

    #[test]
    fn one_place_has_one_location_however_it_is_spelt() {
        let location = |uri: &str| {
            let offer = Offer { uri: uri.into(), ..Offer::default() };
            offer.into_job(&Look::anywhere(unseen)).unwrap().location.expose().to_owned()
        };
        for (spellings, expected) in [
            (
                &["/a/b.wav", "file:///a/b.wav", "file://localhost/a/b.wav", "/a//./c/../b.wav", "FILE:///a/%62.wav"][..],
                "file:///a/b.wav",
            ),
            (&["https://example.org/a?x=1", "HTTPS://EXAMPLE.org:443/a?x=1#top"], "https://example.org/a?x=1"),
            (&["s3://calls/a b.wav?versionId=7", "S3://calls/a b.wav?versionId=7"], "s3://calls/a b.wav?versionId=7"),
        ] {
            for uri in spellings {
                assert_eq!(location(uri), expected, "{uri}");
            }
        }
        let found = Offer { uri: "b?c.wav".into(), path: Some("/a/b?c.wav".into()), ..Offer::default() };
        assert_eq!(found.into_job(&Look::anywhere(unseen)).unwrap().location.expose(), "file:///a/b%3Fc.wav");
    }

    #[test]
    fn the_version_is_looked_up_by_the_location_unless_it_is_known() {
        fn seen(location: &RecordingUri) -> Option<String> {
            Some(format!("of {}", location.expose()))
        }
        let offer = |version: Option<&str>| Offer {
            uri: "file://localhost/a.wav".into(),
            version: version.map(str::to_owned),
            ..Offer::default()
        };
        let version = |offer: Offer| offer.into_job(&Look::anywhere(seen)).unwrap().version;
        assert_eq!(version(offer(None)).as_deref(), Some("of file:///a.wav"));
        assert_eq!(version(offer(Some("listed"))).as_deref(), Some("listed"));
    }

    #[test]
    fn an_offer_in_json_has_known_fields_only() {
        let offer: Offer = serde_json::from_str(r#"{"uri": "s3://b/k", "repeat": true, "priority": 3}"#).unwrap();
        assert!(offer.is_repeat && offer.priority == Some(3) && offer.uri.expose() == "s3://b/k");
        let parts: Offer = serde_json::from_str(r#"{"parts": ["s3://b/k", {"uri": "s3://b/l"}]}"#).unwrap();
        assert!(parts.uri.expose().is_empty() && parts.parts.len() == 2, "{parts:?}");
        for text in [
            r#"{}"#,
            r#"{"parts": []}"#,
            r#"{"uri": "s3://b/k", "kye": "k"}"#,
            r#"{"uri": "s3://b/k", "version": "v"}"#,
            r#"{"uri": 7}"#,
        ] {
            serde_json::from_str::<Offer>(text).expect_err(text);
        }
    }
}
