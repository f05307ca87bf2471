//! What every stage needs: the parts that all jobs of a process share, and what there is for one attempt.

use std::sync::Arc;

use earmark_audio::segment::SpeechModel;
use earmark_core::{Clock, Job, Lease, RawSound, RecordingFacts, Stage};
use earmark_journal::{Journal, Places, ResultStore};
use earmark_objects::{ArtifactStore, RecordingStore};
use earmark_rules::RuleSet;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::error::JobError;
use crate::isolation::Isolation;
use crate::progress::Progress;
use crate::provider_account::{ProviderAccount, ProviderAccounts};
use crate::rule_book::RuleBook;
use crate::running::{Running, RunningAttempts};
use crate::settings::Settings;
use crate::sources::Settled;

/// Everything a job needs. Shared by all jobs of a process.
pub struct Pipeline {
    /// Where recordings come from.
    pub recordings: Arc<dyn RecordingStore>,
    /// Where clips are kept between attempts.
    pub journal: Journal,
    /// Where the outcome goes, in one transaction.
    pub results: Arc<dyn ResultStore>,
    /// Where reports and transcripts go.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// Who listens, and how many requests at a time.
    pub accounts: ProviderAccounts,
    /// Recordings that are decoded and searched for speech at a time: one a core, so that the first are ready soon.
    pub cores: Arc<Semaphore>,
    /// Which stores, hosts and folders are away.
    pub places: Places,
    /// Who computes beside whom.
    pub isolation: Isolation,
    /// What tells speech from the rest.
    pub speech: Arc<SpeechModel>,
    /// What the text is judged by.
    pub rules: Arc<RuleBook>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// What runs for which attempt.
    pub running: RunningAttempts,
    /// What the configuration says.
    pub settings: Settings,
}

/// What the stages need that look at a recording, whether a job asks for that or not.
pub(crate) struct Context<'a> {
    pub pipeline: &'a Pipeline,
    /// What runs for it, and at which stage.
    pub running: Running,
    /// Ends it early, between clips or packets.
    pub stop: &'a CancellationToken,
}

/// One attempt at one job: what the stages need besides that are a job's alone.
pub(crate) struct Attempt<'a> {
    pub context: Context<'a>,
    pub job: &'a Job,
    pub lease: &'a Lease,
    /// What its text is judged by, from the first clip to the whole.
    pub rules: Arc<RuleSet>,
    /// Who speaks on which channel, from the first clip to the whole.
    pub speakers: Settled,
    /// How its recording is to be read if it has no header.
    pub sound: Option<RawSound>,
}

impl<'a> Context<'a> {
    /// For a recording that no job asks for.
    pub fn of_no_job(pipeline: &'a Pipeline, stop: &'a CancellationToken) -> Self {
        Self { pipeline, running: Running::of_no_job(), stop }
    }

    /// From here on it is at `stage`; whoever watches is told so.
    pub fn enter(&self, stage: Stage) {
        self.running.enter(stage);
        if let Some(job) = self.running.job() {
            self.pipeline.progress.at(job, stage);
        }
    }

    /// `waiting`, for as long as the job is not to stop.
    ///
    /// # Errors
    /// [`JobError::Stopped`].
    pub async fn unless_stopped<T>(&self, waiting: impl Future<Output = T>) -> Result<T, JobError> {
        tokio::select! {
            // What is there already is taken: a job whose last answers came while it was to stop is written yet.
            biased;
            done = waiting => Ok(done),
            () = self.stop.cancelled() => Err(JobError::Stopped),
        }
    }
}

impl<'a> Attempt<'a> {
    /// Begins an attempt at `job` under `lease`, by the rules in force or those that the job names.
    ///
    /// # Errors
    /// [`JobError::Rules`], [`JobError::Write`].
    pub async fn begin(
        pipeline: &'a Pipeline,
        job: &'a Job,
        lease: &'a Lease,
        stop: &'a CancellationToken,
    ) -> Result<Self, JobError> {
        let running = pipeline.running.begin(lease);
        let rules = pipeline.rules.of(job).await?;
        let sources = &pipeline.settings.sources;
        let facts = RecordingFacts { tenant: &job.tenant, location: &job.location, metadata: &job.metadata };
        let speakers = sources.speakers(job.options.speakers.as_deref(), &facts, &pipeline.settings.speakers);
        let sound = sources.sound(job.options.sound, &facts);
        Ok(Self { context: Context { pipeline, running, stop }, job, lease, rules, speakers, sound })
    }

    /// The account that the job's tenant uses.
    pub fn account(&self) -> &'a ProviderAccount {
        self.context.pipeline.accounts.of(&self.job.tenant)
    }
}
