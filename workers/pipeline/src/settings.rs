//! What the configuration says about jobs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use earmark_asr::LanguageChoice;
use earmark_audio::segment::SegmentOptions;
use earmark_core::Tenant;
use earmark_objects::FetchLimits;

use crate::sources::{ExchangeMode, Sources};
use crate::stitch::Speakers;

/// What the configuration says about jobs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where downloads and decoded samples are kept while a job runs.
    pub temp_dir: PathBuf,
    /// How much may be fetched, and how long it may take.
    pub fetch: FetchLimits,
    /// Longest recording that is taken.
    pub max_duration_ms: u64,
    /// Longest decoding of one recording.
    pub decode_timeout: Duration,
    /// Longest search for speech in one recording.
    pub segment_timeout: Duration,
    /// Longest search of one transcript by the rules.
    pub flag_timeout: Duration,
    /// How long a try that was told to stop may take to do so.
    pub stop_time: Duration,
    /// Memory that a decoder in a process of its own may take.
    pub decode_memory_bytes: u64,
    /// The ffmpeg program, where there is one.
    pub ffmpeg: Option<PathBuf>,
    /// How speech is cut.
    pub segment: SegmentOptions,
    /// Who speaks on which channel, where nothing nearer says so.
    pub speakers: Speakers,
    /// What says so nearer, and how headerless sound is read.
    pub sources: Sources,
    /// What is done about speakers that are exchanged.
    pub exchange: ExchangeMode,
    /// In which language recordings are, or among which to choose.
    pub language: LanguageChoice,
    /// What every clip is told as its context; none for nothing.
    pub prompt: Option<String>,
    /// Words to be spelled right, of all tenants.
    pub glossary: Vec<String>,
    /// Words to be spelled right, of single tenants.
    pub glossaries: HashMap<Tenant, Vec<String>>,
    /// Whether every word is aligned.
    pub has_words: bool,
}

impl Settings {
    /// Words to be spelled right in `tenant`'s recordings: its own, then everybody's.
    pub fn glossary_of(&self, tenant: &Tenant) -> Vec<String> {
        self.glossaries.get(tenant).into_iter().flatten().chain(&self.glossary).cloned().collect()
    }
}
