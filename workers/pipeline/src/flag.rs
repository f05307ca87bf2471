//! The rules over the text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_audio::decode::Decoded;
use earmark_core::{Clip, ClipText, Finding, FindingKind, Job, Severity, Utterance, samples_to_ms};
use earmark_rules::{Context, RuleSet, SourceFile};
use earmark_storage::RuleSets;

use crate::watched::Watched;
use crate::{JobError, Pipeline};

/// What stands for a rule where a provider refused a clip.
const PROVIDER_REFUSED: &str = "provider_refused";

/// The active rule set, and those that jobs name by hash.
pub struct RuleBook {
    active: Arc<RuleSet>,
    kept: RuleSets,
    named: Mutex<HashMap<String, Arc<RuleSet>>>,
}

impl RuleBook {
    /// A book whose active set is `active`; others come from `kept`, where every set in use is.
    pub fn new(active: Arc<RuleSet>, kept: RuleSets) -> Self {
        Self { active, kept, named: Mutex::default() }
    }

    /// The rules for `job`.
    ///
    /// # Errors
    /// [`JobError::Rules`] when it names a set that is not kept, [`JobError::Write`] when the journal cannot be read.
    pub async fn of(&self, job: &Job) -> Result<Arc<RuleSet>, JobError> {
        let Some(sha256) = job.options.rule_set.as_deref().filter(|sha256| *sha256 != self.active.id().sha256) else {
            return Ok(self.active.clone());
        };
        if let Some(rules) = self.named.lock().unwrap_or_else(PoisonError::into_inner).get(sha256) {
            return Ok(rules.clone());
        }
        let unusable = |why: String| JobError::Rules { sha256: sha256.into(), why };
        let kept = self.kept.get(sha256).await?.ok_or_else(|| unusable("it is not kept in the database".into()))?;
        let files: Vec<SourceFile> =
            serde_json::from_value(kept.sources).map_err(|error| unusable(error.to_string()))?;
        let rules = Arc::new(RuleSet::compile(&kept.name, &files).map_err(|errors| unusable(errors.to_string()))?);
        self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256.into(), rules.clone());
        Ok(rules)
    }
}

/// What the rules may know of the recording of `job` beside its words.
pub fn context(job: &Job, decoded: &Decoded, language: Option<String>) -> Context {
    Context {
        duration_ms: decoded.duration_ms,
        language,
        lane: Some(job.lane),
        tenant: Some(job.tenant.clone()),
        metadata: job.metadata.clone(),
        accepted_at_ms: Some(job.accepted_at_ms),
        speech: Vec::new(),
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
