//! The stages in order.

use earmark_audio::decode::Joined;
use earmark_core::{Clip, Job, Lane, Lease, NewJob, RecordingFacts, Report};
use tokio::sync::SemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::computing::Computing;
use crate::context::{Attempt, Context, Pipeline};
use crate::error::JobError;
use crate::files::of_part;
use crate::gate::Gate;
use crate::{decode, exchange, fetch, flag, segment, stitch, transcribe, write};

/// What a recording would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// How long the recording is.
    pub duration_ms: u64,
    /// How many channels it has.
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
        let attempt = Attempt::begin(self, job, lease, stop).await?;
        // Nothing is fetched for an account that may not be asked, nor computed for an output that is away.
        attempt.account().check_open().await.map_err(JobError::Transcribe)?;
        let gate = Gate::pass(&attempt).await?;
        match self.stages(&attempt, &gate).await {
            Ok(report) => Ok(report),
            Err(error) => Err(gate.settled(&attempt, error).await),
        }
    }

    async fn stages(&self, attempt: &Attempt<'_>, gate: &Gate) -> Result<Report, JobError> {
        let (context, job) = (&attempt.context, attempt.job);
        let files = fetch::fetch(context, &job.location, job.version.as_deref(), &job.options).await?;
        gate.fetched(attempt).await?;

        let core = self.core(context, job.lane).await?;
        // Until here a worker that died did not die of this job, which only waited.
        let computing = Computing::enter(attempt).await?;
        let Joined { decoded, parts } = decode::decode(context, &files, attempt.sound).await?;
        let changed = files.check_unchanged();
        changed.map_err(|(number, error)| of_part(&files.parts, number, JobError::Fetch(error)))?;
        let cut = segment::segment(context, &decoded).await?;
        drop(core);
        let speakers = cut.speakers(&attempt.speakers.speakers).of_parts(&files.parts, &parts);
        let transcript = transcribe::transcribe(attempt, computing, &files, &decoded, &cut, &speakers).await?;

        // What follows is computed here, from this recording's text.
        let computing = Computing::enter(attempt).await?;
        let channels = cut.different_channels();
        let utterances = stitch::stitch(&transcript.clips, &speakers, channels);
        // Whose words they are decides what the rules find in them.
        let (utterances, exchange) = exchange::exchange(attempt, &speakers, channels, utterances).await?;
        let language = stitch::language(&utterances);
        let flagged = flag::flag(attempt, &decoded, &cut, &transcript.clips, &utterances, language.clone()).await?;
        // Writing waits for stores: whoever dies then did not die of the recording.
        computing.leave().await?;

        let outcome =
            write::Outcome { files, decoded, parts, cut, transcript, language, utterances, exchange, flagged };
        write::write(attempt, gate, outcome).await
    }

    /// What the recording of `new` would take: fetched, decoded and searched for speech, but not sent.
    ///
    /// # Errors
    /// [`JobError`], as [`run`](Self::run).
    pub async fn survey(&self, new: &NewJob, stop: &CancellationToken) -> Result<Survey, JobError> {
        let context = Context::of_no_job(self, stop);
        let files = fetch::fetch(&context, &new.location, None, &new.options).await?;
        let _core = self.core(&context, Lane::Archive).await?;
        let facts = RecordingFacts { tenant: &new.tenant, location: &new.location, metadata: &new.metadata };
        let sound = self.settings.sources.sound(new.options.sound, &facts);
        let Joined { decoded, .. } = decode::decode(&context, &files, sound).await?;
        let cut = segment::segment(&context, &decoded).await?;
        Ok(Survey {
            duration_ms: decoded.duration_ms,
            channels: decoded.channels,
            clips: cut.clips.iter().map(Clip::duration_ms).collect(),
        })
    }

    /// The turn to compute; who waits for an answer does not wait for a turn.
    async fn core(&self, context: &Context<'_>, lane: Lane) -> Result<Option<SemaphorePermit<'_>>, JobError> {
        match lane {
            Lane::Webhook => Ok(None),
            Lane::Call | Lane::Archive => Ok(context.unless_stopped(self.cores.acquire()).await?.ok()),
        }
    }
}
