//! The clips with the recogniser: as many side by side as the account allows, each answer saved as it comes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_asr::{AsrError, ClipRequest, Hearing, LanguageChoice, Sound};
use earmark_audio::decode::Decoded;
use earmark_core::hex;
use earmark_core::{Clip, ClipKey, ClipText, Job, JobId, Lease, Refusal, Speaker, TimePrecision, samples_to_ms};
use earmark_journal::SavedClip;
use earmark_objects::Fetched;
use earmark_rules::RuleSet;
use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::ask::{Answer, Ask, AskError};
use crate::company::Place;
use crate::early::Early;
use crate::progress::Stage;
use crate::segment::Cut;
use crate::watched::Watched;
use crate::{JobError, Pipeline, flag};

/// What the recogniser heard.
pub struct Transcript {
    /// In order of time.
    pub clips: Vec<(Clip, ClipText)>,
    /// Clips whose text was there from an earlier try, or from another job.
    pub reused: usize,
    /// Jobs that asked for some of the texts, and for how many.
    pub from_jobs: BTreeMap<JobId, usize>,
}

/// What every clip of a job needs.
struct Work<'a> {
    pipeline: &'a Pipeline,
    account: &'a Account,
    job: &'a Job,
    lease: &'a Lease,
    watched: &'a Watched,
    decoded: &'a Decoded,
    cut: &'a Cut,
    fingerprint: String,
    early: Early,
    /// By clip.
    texts: Mutex<HashMap<ClipKey, ClipText>>,
    /// Until there is a new text.
    alone: Mutex<Option<Place<'a>>>,
    /// Nothing more is to be sent: a clip has failed.
    abandon: CancellationToken,
}

#[expect(clippy::too_many_arguments, reason = "the stage's whole context, once")]
pub async fn transcribe(
    pipeline: &Pipeline,
    job: &Job,
    lease: &Lease,
    watched: &Watched,
    fetched: &Fetched,
    decoded: &Decoded,
    cut: &Cut,
    rules: &Arc<RuleSet>,
    alone: Option<Place<'_>>,
    stop: &CancellationToken,
) -> Result<Transcript, JobError> {
    let account: &Account = pipeline.accounts.of(&job.tenant);
    let fingerprint = fingerprint(pipeline, account, job, fetched);
    let saved = saved(pipeline, job, lease, cut, &fingerprint).await?;
    let reused = saved.len();
    let mut from_jobs = BTreeMap::new();
    for other in saved.values().filter_map(|saved| saved.reused_from.clone()) {
        *from_jobs.entry(other).or_default() += 1;
    }
    let texts = saved.into_iter().map(|(key, saved)| (key, saved.text)).collect();
    pipeline.journal.set_clips_total(lease, &fingerprint, count(cut.clips.len())).await?;
    let (early, mut untold) = Early::new(rules.clone(), flag::context(job, decoded, cut, None));
    let work = Work {
        pipeline,
        account,
        job,
        lease,
        watched,
        decoded,
        cut,
        fingerprint,
        early,
        texts: Mutex::new(texts),
        alone: Mutex::new(alone),
        abandon: stop.child_token(),
    };
    work.tell_progress();
    work.hear_again();
    tokio::select! {
        done = work.all() => done?,
        failed = untold.tell(pipeline, job, lease) => return Err(failed.into()),
        () = given_up(stop, pipeline.settings.stop_time * 4 / 5) => return Err(JobError::Stopped),
    }
    untold.tell_rest(pipeline, job, lease).await?;
    let mut texts = work.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let clips = cut.clips.iter().filter_map(|clip| Some((clip.clone(), texts.remove(&clip.key)?))).collect();
    Ok(Transcript { clips, reused, from_jobs })
}

/// `last_answers` after a wish to stop: nothing more is sent from then on, but what is in flight is paid for, and may end.
async fn given_up(stop: &CancellationToken, last_answers: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(last_answers).await;
}

/// Texts from an earlier try of the same audio with the same engine and the same cutting; what is missing there, from
/// another job of the tenant.
async fn saved(
    pipeline: &Pipeline,
    job: &Job,
    lease: &Lease,
    cut: &Cut,
    fingerprint: &str,
) -> Result<HashMap<ClipKey, SavedClip>, JobError> {
    let wanted: HashMap<ClipKey, &Clip> = cut.clips.iter().map(|clip| (clip.key, clip)).collect();
    let is_wanted = |saved: &SavedClip| wanted.get(&saved.clip.key) == Some(&&saved.clip);
    let saved = pipeline.journal.saved_clips(&job.id, fingerprint).await?;
    let mut saved: HashMap<_, _> = saved.into_iter().filter(is_wanted).map(|saved| (saved.clip.key, saved)).collect();
    if saved.len() == wanted.len() || job.options.is_repeat {
        return Ok(saved);
    }
    let Some(other) = pipeline.journal.reusable(job, fingerprint).await? else { return Ok(saved) };
    let mut reused: Vec<SavedClip> = other.clips.into_iter().filter(is_wanted).collect();
    // What the provider would not hear may be heard now, by the fallback at least.
    reused.retain(|clip| !saved.contains_key(&clip.clip.key) && clip.text.refused.is_none());
    for clip in &mut reused {
        clip.reused_from.get_or_insert_with(|| other.job.clone());
        clip.text.billed_ms = 0;
    }
    if reused.is_empty() {
        return Ok(saved);
    }
    pipeline.journal.reuse_clips(lease, fingerprint, &other.job, &reused).await?;
    tracing::info!(job.id = %job.id, other_job.id = %other.job, clips = reused.len(), "took the texts of another job with the same audio");
    saved.extend(reused.into_iter().map(|clip| (clip.clip.key, clip)));
    Ok(saved)
}

impl Work<'_> {
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

    /// Listens to the texts that were there already: an earlier try may have ended before it told what it found in them.
    fn hear_again(&self) {
        let texts = self.texts();
        for clip in &self.cut.clips {
            if let Some(text) = texts.get(&clip.key) {
                self.early.listen(clip, self.speaker(clip)).so_far(&plain(text));
            }
        }
    }

    async fn one(&self, clip: &Clip) -> Result<(), JobError> {
        let answer = match self.ask(self.account, clip).await {
            Err(JobError::Clip { source: AskError::Transcribe(AsrError::Refused { code, message }), .. }) => {
                tracing::warn!(job.id = %self.job.id, channel = clip.key.channel, clip = clip.key.index, code, "the provider refused a clip");
                self.instead(clip, code, message).await?
            }
            other => other.map(|answer| (answer.text.clone(), Some(answer)))?,
        };
        let (text, answer) = answer;
        let settlement = answer.as_ref().map(|answer| (&answer.booking, &answer.settled));
        self.pipeline.journal.save_clip(self.lease, &self.fingerprint, clip, &text, settlement).await?;
        tracing::debug!(job.id = %self.job.id, channel = clip.key.channel, clip = clip.key.index, "transcribed clip");
        self.texts().insert(clip.key, text);
        *self.alone.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// What the provider would not hear, heard by the fallback where there is one: it is evidence, not a failure.
    async fn instead(
        &self,
        clip: &Clip,
        code: Option<String>,
        message: String,
    ) -> Result<(ClipText, Option<Answer>), JobError> {
        let Some(fallback) = &self.pipeline.accounts.fallback else {
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
        let answer = self.ask(fallback, clip).await?;
        let engine = fallback.transcriber.engine();
        let instead = Some(format!("{} {}", engine.name, engine.model));
        let text = ClipText { refused: Some(Refusal { code, message, instead }), ..answer.text.clone() };
        Ok((text, Some(answer)))
    }

    async fn ask(&self, account: &Account, clip: &Clip) -> Result<Answer, JobError> {
        let request = account.transcriber.prepare(self.request(account, clip).await?).await;
        let listening = self.early.listen(clip, self.speaker(clip));
        let ask = Ask {
            tenant: &self.job.tenant,
            lane: self.job.lane,
            lease: Some(self.lease),
            request: request.map_err(|error| about(clip, AskError::Transcribe(error)))?,
            preceding: &|| self.preceding(clip),
            hearing: &listening,
            abandon: &self.abandon,
        };
        let answer = account.ask(&ask).await.map_err(|error| about(clip, error))?;
        listening.so_far(&plain(&answer.text));
        Ok(answer)
    }

    async fn request(&self, account: &Account, clip: &Clip) -> Result<ClipRequest, JobError> {
        let gain = self.cut.gains.get(usize::from(clip.key.channel)).copied().unwrap_or(1.0);
        let (spools, wanted) = (self.decoded.spools.clone(), clip.clone());
        let (settings, job) = (&self.pipeline.settings, self.job);
        let reading = move || earmark_audio::segment::samples(&spools, &wanted, gain);
        let samples = self.watched.blocking("transcribe", settings.segment_timeout, reading).await?;
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
        self.texts().get(&key).map(plain).filter(|text| !text.is_empty())
    }

    fn speaker(&self, clip: &Clip) -> Speaker {
        self.pipeline.settings.speakers.on(clip.key.channel, self.cut.different_channels())
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<ClipKey, ClipText>> {
        // A text is inserted whole, so a panic elsewhere leaves the map sound.
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_progress(&self) {
        let (done, total) = (count(self.texts().len()), count(self.cut.clips.len()));
        self.pipeline.at(self.job, self.watched, Stage::Transcribe { done, total });
    }
}

/// Why the job does not go on: what is the clip's own names it.
fn about(clip: &Clip, error: AskError) -> JobError {
    match error {
        source @ AskError::Transcribe(_) => JobError::Clip {
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
fn plain(text: &ClipText) -> String {
    text.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// What a saved text depends on besides its clip: a change of any of it makes the text worthless.
fn fingerprint(pipeline: &Pipeline, account: &Account, job: &Job, fetched: &Fetched) -> String {
    let (engine, settings) = (account.transcriber.engine(), &pipeline.settings);
    let language = match &settings.language {
        LanguageChoice::Fixed(language) => language.clone(),
        LanguageChoice::Detect { candidates, .. } => format!("auto {}", candidates.join(",")),
    };
    let words = if settings.has_words { "words" } else { "segments" };
    let parts = [
        &fetched.sha256,
        &engine.name,
        &engine.model,
        &engine.version,
        &language,
        words,
        settings.prompt.as_deref().unwrap_or_default(),
        &settings.glossary_of(&job.tenant).join(","),
    ];
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex(&hasher.finalize())
}

fn count(clips: usize) -> u32 {
    u32::try_from(clips).unwrap_or(u32::MAX)
}
