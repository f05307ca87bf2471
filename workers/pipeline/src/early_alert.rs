//! Early alerts: findings told as soon as a clip's text, or its beginning, is heard. What the whole says later is the record.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_asr::Hearing;
use earmark_core::{Action, Clip, ClipKey, Finding, Job, Severity, Speaker, TimePrecision, Utterance, samples_to_ms};
use earmark_journal::{EarlyFinding, JournalError, NewAlert, finding_key};
use earmark_rules::{Context, RuleSet};
use serde_json::json;
use tokio::sync::mpsc;

use crate::context::Attempt;

/// Of rules that do not say what they set off, less grave ones can wait for the whole.
const LEAST_SEVERITY: Severity = Severity::High;

/// What one job's clips have said so far.
pub(crate) struct EarlyAlerts {
    rules: Arc<RuleSet>,
    /// What the rules may know of the recording beside its words.
    known: Context,
    /// What was raised already: a text that grows is searched again and again.
    raised: Mutex<HashSet<(ClipKey, String)>>,
    found: mpsc::UnboundedSender<ClipFinding>,
}

/// What was found and is still to be sent.
pub(crate) struct UnsentAlerts {
    found: mpsc::UnboundedReceiver<ClipFinding>,
    /// Being sent: kept until that is certain.
    next: Option<ClipFinding>,
}

/// A finding in one clip.
struct ClipFinding {
    finding: Finding,
    channel: u16,
    /// Where the clip begins and ends in the recording, in milliseconds.
    clip: (u64, u64),
}

/// One clip while its text comes.
pub(crate) struct ClipListener<'a> {
    alerts: &'a EarlyAlerts,
    clip: &'a Clip,
    speaker: Speaker,
}

impl EarlyAlerts {
    /// What `rules` find comes out at the other end.
    pub fn new(rules: Arc<RuleSet>, known: Context) -> (Self, UnsentAlerts) {
        let (sender, found) = mpsc::unbounded_channel();
        (Self { rules, known, raised: Mutex::default(), found: sender }, UnsentAlerts { found, next: None })
    }

    /// Hears `clip`, which `speaker` speaks in.
    pub fn listen<'a>(&'a self, clip: &'a Clip, speaker: Speaker) -> ClipListener<'a> {
        ClipListener { alerts: self, clip, speaker }
    }
}

impl Hearing for ClipListener<'_> {
    fn so_far(&self, text: &str) {
        let (Some(first), Some(last)) = (self.clip.regions.first(), self.clip.regions.last()) else { return };
        let clip = (samples_to_ms(first.start), samples_to_ms(last.end));
        let utterance = Utterance {
            id: 0,
            channel: self.clip.key.channel,
            speaker: self.speaker.clone(),
            start_ms: clip.0,
            end_ms: clip.1,
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.into(),
            words: Vec::new(),
        };
        let alerts = self.alerts;
        for finding in alerts.rules.find_early(&[utterance], &alerts.known) {
            // What is missing can only be known in the end.
            if finding.utterance_id.is_none() || !is_urgent(&finding) {
                continue;
            }
            let key = (self.clip.key, finding.rule_id.clone());
            if alerts.raised.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                // Without a receiver the job has ended.
                let _ = alerts.found.send(ClipFinding { finding, channel: self.clip.key.channel, clip });
            }
        }
    }
}

/// Whether it is told before the whole is known: its rule says so, or says nothing and it is grave. What a rule on trial
/// finds is never told.
fn is_urgent(finding: &Finding) -> bool {
    let is_grave = finding.actions.is_empty() && finding.severity >= LEAST_SEVERITY;
    !finding.is_shadow && (is_grave || finding.actions.contains(&Action::Alert))
}

impl UnsentAlerts {
    /// Sends findings as they come; ends only with an error. May be dropped at any time and called again.
    pub async fn send(&mut self, attempt: &Attempt<'_>) -> JournalError {
        loop {
            if self.next.is_none() {
                self.next = self.found.recv().await;
            }
            let Some(found) = &self.next else { return std::future::pending().await };
            if let Err(error) = send(attempt, found).await {
                return error;
            }
            self.next = None;
        }
    }

    /// Sends what is left.
    ///
    /// # Errors
    /// [`JournalError`] when the lease is lost or the journal fails.
    pub async fn send_rest(mut self, attempt: &Attempt<'_>) -> Result<(), JournalError> {
        while let Some(found) = self.next.take().or_else(|| self.found.try_recv().ok()) {
            send(attempt, &found).await?;
        }
        Ok(())
    }
}

/// Sends `found`, once: the outside, and whoever watches where it is an alert.
async fn send(attempt: &Attempt<'_>, found: &ClipFinding) -> Result<(), JournalError> {
    let (pipeline, job) = (attempt.context.pipeline, attempt.job);
    let notice = notice(job, found);
    let is_news = pipeline.journal.raise_early(attempt.lease, &notice).await?;
    if let Some(alert) = notice.alert.filter(|_| is_news) {
        pipeline.progress.alerted(&job.id, &alert.message);
    }
    Ok(())
}

/// What is told of an early finding: where and by which rule, never the words.
fn notice(job: &Job, found: &ClipFinding) -> EarlyFinding {
    let ClipFinding { finding, channel, clip } = found;
    let payload = json!({
        "finding_key": finding_key(channel, clip.0, &finding.rule_id), "job_id": job.id, "tenant": job.tenant, "lane": job.lane, "key": job.key, "metadata": job.metadata,
        "rule_id": finding.rule_id, "category": finding.category, "severity": finding.severity, "kind": finding.kind,
        "channel": finding.channel, "speaker": finding.speaker, "start_ms": finding.start_ms, "end_ms": finding.end_ms,
        "is_final": false,
    });
    let alert = finding.actions.contains(&Action::Alert).then(|| NewAlert {
        kind: "finding.alert".into(),
        message: format!("rule {} in job {} at about {}", finding.rule_id, job.id, finding.clock()),
    });
    EarlyFinding {
        rule_id: finding.rule_id.clone(),
        channel: *channel,
        clip_start_ms: clip.0,
        clip_end_ms: clip.1,
        start_ms: finding.start_ms,
        end_ms: finding.end_ms,
        payload,
        alert,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::Region;

    fn clip(index: u32) -> Clip {
        let start = u64::from(index) * 160_000;
        Clip { key: ClipKey { channel: 0, index }, regions: vec![Region { start, end: start + 80_000 }] }
    }

    #[test]
    fn a_grave_finding_is_told_once_as_soon_as_its_words_are_there() {
        let (alerts, mut unsent) = EarlyAlerts::new(Arc::new(RuleSet::starter()), Context::default());
        let (first, second) = (clip(0), clip(1));
        let listening = alerts.listen(&first, Speaker("agent".into()));
        listening.so_far("这款产品");
        assert!(unsent.found.try_recv().is_err(), "nothing was said yet; what is missing is not told early");
        for text in ["这款产品保证收益", "这款产品保证收益，", "这款产品保证收益，您放心"]
        {
            listening.so_far(text);
        }
        let finding = unsent.found.try_recv().unwrap().finding;
        assert!(finding.severity == Severity::High && finding.end_ms <= 5000, "{finding:?}");
        assert!(unsent.found.try_recv().is_err());
        // The same rule in another clip is another finding.
        alerts.listen(&second, Speaker("agent".into())).so_far("保证收益");
        assert!((10_000..15_000).contains(&unsent.found.try_recv().unwrap().finding.start_ms));
    }

    #[test]
    fn a_rule_that_alerts_is_told_early_whatever_its_severity_and_one_on_trial_never() {
        let grave = RuleSet::starter().find_in_text("保证收益").remove(0);
        let low = Finding { severity: Severity::Low, actions: vec![Action::Alert], ..grave.clone() };
        assert!(is_urgent(&Finding { actions: Vec::new(), ..grave.clone() }) && is_urgent(&low));
        assert!(!is_urgent(&Finding { actions: Vec::new(), ..low.clone() }));
        assert!(!is_urgent(&Finding { actions: vec![Action::Flag, Action::Block], ..grave }));
        assert!(!is_urgent(&Finding { is_shadow: true, ..low }));
    }
}
