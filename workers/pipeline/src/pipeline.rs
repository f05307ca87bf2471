//! The stages in order, and what they share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use earmark_asr::{LanguageChoice, Transcriber};
use earmark_audio::segment::{SegmentOptions, SpeechModel};
use earmark_core::{Clock, Job, Lease, Report};
use earmark_permits::PermitPool;
use earmark_rules::Context;
use earmark_storage::{ArtifactStore, FetchLimits, Journal, RecordingStore, ResultStore};
use tokio_util::sync::CancellationToken;

use crate::progress::{Progress, Stage};
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
    /// Who listens.
    pub transcriber: Arc<dyn Transcriber>,
    /// How many requests at a time.
    pub permits: Arc<dyn PermitPool>,
    /// What tells speech from the rest.
    pub speech: Arc<SpeechModel>,
    /// What the text is judged by.
    pub rules: Arc<RuleBook>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
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
    /// Words to be spelled right.
    pub glossary: Vec<String>,
    /// Whether every word is aligned.
    pub has_words: bool,
    /// What a minute of audio costs, in yuan; 0 for the built-in engine.
    pub price_cny_per_minute: f64,
}

impl Pipeline {
    /// Takes `job` the whole way; returns once its result is written. `stop` ends it early, between clips or packets.
    ///
    /// # Errors
    /// [`JobError`], one variant per stage; nothing but checkpoints has been written then.
    pub async fn run(&self, job: &Job, lease: &Lease, stop: &CancellationToken) -> Result<Report, JobError> {
        let rules = self.rules.of(job).await?;
        self.at(job, Stage::Fetch);
        let fetched = fetch::fetch(self, job, stop).await?;
        self.at(job, Stage::Decode);
        let decoded = decode::decode(self, &fetched, stop).await?;
        fetched.check_unchanged().map_err(JobError::Fetch)?;
        self.at(job, Stage::Segment);
        let cut = segment::segment(self, &decoded, stop).await?;
        let transcript = transcribe::transcribe(self, job, lease, &fetched, &decoded, &cut, stop).await?;
        self.at(job, Stage::Write);
        let utterances = stitch::stitch(&transcript.clips, &self.settings.speakers, cut.different_channels());
        let language = stitch::language(&utterances);
        let context = Context { duration_ms: decoded.duration_ms, language: language.clone(), lane: Some(job.lane) };
        let findings = flag::flag(&rules, &utterances, context).await?;
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
                rules: rules.id().clone(),
            },
        )
        .await
    }

    pub(crate) fn at(&self, job: &Job, stage: Stage) {
        self.progress.at(&job.id, stage);
    }
}

/// Runs CPU work on a blocking thread; a panic there becomes an error here.
pub(crate) async fn blocking<T: Send + 'static>(
    stage: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| JobError::Panicked { stage })
}
