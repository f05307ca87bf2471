//! The stages in order, and what they share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use earmark_asr::LanguageChoice;
use earmark_audio::segment::{SegmentOptions, SpeechModel};
use earmark_core::{Clip, Clock, Job, Lane, Lease, RecordingUri, Report, Tenant};
use earmark_journal::{Journal, ResultStore};
use earmark_objects::{ArtifactStore, FetchLimits, RecordingStore};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::account::Accounts;
use crate::company::{Company, Place};
use crate::progress::{Progress, Stage};
use crate::watched::{Tries, Watched};
use crate::{JobError, RuleBook, Speakers, decode, fetch, flag, segment, stitch, transcribe, write};

/// Everything a job needs. Shared by all jobs of a process.
pub struct Pipeline {
    /// Where recordings come from.
    pub recordings: Arc<dyn RecordingStore>,
    /// Where clips are kept between tries.
    pub journal: Journal,
    /// Where the outcome goes, in one transaction.
    pub results: Arc<dyn ResultStore>,
    /// Where reports and transcripts go.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// Who listens, and how many requests at a time.
    pub accounts: Accounts,
    /// Recordings that are decoded and searched for speech at a time: one a core, so that the first are ready soon.
    pub cores: Arc<Semaphore>,
    /// Which jobs compute.
    pub company: Company,
    /// What tells speech from the rest.
    pub speech: Arc<SpeechModel>,
    /// What the text is judged by.
    pub rules: Arc<RuleBook>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// What runs for which try.
    pub tries: Tries,
    /// What the configuration says.
    pub settings: Settings,
}

/// What the configuration says about jobs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Downloads and decoded samples.
    pub temp_dir: PathBuf,
    /// How much may be fetched, and how long it may take.
    pub fetch: FetchLimits,
    /// Longest recording.
    pub max_duration_ms: u64,
    /// Longest decoding.
    pub decode_timeout: Duration,
    /// Longest search for speech in one recording.
    pub segment_timeout: Duration,
    /// Longest search of one transcript by the rules.
    pub flag_timeout: Duration,
    /// How long a try that was told to stop may take to do so.
    pub stop_time: Duration,
    /// Memory of a decoder.
    pub decode_memory_bytes: u64,
    /// The ffmpeg program, where there is one.
    pub ffmpeg: Option<PathBuf>,
    /// How speech is cut.
    pub segment: SegmentOptions,
    /// Who speaks on which channel.
    pub speakers: Speakers,
    /// Which language.
    pub language: LanguageChoice,
    /// Context of every clip.
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

/// What a recording would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its length.
    pub duration_ms: u64,
    /// Its channels.
    pub channels: u16,
    /// The clips that would be sent, in milliseconds each.
    pub clips: Vec<u64>,
}

impl Pipeline {
    /// Takes `job` the whole way; returns once its result is written. `stop` ends it early, between clips or packets.
    ///
    /// # Errors
    /// [`JobError`], one variant per stage; nothing but checkpoints has been written then.
    pub async fn run(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<Report, JobError> {
        let watched = self.tries.begin(lease);
        let rules = self.rules.of(job).await?;
        // Nothing is fetched for an account that may not be asked.
        self.accounts.of(&job.tenant).open().await.map_err(JobError::Transcribe)?;
        self.at(job, &watched, Stage::Fetch);
        let fetched = fetch::fetch(self, &job.location, job.version.as_deref(), stop).await?;
        let core = self.core(job.lane).await;
        // Until here a worker that died did not die of this job, which only waited.
        let place = self.compute(job, lease).await?;
        self.at(job, &watched, Stage::Decode);
        let decoded = decode::decode(self, &watched, &fetched, stop).await?;
        fetched.check_unchanged().map_err(JobError::Fetch)?;
        self.at(job, &watched, Stage::Segment);
        let cut = segment::segment(self, &watched, &decoded, stop).await?;
        drop(core);
        let is_elsewhere = self.accounts.of(&job.tenant).transcriber.limits().takes_files;
        self.journal.set_blameless(lease, is_elsewhere).await?;
        let alone = place.alone().filter(|_| !is_elsewhere);
        let transcript =
            transcribe::transcribe(self, job, lease, &watched, &fetched, &decoded, &cut, &rules, alone, stop).await?;
        // What follows is computed here, from this recording's text.
        self.journal.set_blameless(lease, true).await?;
        let place = self.compute(job, lease).await?;
        self.at(job, &watched, Stage::Flag);
        let utterances = stitch::stitch(&transcript.clips, &self.settings.speakers, cut.different_channels());
        let language = stitch::language(&utterances);
        let context = flag::context(job, &decoded, &cut, language.clone());
        let mut findings = flag::flag(self, &watched, &rules, &utterances, context).await?;
        findings.extend(flag::refused(&transcript.clips, &utterances));
        let (shadow_findings, findings) = findings.into_iter().partition(|finding| finding.is_shadow);
        // Writing waits for stores: whoever dies then did not die of the recording.
        self.journal.set_blameless(lease, true).await?;
        drop(place);
        self.at(job, &watched, Stage::Write);
        write::write(
            self,
            lease,
            write::Outcome {
                job,
                fetched,
                decoded,
                cut,
                transcript,
                language,
                utterances,
                findings,
                shadow_findings,
                rules: rules.id().clone(),
            },
        )
        .await
    }

    /// What the recording at `location` would take: fetched, decoded and searched for speech, but not sent.
    ///
    /// # Errors
    /// [`JobError`], as [`run`](Self::run).
    pub async fn survey(&self, location: &RecordingUri, stop: &CancellationToken) -> Result<Survey, JobError> {
        let watched = Watched::nobodys();
        let fetched = fetch::fetch(self, location, None, stop).await?;
        let _core = self.core(Lane::Archive).await;
        let decoded = decode::decode(self, &watched, &fetched, stop).await?;
        let cut = segment::segment(self, &watched, &decoded, stop).await?;
        Ok(Survey {
            duration_ms: decoded.duration_ms,
            channels: decoded.channels,
            clips: cut.clips.iter().map(Clip::duration_ms).collect(),
        })
    }

    /// Waits until `job` may compute beside those who do; it is to blame from then on.
    async fn compute(&self, job: &Job, lease: &Lease) -> Result<Place<'_>, JobError> {
        let place = self.company.enter(job.deaths).await;
        self.journal.set_blameless(lease, false).await?;
        Ok(place)
    }

    /// The turn to compute; who waits for an answer does not wait for a turn.
    async fn core(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        match lane {
            Lane::Webhook => None,
            Lane::Call | Lane::Archive => self.cores.acquire().await.ok(),
        }
    }

    pub(crate) fn at(&self, job: &Job, watched: &Watched, stage: Stage) {
        watched.enter(stage.as_str());
        self.progress.at(&job.id, stage);
    }
}
