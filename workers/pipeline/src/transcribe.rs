//! The clips with the recogniser: one permit per request, each answer saved as it comes.

use std::collections::HashMap;
use std::sync::Arc;

use earmark_asr::{ClipRequest, LanguageChoice};
use earmark_audio::decode::Decoded;
use earmark_core::audit::hex;
use earmark_core::{Clip, ClipKey, ClipText, Job, Lease};
use earmark_storage::Fetched;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::pipeline::blocking;
use crate::progress::Stage;
use crate::segment::Cut;
use crate::{JobError, Pipeline};

/// What the recogniser heard.
pub struct Transcript {
    /// In order of time.
    pub clips: Vec<(Clip, ClipText)>,
    /// Clips whose text was there from an earlier try.
    pub reused: usize,
}

pub async fn transcribe(
    pipeline: &Pipeline,
    job: &Job,
    lease: &Lease,
    fetched: &Fetched,
    decoded: &Decoded,
    cut: &Cut,
    stop: &CancellationToken,
) -> Result<Transcript, JobError> {
    let fingerprint = fingerprint(pipeline, fetched);
    let mut texts = saved(pipeline, job, cut, &fingerprint).await?;
    let reused = texts.len();
    let total = count(cut.clips.len());
    pipeline.journal.set_clips_total(lease, &fingerprint, total).await?;
    pipeline.at(job, Stage::Transcribe { done: count(reused), total });

    let missing: Vec<Clip> = cut.clips.iter().filter(|clip| !texts.contains_key(&clip.key)).cloned().collect();
    let mut answers = stream::iter(missing)
        .map(|clip| one(pipeline, job, lease, decoded, cut, clip, &fingerprint, stop))
        // One clip more than there are permits is kept ready, so that a permit that frees is used at once.
        .buffer_unordered(pipeline.permits.limit() + 1);
    while let Some((key, text)) = answers.try_next().await? {
        texts.insert(key, text);
        pipeline.at(job, Stage::Transcribe { done: count(texts.len()), total });
    }
    drop(answers);
    let clips = cut.clips.iter().filter_map(|clip| Some((clip.clone(), texts.remove(&clip.key)?))).collect();
    Ok(Transcript { clips, reused })
}

/// Texts from an earlier try of the same audio with the same engine and the same cutting.
async fn saved(
    pipeline: &Pipeline,
    job: &Job,
    cut: &Cut,
    fingerprint: &str,
) -> Result<HashMap<ClipKey, ClipText>, JobError> {
    let wanted: HashMap<ClipKey, &Clip> = cut.clips.iter().map(|clip| (clip.key, clip)).collect();
    let saved = pipeline.journal.saved_clips(&job.id, fingerprint).await?;
    Ok(saved
        .into_iter()
        .filter(|saved| wanted.get(&saved.clip.key) == Some(&&saved.clip))
        .map(|saved| (saved.clip.key, saved.text))
        .collect())
}

#[expect(clippy::too_many_arguments, reason = "the stage's whole context, once")]
async fn one(
    pipeline: &Pipeline,
    job: &Job,
    lease: &Lease,
    decoded: &Decoded,
    cut: &Cut,
    clip: Clip,
    fingerprint: &str,
    stop: &CancellationToken,
) -> Result<(ClipKey, ClipText), JobError> {
    let gain = cut.gains.get(usize::from(clip.key.channel)).copied().unwrap_or(1.0);
    let (spools, wanted) = (decoded.spools.clone(), clip.clone());
    let samples = blocking("segment", move || earmark_audio::segment::samples(&spools, &wanted, gain)).await?;
    let settings = &pipeline.settings;
    let request = ClipRequest {
        samples: Arc::from(samples.map_err(JobError::Segment)?),
        language: settings.language.clone(),
        prompt: settings.prompt.clone(),
        glossary: settings.glossary.clone(),
        has_words: settings.has_words,
        request_id: format!("{}-{}-{}-{}", job.id, clip.key.channel, clip.key.index, job.attempt),
    };
    let answer = async {
        let _permit = pipeline.permits.acquire(job.lane).await;
        pipeline.journal.count_requests(lease, 1).await?;
        pipeline.transcriber.transcribe(request).await.map_err(JobError::Transcribe)
    };
    let text = tokio::select! {
        () = stop.cancelled() => return Err(JobError::Stopped),
        text = answer => text?,
    };
    pipeline.journal.save_clip(lease, fingerprint, &clip, &text).await?;
    tracing::debug!(job.id = %job.id, channel = clip.key.channel, clip = clip.key.index, "transcribed clip");
    Ok((clip.key, text))
}

/// What a saved text depends on besides its clip: a change of any of it makes the text worthless.
fn fingerprint(pipeline: &Pipeline, fetched: &Fetched) -> String {
    let (engine, settings) = (pipeline.transcriber.engine(), &pipeline.settings);
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
        &settings.glossary.join(","),
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
