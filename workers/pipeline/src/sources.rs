//! Who speaks on which channel of a job's recording, and how headerless sound is read: settled once, for all stages.

use std::collections::BTreeMap;

use earmark_core::{RawSound, RecordingFacts, RecordingRule, Speaker, Tenant, Warning};
use serde_json::{Value, json};

use crate::stitch::Speakers;

/// What the configuration says of some recordings beside what holds for all.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Who speaks on the channels of recordings that a rule is about; the first that holds counts.
    pub speaker_rules: Vec<RecordingRule<Vec<Speaker>>>,
    /// Who speaks on the channels of a tenant's recordings.
    pub tenant_speakers: BTreeMap<Tenant, Vec<Speaker>>,
    /// What is known of the recorder that a tenant's recordings come from.
    pub tenant_profiles: BTreeMap<Tenant, Profile>,
    /// What is known of the recorder that all others come from.
    pub profile: Option<Profile>,
    /// How files without a header are to be read; the first rule that holds counts.
    pub sound_rules: Vec<RecordingRule<RawSound>>,
}

/// A recorder, and who speaks on which channel of its recordings.
#[derive(Debug, Clone)]
pub struct Profile {
    /// As the configuration calls it.
    pub name: String,
    /// The first that holds counts.
    pub rules: Vec<RecordingRule<Vec<Speaker>>>,
}

/// What is done about speakers that are exchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExchangeMode {
    /// Nobody looks.
    Off,
    /// The report warns of it.
    #[default]
    Warn,
    /// They are exchanged back before the rules look, which the report and the audit log say.
    Exchange,
}

/// Who speaks on which channel of one recording, and who says so.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub speakers: Speakers,
    pub by: Word,
    /// The profile that wanted to know who calls, where nobody said that.
    open: Option<String>,
}

/// Who has the say on a recording's speakers, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Job,
    Rule(String),
    Tenant,
    Profile(String),
    Installation,
}

impl Sources {
    /// Who speaks on which channel of the recording of which `facts` are known: who its job says (`own`), else whoever has
    /// the say next; `installation`'s word holds where nobody else has one.
    pub(crate) fn speakers(
        &self,
        own: Option<&[Speaker]>,
        facts: &RecordingFacts<'_>,
        installation: &Speakers,
    ) -> Settled {
        let settled = |speakers: &[Speaker], by: Word| Settled {
            speakers: Speakers {
                // A single one says who speaks on a single channel.
                mono: if let [one] = speakers { one.clone() } else { installation.mono.clone() },
                by_channel: speakers.to_vec(),
            },
            by,
            open: None,
        };
        if let Some(own) = own {
            return settled(own, Word::Job);
        }
        if let Some(rule) = self.speaker_rules.iter().find(|rule| rule.holds(facts)) {
            return settled(&rule.value, Word::Rule(rule.text().into()));
        }
        if let Some(own) = self.tenant_speakers.get(facts.tenant) {
            return settled(own, Word::Tenant);
        }
        let profile = self.tenant_profiles.get(facts.tenant).or(self.profile.as_ref());
        let known = profile.and_then(|profile| profile.rules.iter().find(|rule| rule.holds(facts)));
        match (profile, known) {
            (Some(profile), Some(rule)) => settled(&rule.value, Word::Profile(profile.name.clone())),
            (open, _) => Settled {
                speakers: installation.clone(),
                by: Word::Installation,
                open: open.map(|profile| profile.name.clone()),
            },
        }
    }

    /// How the recording is to be read if it has no header: as its job says (`own`), else by the first rule that holds.
    pub(crate) fn sound(&self, own: Option<RawSound>, facts: &RecordingFacts<'_>) -> Option<RawSound> {
        own.or_else(|| self.sound_rules.iter().find(|rule| rule.holds(facts)).map(|rule| rule.value))
    }
}

impl Settled {
    /// What a reader must know of it: the recording has `channels` channels.
    pub fn warnings(&self, channels: u16) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(profile) = &self.open
            && channels > 1
        {
            let detail = format!(
                "recordings of {profile} have their channels in an order that depends on who calls, which the job's metadata do \
                 not say (direction: inbound or outbound); the speakers are those of audio.speakers, and may be exchanged"
            );
            warnings.push(Warning::new("speakers_assumed", detail));
        }
        let named = self.speakers.by_channel.len();
        let who = match &self.by {
            Word::Job => "the job was offered with".to_owned(),
            Word::Rule(rule) => format!("the rule `{rule}` has"),
            Word::Tenant | Word::Profile(_) | Word::Installation => return warnings,
        };
        if named != usize::from(channels) {
            let detail = format!(
                "{who} {named} speaker{} ({}), the recording has {channels} channel{}: nobody can tell who speaks where \
                 none is named",
                if named == 1 { "" } else { "s" },
                self.names().join(", "),
                if channels == 1 { "" } else { "s" },
            );
            warnings.push(Warning::new("speakers_unfit", detail));
        }
        warnings
    }

    /// For the record: the names by channel, and whose word that is.
    pub fn on_record(&self) -> Value {
        let (by, rule) = match &self.by {
            Word::Job => ("job", None),
            Word::Rule(rule) => ("rule", Some(rule)),
            Word::Tenant => ("tenant", None),
            Word::Profile(profile) => ("profile", Some(profile)),
            Word::Installation => ("installation", None),
        };
        json!({ "by_channel": self.names(), "mono": self.speakers.mono, "by": by, "which": rule })
    }

    fn names(&self) -> Vec<&str> {
        self.speakers.by_channel.iter().map(|speaker| speaker.0.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::RecordingUri;
    use serde_json::Map;

    use super::*;

    fn list(names: &str) -> Vec<Speaker> {
        Speaker::by_channel(names.split('|')).unwrap()
    }

    fn rule(text: &str) -> RecordingRule<Vec<Speaker>> {
        RecordingRule::parse(text, |names| Ok(list(names))).unwrap()
    }

    fn sources() -> Sources {
        let tenant = |name: &str| Tenant::parse(name).unwrap();
        let by_direction = ["metadata.direction=inbound -> c1|c2", "metadata.direction=outbound -> o1|o2"];
        let profile = |name: &str, rules: &[&str]| Profile {
            name: name.into(),
            rules: rules.iter().map(|text| rule(text)).collect(),
        };
        Sources {
            speaker_rules: vec![
                rule("metadata.queue=vip -> v1|v2"),
                rule("name=*-in.wav -> in"),
                rule("name=*-in.wav -> no"),
            ],
            tenant_speakers: BTreeMap::from([(tenant("acme"), list("t1|t2"))]),
            tenant_profiles: BTreeMap::from([(tenant("pbx"), profile("switch", &by_direction))]),
            profile: Some(profile("cloud", &["name=*.mp3 -> p1|p2"])),
            sound_rules: vec![
                RecordingRule::parse("tenant=acme & name=*.raw -> pcm_s16le:8000:2", |text| Ok(text.parse().unwrap()))
                    .unwrap(),
            ],
        }
    }

    fn settled(own: Option<&str>, tenant: &str, location: &str, metadata: Value) -> (Settled, Option<RawSound>) {
        let (tenant, location) = (Tenant::parse(tenant).unwrap(), RecordingUri::from(location));
        let metadata: Map<String, Value> = metadata.as_object().cloned().unwrap_or_default();
        let facts = RecordingFacts { tenant: &tenant, location: &location, metadata: &metadata };
        let installation = Speakers { by_channel: list("i1|i2"), mono: Speaker("m".into()) };
        let own = own.map(list);
        (sources().speakers(own.as_deref(), &facts, &installation), sources().sound(None, &facts))
    }

    #[test]
    fn the_nearest_word_on_speakers_counts() {
        let call = "file:///calls/a.wav";
        for (own, tenant, location, metadata, on_0, on_1, mono) in [
            (Some("a|b"), "acme", "file:///calls/a-in.wav", json!({"queue": "vip"}), "a", "b", "m"),
            (Some("a"), "acme", call, json!({}), "a", "unknown", "a"),
            (None, "acme", "file:///calls/a-in.wav", json!({"queue": "vip"}), "v1", "v2", "m"),
            (None, "acme", "file:///calls/a-in.wav", json!({}), "in", "unknown", "in"),
            (None, "acme", call, json!({"queue": "sales"}), "t1", "t2", "m"),
            (None, "pbx", call, json!({"direction": "inbound"}), "c1", "c2", "m"),
            (None, "pbx", call, json!({"direction": "outbound"}), "o1", "o2", "m"),
            (None, "pbx", "file:///a.mp3", json!({}), "i1", "i2", "m"),
            (None, "other", "file:///a.mp3", json!({}), "p1", "p2", "m"),
            (None, "other", call, json!({}), "i1", "i2", "m"),
        ] {
            let speakers = settled(own, tenant, location, metadata.clone()).0.speakers;
            let found = [speakers.on(0, 2), speakers.on(1, 2), speakers.on(0, 1)].map(|speaker| speaker.0);
            assert_eq!(found, [on_0, on_1, mono], "{own:?} {tenant} {location} {metadata}");
        }
    }

    #[test]
    fn whose_word_it_was_goes_on_record() {
        let by = |own, tenant, metadata| settled(own, tenant, "file:///a.wav", metadata).0.on_record();
        let record = by(Some("a|b"), "acme", json!({}));
        assert_eq!(record, json!({"by_channel": ["a", "b"], "mono": "m", "by": "job", "which": null}));
        let record = by(None, "other", json!({"queue": "vip"}));
        assert_eq!((&record["by"], &record["which"]), (&json!("rule"), &json!("metadata.queue=vip -> v1|v2")));
        assert_eq!(by(None, "acme", json!({}))["by"], "tenant");
        assert_eq!(by(None, "pbx", json!({"direction": "inbound"}))["which"], "switch");
        assert_eq!(by(None, "other", json!({}))["by"], "installation");
    }

    #[test]
    fn speakers_that_do_not_fit_and_those_that_are_guessed_are_warned_of() {
        let codes = |own, tenant: &str, location: &str, channels: u16| {
            let warnings = settled(own, tenant, location, json!({})).0.warnings(channels);
            warnings.into_iter().map(|warning| (warning.code, warning.detail)).collect::<Vec<_>>()
        };
        let call = "file:///calls/a.wav";
        for (own, tenant, location, channels) in [
            (Some("a|b"), "acme", call, 2),
            (Some("a"), "acme", call, 1),
            (None, "acme", call, 1),
            (None, "other", call, 1),
            (None, "pbx", call, 1),
            (None, "pbx", "file:///a-in.wav", 1),
        ] {
            assert_eq!(codes(own, tenant, location, channels), [], "{own:?} {tenant} {location} {channels}");
        }
        for (own, tenant, location, channels, code, part) in [
            (Some("a|b"), "acme", call, 1, "speakers_unfit", "2 speakers (a, b), the recording has 1 channel:"),
            (Some("a|b"), "acme", call, 3, "speakers_unfit", "the recording has 3 channels"),
            (
                None,
                "acme",
                "file:///a-in.wav",
                2,
                "speakers_unfit",
                "the rule `name=*-in.wav -> in` has 1 speaker (in)",
            ),
            (None, "pbx", call, 2, "speakers_assumed", "recordings of switch"),
            (None, "other", call, 2, "speakers_assumed", "recordings of cloud"),
        ] {
            let found = codes(own, tenant, location, channels);
            assert!(matches!(found.as_slice(), [(one, detail)] if one == code && detail.contains(part)), "{found:?}");
        }
    }

    #[test]
    fn sound_is_declared_by_the_job_or_by_rule() {
        let by_rule = |tenant, location| settled(None, tenant, location, json!({})).1.map(|sound| sound.to_string());
        assert_eq!(by_rule("acme", "file:///a.RAW").as_deref(), Some("pcm_s16le:8000:2"));
        assert_eq!((by_rule("acme", "file:///a.wav"), by_rule("other", "file:///a.raw")), (None, None));
        let (tenant, location, metadata) =
            (Tenant::parse("acme").unwrap(), RecordingUri::from("file:///a.raw"), Map::new());
        let facts = RecordingFacts { tenant: &tenant, location: &location, metadata: &metadata };
        let own = "pcm_alaw".parse().unwrap();
        assert_eq!(sources().sound(Some(own), &facts), Some(own));
    }
}
