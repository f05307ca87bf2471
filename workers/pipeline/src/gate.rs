//! The places that a job needs: it is not begun while one of them is away, and what befalls it there costs it nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_audio::AudioError;
use earmark_core::{Failure as _, Fault, Job, RecordingUri, rfc3339};
use earmark_journal::{AwayPlace, Fate, Pass, Suspect};
use earmark_objects::{ArtifactError, FetchError, S3Error, check_folder, of_folder};

use crate::context::Attempt;
use crate::error::JobError;

/// The shortest and the longest time for which a machine that lacks something of its own takes nothing new.
const REST_MS: (i64, i64) = (2_000, 15_000);

/// What one attempt knows of the places that it needs.
pub(crate) struct Gate {
    /// When it passed.
    asked_at_ms: i64,
    /// Places that are away, and of which it is the probe.
    probes: Vec<String>,
    output: String,
    temp_dir: String,
}

impl Gate {
    /// Lets `attempt` through if nothing that it needs is away. Where the output or the folder for temporary files is to be
    /// asked again it is asked here: nothing is computed that could not be kept.
    ///
    /// # Errors
    /// [`JobError::Closed`] where a place is away, [`JobError::Away`] where it still is.
    ///
    /// One that is this worker's own, not the job's, holds this worker up and not the job, which another may do.
    pub async fn pass(attempt: &Attempt<'_>) -> Result<Self, JobError> {
        let (pipeline, job) = (attempt.context.pipeline, attempt.job);
        let mut gate = Self {
            asked_at_ms: pipeline.clock.now_ms(),
            probes: Vec::new(),
            output: pipeline.artifacts.place(job),
            temp_dir: of_folder(&pipeline.settings.temp_dir),
        };
        let mut names: Vec<String> = locations(job).filter_map(|location| recording_place(attempt, location)).collect();
        names.extend([gate.output.clone(), gate.temp_dir.clone()]);
        gate.probes = match pipeline.places.pass(&names).await? {
            Pass::Open(probes) => probes,
            Pass::Away(place) => {
                let rest = gate.is_this_workers(job, &place.name).then(|| gate.rest(&place));
                return Err(closed(place, pipeline.places.rest(), rest));
            }
        };
        if gate.probes.contains(&gate.output) {
            let checked = pipeline.artifacts.check_for(job).await.map_err(JobError::Artifact);
            gate.heard(attempt, &gate.output, checked).await?;
        }
        if gate.probes.contains(&gate.temp_dir) {
            let folder = pipeline.settings.temp_dir.clone();
            let checked = tokio::task::spawn_blocking(move || check_folder(&folder)).await;
            let checked = checked.unwrap_or(Ok(())).map_err(JobError::Artifact);
            gate.heard(attempt, &gate.temp_dir, checked).await?;
        }
        Ok(gate)
    }

    /// Whether the place called `name` is a folder of this worker, whatever job it does.
    fn is_this_workers(&self, job: &Job, name: &str) -> bool {
        let is_own_output = || job.options.out_dir.is_none() && !self.output.starts_with("s3://");
        name == self.temp_dir || (name == self.output && is_own_output())
    }

    /// Until `place` is to be asked again.
    fn rest(&self, place: &AwayPlace) -> Duration {
        let (shortest, longest) = REST_MS;
        Duration::from_millis((place.until_ms - self.asked_at_ms).clamp(shortest, longest).unsigned_abs())
    }

    /// The recording's files were fetched: their places answer, and there is room for temporary files.
    ///
    /// # Errors
    /// [`JobError::Write`].
    pub async fn fetched(&self, attempt: &Attempt<'_>) -> Result<(), JobError> {
        // Several files of one place are one answer.
        let mut names: BTreeMap<String, ()> = BTreeMap::new();
        for location in locations(attempt.job) {
            names.extend(recording_place(attempt, location).map(|name| (name, ())));
        }
        for name in names.keys() {
            self.answered(attempt, name).await?;
        }
        Ok(())
    }

    /// The artifacts were written: the output answers.
    ///
    /// # Errors
    /// [`JobError::Write`].
    pub async fn written(&self, attempt: &Attempt<'_>) -> Result<(), JobError> {
        self.answered(attempt, &self.output).await?;
        self.answered(attempt, &self.temp_dir).await
    }

    /// `error`, with which the attempt ended; where it is a place's fault, as [`JobError::Away`], unless it shows that it is
    /// this recording's after all.
    pub async fn settled(&self, attempt: &Attempt<'_>, error: JobError) -> JobError {
        let Some(place) = self.place_of(attempt, &error) else { return error };
        self.judged(attempt, &place, error).await.unwrap_or_else(|error| error)
    }

    /// What `result`, heard of the place called `name`, means.
    async fn heard(&self, attempt: &Attempt<'_>, name: &str, result: Result<(), JobError>) -> Result<(), JobError> {
        match result {
            Ok(()) => self.answered(attempt, name).await,
            Err(error) => Err(self.judged(attempt, name, error).await?),
        }
    }

    /// What `error`, with which the place called `name` was asked, becomes.
    async fn judged(&self, attempt: &Attempt<'_>, name: &str, error: JobError) -> Result<JobError, JobError> {
        if error.fault() != Fault::Place {
            // It answered, if not as the job would have it.
            self.answered(attempt, name).await?;
            return Ok(error);
        }
        let suspect = match error.may_be_the_recordings() {
            true if error.is_answer() => Suspect::Answered,
            true => Suspect::PlaceOrRecording,
            false => Suspect::Place,
        };
        let is_probe = self.probes.iter().any(|probe| probe == name);
        let places = &attempt.context.pipeline.places;
        match places.failed(name, &error.problem(), &attempt.job.id, suspect, is_probe).await? {
            Fate::Costs => Ok(error),
            Fate::Waits(wait_ms) => {
                let asked_for = asked_for(&error);
                let wait = asked_for.max(Duration::from_millis(wait_ms.unsigned_abs()));
                Ok(JobError::Away { place: name.into(), wait, asked_for, source: Box::new(error) })
            }
        }
    }

    async fn answered(&self, attempt: &Attempt<'_>, name: &str) -> Result<(), JobError> {
        attempt.context.pipeline.places.answered(name, &attempt.job.id, self.asked_at_ms).await?;
        Ok(())
    }

    /// The place that `error` speaks of, if it speaks of one that others may need too.
    fn place_of(&self, attempt: &Attempt<'_>, error: &JobError) -> Option<String> {
        let of_fetch = |error: &FetchError, location: &RecordingUri| match error {
            // Nobody was asked, or nobody knows whether they would have answered.
            FetchError::Uri(_)
            | FetchError::Unsupported { .. }
            | FetchError::PrivateAddress { .. }
            | FetchError::UnknownHost { .. }
            | FetchError::Client(_)
            | FetchError::TimedOut { .. } => None,
            error => error.place().or_else(|| recording_place(attempt, location)),
        };
        match error {
            JobError::Fetch(error) => of_fetch(error, &attempt.job.location),
            JobError::Part { number, source, .. } => match (&**source, attempt.job.options.parts.get(number - 1)) {
                (JobError::Fetch(error), Some(part)) => of_fetch(error, &part.location),
                (other, _) => self.place_of(attempt, other),
            },
            JobError::TempDir { .. } | JobError::Decode(AudioError::Spool { .. }) => Some(self.temp_dir.clone()),
            JobError::Artifact(_) => Some(self.output.clone()),
            JobError::Decode(_)
            | JobError::Segment(_)
            | JobError::Transcribe(_)
            | JobError::Clip { .. }
            | JobError::Rules { .. }
            | JobError::Write(_)
            | JobError::Closed { .. }
            | JobError::Away { .. }
            | JobError::Stopped
            | JobError::Deadline { .. }
            | JobError::Panicked { .. } => None,
        }
    }
}

/// How long the place itself asks to be left alone.
fn asked_for(error: &JobError) -> Duration {
    match error {
        JobError::Fetch(FetchError::Unavailable { retry_after: Some(wait), .. })
        | JobError::Fetch(FetchError::S3(S3Error::SlowDown { wait, .. }))
        | JobError::Artifact(ArtifactError::Bucket { source: S3Error::SlowDown { wait, .. }, .. }) => *wait,
        JobError::Part { source, .. } => asked_for(source),
        _ => Duration::ZERO,
    }
}

fn closed(place: AwayPlace, wait: Duration, rest: Option<Duration>) -> JobError {
    JobError::Closed {
        since: rfc3339(place.since_ms),
        place: place.name,
        message: place.message,
        hint: place.hint,
        wait,
        rest,
    }
}

/// Where the files of `job` lie, as it was offered.
fn locations(job: &Job) -> impl Iterator<Item = &RecordingUri> {
    let parts = job.options.parts.iter().map(|part| &part.location);
    let one = job.options.parts.is_empty().then_some(&job.location);
    one.into_iter().chain(parts)
}

/// What the place of the recording at `location` is called; none for what is no address.
fn recording_place(attempt: &Attempt<'_>, location: &RecordingUri) -> Option<String> {
    location.address().ok().map(|address| attempt.context.pipeline.recordings.place(&address))
}
