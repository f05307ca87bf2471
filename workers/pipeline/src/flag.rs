//! The rules over the text.

use earmark_audio::decode::Decoded;
use earmark_core::{Clip, ClipText, Finding, FindingKind, Job, Severity, Stage, Utterance, samples_to_ms};

use crate::context::Attempt;
use crate::error::JobError;
use crate::segment::Cut;

/// What stands for a rule where a provider refused a clip.
const PROVIDER_REFUSED: &str = "provider_refused";

/// What the rules found in a recording.
pub(crate) struct Flagged {
    /// What counts.
    pub findings: Vec<Finding>,
    /// What rules on trial found.
    pub shadow_findings: Vec<Finding>,
}

/// What the rules may know of the recording of `job` beside its words.
pub(crate) fn known(job: &Job, decoded: &Decoded, cut: &Cut, language: Option<String>) -> earmark_rules::Context {
    earmark_rules::Context {
        duration_ms: decoded.duration_ms,
        language,
        lane: Some(job.lane),
        tenant: Some(job.tenant.clone()),
        metadata: job.metadata.clone(),
        accepted_at_ms: Some(job.accepted_at_ms),
        speech: cut.speech.clone(),
    }
}

/// Searches the whole text by the attempt's rules on a blocking thread, and adds what the provider would not hear.
///
/// # Errors
/// [`JobError::Deadline`], [`JobError::Panicked`].
pub(crate) async fn flag(
    attempt: &Attempt<'_>,
    decoded: &Decoded,
    cut: &Cut,
    clips: &[(Clip, ClipText)],
    utterances: &[Utterance],
    language: Option<String>,
) -> Result<Flagged, JobError> {
    let context = &attempt.context;
    context.enter(Stage::Flag);
    let (rules, text) = (attempt.rules.clone(), utterances.to_vec());
    let known = known(attempt.job, decoded, cut, language);
    let finding = move || rules.find(&text, &known);
    let mut findings = context.running.compute(context.pipeline.settings.flag_timeout, finding).await?;
    findings.extend(refused(clips, utterances));
    let (shadow_findings, findings) = findings.into_iter().partition(|finding| finding.is_shadow);
    Ok(Flagged { findings, shadow_findings })
}

/// One finding for every clip that the provider would not hear: for those who look for the worst calls, the refusal is
/// evidence in itself.
fn refused(clips: &[(Clip, ClipText)], utterances: &[Utterance]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (clip, text) in clips {
        let (Some(refusal), Some(first), Some(last)) = (&text.refused, clip.regions.first(), clip.regions.last())
        else {
            continue;
        };
        let (start_ms, end_ms) = (samples_to_ms(first.start), samples_to_ms(last.end));
        let utterance = utterances.iter().find(|utterance| {
            utterance.channel == clip.key.channel && utterance.start_ms < end_ms && utterance.end_ms > start_ms
        });
        let code = refusal.code.as_ref().map_or_else(String::new, |code| format!(" (code {code})"));
        findings.push(Finding {
            id: format!("r{}", findings.len() + 1),
            rule_id: PROVIDER_REFUSED.into(),
            rule_version: None,
            category: PROVIDER_REFUSED.into(),
            severity: Severity::High,
            kind: FindingKind::ProviderRefused,
            reason: format!("the provider refused to transcribe this part as sensitive{code}: {}", refusal.message),
            utterance_id: utterance.map(|utterance| utterance.id),
            channel: Some(clip.key.channel),
            speaker: utterance.map(|utterance| utterance.speaker.clone()),
            start_ms,
            end_ms,
            matched: String::new(),
            span: None,
            phrase: None,
            normal: None,
            rule_set_sha256: None,
            score: None,
            actions: Vec::new(),
            evidence: Vec::new(),
            is_shadow: false,
        });
    }
    findings
}
