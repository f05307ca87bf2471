//! A job: one recording to be processed once.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::words::words;
use crate::{JobId, JobState, Problem, RawSound, RecordingUri, Speaker, Tenant, WorkerId};

words! {
    /// How urgent a job is; most urgent first.
    #[derive(PartialOrd, Ord, Default)]
    pub enum Lane: "lane" {
        /// Somebody waits for the result.
        Webhook = "webhook",
        /// The day's calls.
        #[default]
        Call = "call",
        /// The nightly archive.
        Archive = "archive",
    }
}

/// What a producer asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// As the caller gave it.
    pub uri: RecordingUri,
    /// Where the recording lies for any worker: one spelling for each place, a path as an absolute `file:` URI.
    pub location: RecordingUri,
    /// Whose recording it is.
    pub tenant: Tenant,
    /// Which lane it waits in.
    pub lane: Lane,
    /// The producer's own key: the same (tenant, key) again is the same job.
    pub key: Option<String>,
    /// The producer's own facts, found again in the report.
    pub metadata: Map<String, Value>,
    /// What this job does differently from the configuration.
    pub options: JobOptions,
    /// More urgent within its lane and tenant the higher it is; 0 for most.
    pub priority: i64,
    /// What the store calls these bytes at the time of the offer (entity tag, version id, size and time of a file), where
    /// it is known: other bytes under the same name are another job.
    pub version: Option<String>,
    /// The entry of the intake stream that it came by.
    pub intake_id: Option<String>,
}

impl NewJob {
    /// A job in the lane of calls, with nothing but what it has to have.
    pub fn new(uri: impl Into<RecordingUri>, location: impl Into<RecordingUri>, tenant: Tenant) -> Self {
        Self {
            uri: uri.into(),
            location: location.into(),
            tenant,
            lane: Lane::Call,
            key: None,
            metadata: Map::new(),
            options: JobOptions::default(),
            priority: 0,
            version: None,
            intake_id: None,
        }
    }

    /// What makes it the same job as another of its tenant: a hash of recording, version and rule set, and of what it says
    /// of speakers and of headerless sound, in hex; `active` is the rule set for jobs that name none. None for a job with a key, which says it instead, and for one
    /// that is to be processed whatever there is.
    pub fn identity(&self, active: Option<&str>) -> Option<String> {
        if self.key.is_some() || self.options.is_repeat {
            return None;
        }
        let rule_set = self.options.rule_set.as_deref().or(active);
        let mut hasher = Sha256::new();
        let mut note = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update([0]);
        };
        for part in
            ["earmark job", &*self.location.recording(), self.version.as_deref().unwrap_or(""), rule_set.unwrap_or("")]
        {
            note(part);
        }
        for part in &self.options.parts {
            note(&part.location.recording());
            note(part.version.as_deref().unwrap_or(""));
            note(&part.offset_ms.to_string());
            note(part.speaker.as_ref().map_or("", |speaker| &speaker.0));
        }
        // Only where it says so: the others keep the identity that they always had.
        if let Some(speakers) = &self.options.speakers {
            for Speaker(name) in speakers {
                hasher.update(b"speaker\0");
                hasher.update(name.as_bytes());
                hasher.update([0]);
            }
        }
        if let Some(sound) = &self.options.sound {
            hasher.update(format!("sound\0{sound}\0"));
        }
        Some(crate::hex(&hasher.finalize()))
    }
}

/// What one job does differently from the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOptions {
    /// Folder for the artifacts (`DIR/{job_id}/`) instead of the configured output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub out_dir: Option<String>,
    /// Hash of the rule set to use instead of the active one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_set: Option<String>,
    /// Process it whatever there is: neither an equal job nor a transcript of the same audio is used instead.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_repeat: bool,
    /// Who speaks on channel 0, 1, …, instead of the configuration's word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speakers: Option<Vec<Speaker>>,
    /// How a recording without a header is to be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sound: Option<RawSound>,
    /// Its files on a worker's own disk may lie nowhere but in the folders that the configuration names: whoever offered
    /// it was not the user whom the program runs as.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_confined: bool,
    /// The files of a recording that was offered as a list of them, in the order of their channels; the first one's
    /// location and version are the job's own. Empty for a recording that is one file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<Part>,
}

/// A file of a recording that consists of several: a direction of a call, a participant.
///
/// Its addresses are written out whole, for the journal alone; what is shown is a [`PartView`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As the caller gave it.
    #[serde(serialize_with = "exposed")]
    pub uri: RecordingUri,
    /// Where it lies for any worker.
    #[serde(serialize_with = "exposed")]
    pub location: RecordingUri,
    /// What the store called its bytes when the job was accepted, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// How much later than the recording it begins.
    #[serde(default)]
    pub offset_ms: u64,
    /// Who speaks on its channels, where its producer says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speaker: Option<Speaker>,
}

/// The journal's own writing of an address: a worker could not fetch by what is shown.
fn exposed<S: Serializer>(uri: &RecordingUri, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(uri.expose())
}

/// A file of a recording as it is told, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartView {
    /// As the caller gave it.
    pub uri: RecordingUri,
    /// How much later than the recording it begins.
    pub offset_ms: u64,
    /// Who speaks on its channels, where its producer says.
    pub speaker: Option<Speaker>,
}

impl From<&Part> for PartView {
    fn from(part: &Part) -> Self {
        Self { uri: part.uri.clone(), offset_ms: part.offset_ms, speaker: part.speaker.clone() }
    }
}

/// A job as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Given when it was accepted; ids sort by that time.
    pub id: JobId,
    /// As the caller gave it; serialized without secrets.
    pub uri: RecordingUri,
    /// Where the recording lies for any worker.
    #[serde(skip)]
    pub location: RecordingUri,
    /// Whose recording it is.
    pub tenant: Tenant,
    /// Which lane it waits in.
    pub lane: Lane,
    /// The producer's own key; none where it gave none.
    pub key: Option<String>,
    /// The producer's own facts.
    pub metadata: Map<String, Value>,
    /// What this job does differently from the configuration.
    #[serde(skip)]
    pub options: JobOptions,
    /// More urgent within its lane and tenant the higher it is.
    pub priority: i64,
    /// What the store called the recording's bytes when the job was accepted.
    #[serde(skip)]
    pub version: Option<String>,
    /// Where it stands, as it is stored.
    pub state: JobState,
    /// Tries begun, the one under way included.
    pub attempt: u32,
    /// Workers that died or went silent while they held it.
    pub deaths: u32,
    /// Not to be taken before this instant.
    pub run_at_ms: i64,
    /// When it was journaled.
    pub accepted_at_ms: i64,
    /// When it became final; none before.
    pub finished_at_ms: Option<i64>,
    /// Clips known, once the recording is cut.
    pub clips_total: Option<u32>,
    /// Clips with a text.
    pub clips_done: u32,
    /// Someone asked to call it off while a worker holds it.
    pub is_cancel_requested: bool,
    /// The last thing that went wrong.
    pub error: Option<Problem>,
}

/// The right to work on a job and to write its outcome: void as soon as the journal's epoch has moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job that is leased.
    pub job_id: JobId,
    /// The worker that holds it.
    pub worker: WorkerId,
    /// Counts the leases of this job, from 1.
    pub epoch: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_the_same_by_recording_version_and_rule_set_unless_it_has_a_key() {
        let job = || NewJob { version: Some("v1".into()), ..NewJob::new("a.wav", "/calls/a.wav", Tenant::default()) };
        let job_by = |names: &[&str]| {
            let speakers = Some(names.iter().map(|name| Speaker((*name).into())).collect());
            NewJob { options: JobOptions { speakers, ..JobOptions::default() }, ..job() }
        };
        let with_sound = |text: &str| {
            let sound = Some(text.parse().expect("a sound"));
            NewJob { options: JobOptions { sound, ..JobOptions::default() }, ..job() }
        };
        let same = job().identity(Some("r1"));
        assert!(same.as_ref().is_some_and(|hash| hash.len() == 64), "{same:?}");
        let named = JobOptions { rule_set: Some("r1".into()), ..JobOptions::default() };
        assert_eq!(NewJob { uri: "./a.wav".into(), options: named, ..job() }.identity(Some("r2")), same);
        for other in [
            NewJob { location: "/calls/b.wav".into(), ..job() }.identity(Some("r1")),
            NewJob { version: Some("v2".into()), ..job() }.identity(Some("r1")),
            NewJob { version: None, ..job() }.identity(Some("r1")),
            job().identity(Some("r2")),
            job().identity(None),
            job_by(&["agent", "customer"]).identity(Some("r1")),
            with_sound("pcm_s16le").identity(Some("r1")),
        ] {
            assert!(other.is_some() && other != same, "{other:?}");
        }
        assert_ne!(job_by(&["agent", "customer"]).identity(None), job_by(&["customer", "agent"]).identity(None));
        assert_ne!(job_by(&["ab"]).identity(None), job_by(&["a", "b"]).identity(None));
        assert_ne!(with_sound("pcm_s16le:8000:2").identity(None), with_sound("pcm_s16le:16000:1").identity(None));
        let repeat = JobOptions { is_repeat: true, ..JobOptions::default() };
        assert_eq!(NewJob { key: Some("k".into()), ..job() }.identity(None), None);
        assert_eq!(NewJob { options: repeat, ..job() }.identity(None), None);
    }

    fn part(location: &str) -> Part {
        let (uri, location) = (location.into(), location.into());
        Part { uri, location, version: Some("1".into()), offset_ms: 0, speaker: None }
    }

    #[test]
    fn a_job_is_the_same_however_its_address_is_signed_and_another_for_another_object() {
        let job = |query: &str| {
            let at = format!("https://me:pw@calls.example.org/a.wav{query}");
            let parts = vec![part(&at), part(&format!("https://calls.example.org/b.wav{query}"))];
            let options = JobOptions { parts, ..JobOptions::default() };
            NewJob { options, ..NewJob::new("a", at.as_str(), Tenant::default()) }.identity(None)
        };
        let signed =
            |by: &str| format!("?versionId=7&X-Amz-Date=20261128T0{by}0000Z&X-Amz-Expires=9&X-Amz-Signature={by}");
        assert_eq!(job(&signed("1")), job(&signed("2")));
        assert_eq!(job(&signed("1")), job("?versionId=7"));
        assert_ne!(job(&signed("1")), job(&signed("1").replace('7', "8")));
        assert_ne!(job("?id=7"), job("?id=8"));
    }

    #[test]
    fn a_recording_of_several_files_is_the_same_job_only_with_the_same_files_offsets_and_names() {
        let job = |parts: Vec<Part>| {
            let options = JobOptions { parts, ..JobOptions::default() };
            NewJob { options, ..NewJob::new("a", "/a", Tenant::default()) }.identity(None).unwrap()
        };
        let (a, b) = (|| part("/a"), || part("/b"));
        assert_eq!(job(vec![a(), b()]), job(vec![a(), b()]));
        let others = [
            vec![],
            vec![a()],
            vec![b(), a()],
            vec![a(), b(), part("/c")],
            vec![a(), Part { version: None, ..b() }],
            vec![a(), Part { offset_ms: 1, ..b() }],
            vec![a(), Part { speaker: Some(Speaker::unknown()), ..b() }],
        ];
        for other in others {
            assert_ne!(job(other.clone()), job(vec![a(), b()]), "{other:?}");
        }
    }

    #[test]
    fn a_part_is_kept_whole_for_the_fetch_and_told_without_its_secrets() {
        let signed = part("https://me:secret@example.org/out.wav?sig=secret");
        let kept = serde_json::to_string(&JobOptions { parts: vec![signed.clone()], ..JobOptions::default() }).unwrap();
        assert_eq!(serde_json::from_str::<JobOptions>(&kept).unwrap().parts.first(), Some(&signed));
        let told = serde_json::to_string(&PartView::from(&signed)).unwrap();
        assert_eq!(told, r#"{"uri":"https://example.org/out.wav?…","offset_ms":0,"speaker":null}"#);
        assert!(!format!("{signed:?}").contains("secret"));
    }
}
