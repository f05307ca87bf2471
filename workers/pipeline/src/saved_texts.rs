//! Texts that need not be paid for again: those of an earlier attempt, and those of another job with the same audio.

use std::collections::HashMap;

use earmark_asr::LanguageChoice;
use earmark_core::hex;
use earmark_core::{Clip, ClipKey};
use earmark_journal::SavedClip;
use sha2::{Digest, Sha256};

use crate::context::Attempt;
use crate::error::JobError;
use crate::files::Files;
use crate::segment::Cut;

/// What a saved text depends on besides its clip: a change of any of it makes the text worthless.
pub(crate) fn fingerprint(attempt: &Attempt<'_>, files: &Files) -> String {
    let (engine, settings) = (attempt.account().transcriber.engine(), &attempt.context.pipeline.settings);
    let language = match &settings.language {
        LanguageChoice::Fixed(language) => language.clone(),
        LanguageChoice::Detect { candidates, .. } => format!("auto {}", candidates.join(",")),
    };
    let words = if settings.has_words { "words" } else { "segments" };
    let sha256 = files.sha256();
    let parts = [
        sha256.as_str(),
        &engine.name,
        &engine.model,
        &engine.version,
        &language,
        words,
        settings.prompt.as_deref().unwrap_or_default(),
        &settings.glossary_of(&attempt.job.tenant).join(","),
    ];
    // Bytes without a header are another sound when they are read otherwise.
    let sound = attempt.sound.map(|sound| sound.to_string());
    let parts = parts.into_iter().chain(sound.as_deref());
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex(&hasher.finalize())
}

/// Texts from an earlier attempt of the same audio with the same engine and the same cutting; what is missing there, from
/// another job of the tenant.
///
/// # Errors
/// [`JobError::Write`] when the lease is lost or the journal fails.
pub(crate) async fn saved(
    attempt: &Attempt<'_>,
    cut: &Cut,
    fingerprint: &str,
) -> Result<HashMap<ClipKey, SavedClip>, JobError> {
    let (journal, job) = (&attempt.context.pipeline.journal, attempt.job);
    let wanted: HashMap<ClipKey, &Clip> = cut.clips.iter().map(|clip| (clip.key, clip)).collect();
    let is_wanted = |saved: &SavedClip| wanted.get(&saved.clip.key) == Some(&&saved.clip);
    let saved = journal.saved_clips(&job.id, fingerprint).await?;
    let mut saved: HashMap<_, _> = saved.into_iter().filter(is_wanted).map(|saved| (saved.clip.key, saved)).collect();
    if saved.len() == wanted.len() || job.options.is_repeat {
        return Ok(saved);
    }
    let Some(other) = journal.reusable(job, fingerprint).await? else { return Ok(saved) };
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
    journal.reuse_clips(attempt.lease, fingerprint, &other.job, &reused).await?;
    tracing::info!(job.id = %job.id, other_job.id = %other.job, clips = reused.len(), "took the texts of another job with the same audio");
    saved.extend(reused.into_iter().map(|clip| (clip.clip.key, clip)));
    Ok(saved)
}
