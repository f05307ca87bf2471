//! `[audio]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use earmark_core::{RawSound, RecordingRule, SoundError, Speaker, SpeakersError, Tenant};
use serde::{Deserialize, Deserializer};

use super::source_profile::SourceProfile;
use super::value::{between, by_tenant, choice, full_list, optional, or_auto};

choice! {
    /// What becomes of speakers whose words say that they are exchanged.
    ExchangeKind {
        /// Nobody looks.
        Off = "off",
        /// The report warns of it.
        Warn = "warn",
        /// They are exchanged back, which the report and the audit log say.
        Exchange = "exchange",
    }
}

/// Decoding and cutting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Longest recording, in seconds.
    #[serde(deserialize_with = "between::<1, 2_592_000, _, _>")]
    pub max_duration_secs: u64,
    /// Longest decoding of one recording, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub decode_timeout_secs: u64,
    /// Longest search for speech in one recording, in seconds.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub segment_timeout_secs: u64,
    /// Memory of a decoder that runs as a child, in bytes.
    #[serde(deserialize_with = "between::<67_108_864, { u64::MAX / 2 }, _, _>")]
    pub decode_memory_bytes: u64,
    /// The ffmpeg program; `none` to do without.
    #[serde(deserialize_with = "optional")]
    pub ffmpeg: Option<PathBuf>,
    /// The speech detector's model; none for the one that `make setup` fetched.
    #[serde(deserialize_with = "optional")]
    pub vad_model: Option<PathBuf>,
    /// Who speaks on each channel.
    #[serde(deserialize_with = "speakers")]
    pub speakers: Vec<String>,
    /// Who speaks on a single channel.
    #[serde(deserialize_with = "speaker")]
    pub mono_speaker: String,
    /// Who speaks on each channel of some recordings; the first rule that holds counts.
    #[serde(deserialize_with = "speaker_rules")]
    pub speaker_rules: Vec<RecordingRule<Vec<Speaker>>>,
    /// Who speaks on each channel of a tenant's recordings.
    #[serde(deserialize_with = "tenant_speakers")]
    pub tenant_speakers: BTreeMap<Tenant, Vec<Speaker>>,
    /// Which recorder a tenant's recordings come from.
    #[serde(deserialize_with = "tenant_profiles")]
    pub tenant_profiles: BTreeMap<Tenant, SourceProfile>,
    /// Which recorder all others come from; none where they come from several, or another.
    #[serde(deserialize_with = "optional")]
    pub source_profile: Option<SourceProfile>,
    /// What becomes of speakers that are exchanged.
    pub exchange_speakers: ExchangeKind,
    /// How recordings without a header are to be read; the first rule that holds counts.
    #[serde(deserialize_with = "sound_rules")]
    pub sound_rules: Vec<RecordingRule<RawSound>>,
    /// Neighbouring speech is packed up to this, in milliseconds; none for what suits the engine.
    #[serde(deserialize_with = "or_auto::<1_000, 600_000, _, _>")]
    pub pack_to_ms: Option<u64>,
}

impl Audio {
    /// Everybody who may be named as a speaker by the settings.
    pub fn everybody(&self) -> Vec<&str> {
        let profiles = self.tenant_profiles.values().chain(&self.source_profile);
        let by_rules = self.speaker_rules.iter().flat_map(|rule| &rule.value);
        let mut names: Vec<&str> =
            self.speakers.iter().map(String::as_str).chain([self.mono_speaker.as_str()]).collect();
        names.extend(by_rules.chain(self.tenant_speakers.values().flatten()).map(|speaker| speaker.0.as_str()));
        for profile in profiles {
            names.extend(profile.speakers().map(|name: &str| name));
        }
        names
    }
}

fn speakers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names: Vec<String> = full_list(deserializer)?;
    names.iter().map(|name| checked(name).map_err(serde::de::Error::custom)).collect()
}

fn speaker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn checked(name: &str) -> Result<String, String> {
    Speaker::parse(name).map(|speaker| speaker.0).map_err(|error| error.to_string())
}

/// Names with `|` between them, for commas stand between the entries.
fn with_bars(names: &str) -> Result<Vec<Speaker>, SpeakersError> {
    Speaker::by_channel(names.split('|'))
}

fn tenant_speakers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, Vec<Speaker>>, D::Error> {
    by_tenant(deserializer, "tenant=speaker|speaker", |names| with_bars(names).ok())
}

fn tenant_profiles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, SourceProfile>, D::Error> {
    by_tenant(deserializer, &format!("tenant=profile, a profile {}", SourceProfile::CHOICES), |name| name.parse().ok())
}

fn speaker_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RecordingRule<Vec<Speaker>>>, D::Error> {
    let read = |names: &str| with_bars(names).map_err(|error| error.to_string());
    rules(deserializer, "condition & condition -> speaker|speaker", read)
}

fn sound_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RecordingRule<RawSound>>, D::Error> {
    let read = |sound: &str| sound.parse().map_err(|error: SoundError| error.to_string());
    let rules = rules(deserializer, "name=PATTERN & condition -> encoding:rate:channels", read)?;
    // A recording with a header says itself how it is written down.
    if let Some(rule) = rules.iter().find(|rule| !rule.asks_name()) {
        let why = format!("say by name= which files have no header: `{}` does not", rule.text());
        return Err(serde::de::Error::custom(why));
    }
    Ok(rules)
}

fn rules<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    form: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<RecordingRule<T>>, D::Error> {
    let texts: Vec<String> = full_list(deserializer)?;
    let wrong = |why: String| serde::de::Error::custom(format!("use {form}, comma-separated: {why}"));
    texts.iter().map(|text| RecordingRule::parse(text, &read).map_err(wrong)).collect()
}
