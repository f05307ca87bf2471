//! The rules over the text.

use std::sync::Arc;

use earmark_audio::decode::Decoded;
use earmark_core::{Clip, ClipText, Finding, FindingKind, Job, Severity, Utterance, samples_to_ms};
use earmark_rules::{Context, RuleSet};

use crate::segment::Cut;
use crate::watched::Watched;
use crate::{JobError, Pipeline};

/// What stands for a rule where a provider refused a clip.
const PROVIDER_REFUSED: &str = "provider_refused";

/// What the rules may know of the recording of `job` beside its words.
pub fn context(job: &Job, decoded: &Decoded, cut: &Cut, language: Option<String>) -> Context {
    Context {
        duration_ms: decoded.duration_ms,
        language,
        lane: Some(job.lane),
        tenant: Some(job.tenant.clone()),
        metadata: job.metadata.clone(),
        accepted_at_ms: Some(job.accepted_at_ms),
        speech: cut.speech.clone(),
    }
}

pub async fn flag(
    pipeline: &Pipeline,
    watched: &Watched,
    rules: &Arc<RuleSet>,
    utterances: &[Utterance],
    context: Context,
) -> Result<Vec<Finding>, JobError> {
    let (rules, utterances) = (rules.clone(), utterances.to_vec());
    watched.blocking("flag", pipeline.settings.flag_timeout, move || rules.find(&utterances, &context)).await
}

/// One finding for every clip that the provider would not hear: for those who look for the worst calls, the refusal is
/// evidence in itself.
pub fn refused(clips: &[(Clip, ClipText)], utterances: &[Utterance]) -> Vec<Finding> {
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
