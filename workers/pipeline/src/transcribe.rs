//! The clips with the recogniser: as many side by side as the account allows, each answer saved as it comes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_asr::{AsrError, ClipRequest, Hearing, Sound};
use earmark_audio::decode::Decoded;
use earmark_core::{Clip, ClipKey, ClipText, JobId, Refusal, Speaker, Stage, TimePrecision, samples_to_ms};
use earmark_objects::Fetched;
use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::computing::Computing;
use crate::context::Attempt;
use crate::early_alert::EarlyAlerts;
use crate::error::JobError;
use crate::flag;
use crate::provider_account::ProviderAccount;
use crate::request::{Answer, Request};
use crate::request_error::RequestError;
use crate::saved_texts::{fingerprint, saved};
use crate::segment::Cut;

/// What the recogniser heard.
pub(crate) struct Transcript {
    /// In order of time.
    pub clips: Vec<(Clip, ClipText)>,
    /// Clips whose text was there from an earlier attempt, or from another job.
    pub reused: usize,
    /// Jobs that asked for some of the texts, and for how many.
    pub from_jobs: BTreeMap<JobId, usize>,
}

/// The clips of an attempt while they are transcribed.
struct Transcribing<'a> {
    attempt: &'a Attempt<'a>,
    account: &'a ProviderAccount,
    decoded: &'a Decoded,
    cut: &'a Cut,
    fingerprint: String,
    alerts: EarlyAlerts,
    /// What is known so far, by clip.
    texts: Mutex<HashMap<ClipKey, ClipText>>,
    /// Until there is a new text, where the recogniser computes on this machine.
    computing: Mutex<Option<Computing<'a>>>,
    /// Nothing more is to be sent: a clip has failed.
    abandon: CancellationToken,
}

/// Has every clip transcribed that has no text yet. The job computes no more, and is not to blame any more, from the first
/// new text on; from the beginning where the recogniser is elsewhere.
///
/// # Errors
/// [`JobError::Clip`], [`JobError::Transcribe`], [`JobError::Segment`] when a clip's samples cannot be read again,
/// [`JobError::Write`], [`JobError::Stopped`], [`JobError::Deadline`], [`JobError::Panicked`].
pub(crate) async fn transcribe<'a>(
    attempt: &'a Attempt<'a>,
    computing: Computing<'a>,
    fetched: &Fetched,
    decoded: &'a Decoded,
    cut: &'a Cut,
) -> Result<Transcript, JobError> {
    let (pipeline, stop) = (attempt.context.pipeline, attempt.context.stop);
    let account = attempt.account();
    let mut computing = Some(computing);
    if account.transcriber.limits().takes_files {
        leave(computing.take()).await?;
    }
    let fingerprint = fingerprint(attempt, fetched);
    let saved = saved(attempt, cut, &fingerprint).await?;
    let reused = saved.len();
    let mut from_jobs = BTreeMap::new();
    for other in saved.values().filter_map(|saved| saved.reused_from.clone()) {
        *from_jobs.entry(other).or_default() += 1;
    }
    let texts = saved.into_iter().map(|(key, saved)| (key, saved.text)).collect();
    pipeline.journal.set_clips_total(attempt.lease, &fingerprint, count(cut.clips.len())).await?;
    let known = flag::known(attempt.job, decoded, cut, None);
    let (alerts, mut unsent) = EarlyAlerts::new(attempt.rules.clone(), known);
    let transcribing = Transcribing {
        attempt,
        account,
        decoded,
        cut,
        fingerprint,
        alerts,
        texts: Mutex::new(texts),
        computing: Mutex::new(computing),
        abandon: stop.child_token(),
    };
    transcribing.tell_progress();
    transcribing.listen_to_saved();
    tokio::select! {
        done = transcribing.all() => done?,
        failed = unsent.send(attempt) => return Err(failed.into()),
        () = given_up(stop, pipeline.settings.stop_time * 4 / 5) => return Err(JobError::Stopped),
    }
    unsent.send_rest(attempt).await?;
    // Where every text was there already.
    leave(transcribing.computing()).await?;
    let mut texts = transcribing.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let clips = cut.clips.iter().filter_map(|clip| Some((clip.clone(), texts.remove(&clip.key)?))).collect();
    Ok(Transcript { clips, reused, from_jobs })
}

/// From here on the job only waits, unless it does so already.
async fn leave(computing: Option<Computing<'_>>) -> Result<(), JobError> {
    match computing {
        Some(computing) => computing.leave().await,
        None => Ok(()),
    }
}

/// `last_answers` after a wish to stop: nothing more is sent from then on, but what is in flight is paid for, and may end.
async fn given_up(stop: &CancellationToken, last_answers: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(last_answers).await;
}

impl Transcribing<'_> {
    /// Has every clip that is missing transcribed. After a failure nothing more is sent, but what is under way is
    /// waited for and saved: it is paid for.
    async fn all(&self) -> Result<(), JobError> {
        let missing: Vec<&Clip> = {
            let texts = self.texts();
            self.cut.clips.iter().filter(|clip| !texts.contains_key(&clip.key)).collect()
        };
        let mut missing = missing.into_iter().peekable();
        let mut sharing = Some(self.account.join());
        let mut answers = FuturesUnordered::new();
        let mut failure = None;
        loop {
            while failure.is_none() && answers.len() < self.account.share() {
                let Some(clip) = missing.next() else { break };
                answers.push(self.one(clip));
            }
            if missing.peek().is_none() {
                sharing = None;
            }
            match answers.try_next().await {
                Ok(Some(())) => self.tell_progress(),
                Ok(None) => break,
                Err(error) => {
                    self.abandon.cancel();
                    failure.get_or_insert(error);
                }
            }
        }
        drop(sharing);
        failure.map_or(Ok(()), Err)
    }

    /// Listens to the texts that were there already: an earlier attempt may have ended before it told what it found in them.
    fn listen_to_saved(&self) {
        let texts = self.texts();
        for clip in &self.cut.clips {
            if let Some(text) = texts.get(&clip.key) {
                self.alerts.listen(clip, self.speaker(clip)).so_far(&without_times(text));
            }
        }
    }

    async fn one(&self, clip: &Clip) -> Result<(), JobError> {
        let pipeline = self.attempt.context.pipeline;
        let answer = match self.request(self.account, clip).await {
            Err(JobError::Clip { source: RequestError::Transcribe(AsrError::Refused { code, message }), .. }) => {
                tracing::warn!(job.id = %self.attempt.job.id, channel = clip.key.channel, clip = clip.key.index, code, "the provider refused a clip");
                self.transcribe_refused(clip, code, message).await?
            }
            other => other.map(|answer| (answer.text.clone(), Some(answer)))?,
        };
        let (text, answer) = answer;
        let settlement = answer.as_ref().map(|answer| (&answer.booking, &answer.settled));
        pipeline.journal.save_clip(self.attempt.lease, &self.fingerprint, clip, &text, settlement).await?;
        tracing::debug!(job.id = %self.attempt.job.id, channel = clip.key.channel, clip = clip.key.index, "transcribed clip");
        self.texts().insert(clip.key, text);
        leave(self.computing()).await
    }

    /// What the provider would not hear, heard by the fallback where there is one: it is evidence, not a failure.
    async fn transcribe_refused(
        &self,
        clip: &Clip,
        code: Option<String>,
        message: String,
    ) -> Result<(ClipText, Option<Answer>), JobError> {
        let Some(fallback) = &self.attempt.context.pipeline.accounts.fallback else {
            let text = ClipText {
                language: None,
                segments: Vec::new(),
                time_precision: TimePrecision::Segment,
                dropped: Vec::new(),
                billed_ms: 0,
                refused: Some(Refusal { code, message, instead: None }),
            };
            return Ok((text, None));
        };
        let answer = self.request(fallback, clip).await?;
        let engine = fallback.transcriber.engine();
        let instead = Some(format!("{} {}", engine.name, engine.model));
        let text = ClipText { refused: Some(Refusal { code, message, instead }), ..answer.text.clone() };
        Ok((text, Some(answer)))
    }

    async fn request(&self, account: &ProviderAccount, clip: &Clip) -> Result<Answer, JobError> {
        let prepared = account.transcriber.prepare(self.clip_request(account, clip).await?).await;
        let listening = self.alerts.listen(clip, self.speaker(clip));
        let request = Request {
            tenant: &self.attempt.job.tenant,
            lane: self.attempt.job.lane,
            lease: Some(self.attempt.lease),
            clip: prepared.map_err(|error| clip_error(clip, RequestError::Transcribe(error)))?,
            preceding: &|| self.preceding(clip),
            hearing: &listening,
            abandon: &self.abandon,
        };
        let answer = account.transcribe(&request).await.map_err(|error| clip_error(clip, error))?;
        listening.so_far(&without_times(&answer.text));
        Ok(answer)
    }

    async fn clip_request(&self, account: &ProviderAccount, clip: &Clip) -> Result<ClipRequest, JobError> {
        let gain = self.cut.gains.get(usize::from(clip.key.channel)).copied().unwrap_or(1.0);
        let (spools, wanted) = (self.decoded.spools.clone(), clip.clone());
        let (settings, job) = (&self.attempt.context.pipeline.settings, self.attempt.job);
        let reading = move || earmark_audio::segment::samples(&spools, &wanted, gain);
        let samples = self.attempt.context.running.read(settings.segment_timeout, reading).await?;
        let sound = Sound::Samples {
            samples: Arc::from(samples.map_err(JobError::Segment)?),
            source_rate_hz: self.decoded.sample_rate_hz,
        };
        let request_id = format!("{}-{}-{}-{}", job.id, clip.key.channel, clip.key.index, job.attempt);
        Ok(ClipRequest {
            prompt: settings.prompt.clone(),
            glossary: settings.glossary_of(&job.tenant),
            has_words: settings.has_words,
            user_id: Some(format!("{}-{}", account.name, job.tenant)),
            ..ClipRequest::new(sound, settings.language.clone(), request_id)
        })
    }

    /// What was said just before `clip` on its channel, if it is known already.
    fn preceding(&self, clip: &Clip) -> Option<String> {
        let key = ClipKey { index: clip.key.index.checked_sub(1)?, ..clip.key };
        self.texts().get(&key).map(without_times).filter(|text| !text.is_empty())
    }

    fn speaker(&self, clip: &Clip) -> Speaker {
        self.attempt.speakers.speakers.on(clip.key.channel, self.cut.different_channels())
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<ClipKey, ClipText>> {
        // A text is inserted whole, so a panic elsewhere leaves the map sound.
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it computes by, for whoever ends that; none when somebody has.
    fn computing(&self) -> Option<Computing<'_>> {
        self.computing.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell_progress(&self) {
        let (done, total) = (count(self.texts().len()), count(self.cut.clips.len()));
        self.attempt.context.enter(Stage::Transcribe);
        self.attempt.context.pipeline.progress.clips(&self.attempt.job.id, done, total);
    }
}

/// Why the job does not go on: what is the clip's own names it.
fn clip_error(clip: &Clip, error: RequestError) -> JobError {
    match error {
        source @ RequestError::Transcribe(_) => JobError::Clip {
            channel: clip.key.channel,
            index: clip.key.index,
            start_ms: clip.regions.first().map_or(0, |region| samples_to_ms(region.start)),
            end_ms: clip.regions.last().map_or(0, |region| samples_to_ms(region.end)),
            source,
        },
        error => JobError::Transcribe(error),
    }
}

/// A clip's text without its times.
fn without_times(text: &ClipText) -> String {
    text.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn count(clips: usize) -> u32 {
    u32::try_from(clips).unwrap_or(u32::MAX)
}
