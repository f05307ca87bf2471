//! Findings told as soon as a clip's text, or its beginning, is heard. What the whole says later is the record.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_asr::Hearing;
use earmark_core::{Clip, ClipKey, Finding, Job, Lease, Severity, Speaker, TimePrecision, Utterance, samples_to_ms};
use earmark_rules::{Context, RuleSet};
use earmark_storage::{Journal, StorageError};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Less grave ones can wait for the whole.
const LEAST_SEVERITY: Severity = Severity::High;

/// What one job's clips have said so far.
pub struct Early {
    rules: Arc<RuleSet>,
    context: Context,
    /// What was told already: a text that grows is searched again and again.
    told: Mutex<HashSet<(ClipKey, String)>>,
    found: mpsc::UnboundedSender<Finding>,
}

/// What was found and is still to be told.
pub struct Untold {
    found: mpsc::UnboundedReceiver<Finding>,
    /// Being told: kept until that is certain.
    next: Option<Finding>,
}

/// One clip while its text comes.
pub struct Listening<'a> {
    early: &'a Early,
    clip: &'a Clip,
    speaker: Speaker,
}

impl Early {
    /// What `rules` find comes out at the other end.
    pub fn new(rules: Arc<RuleSet>, context: Context) -> (Self, Untold) {
        let (sender, found) = mpsc::unbounded_channel();
        (Self { rules, context, told: Mutex::default(), found: sender }, Untold { found, next: None })
    }

    /// Hears `clip`, which `speaker` speaks in.
    pub fn listen<'a>(&'a self, clip: &'a Clip, speaker: Speaker) -> Listening<'a> {
        Listening { early: self, clip, speaker }
    }
}

impl Hearing for Listening<'_> {
    fn so_far(&self, text: &str) {
        let (Some(first), Some(last)) = (self.clip.regions.first(), self.clip.regions.last()) else { return };
        let utterance = Utterance {
            id: 0,
            channel: self.clip.key.channel,
            speaker: self.speaker.clone(),
            start_ms: samples_to_ms(first.start),
            end_ms: samples_to_ms(last.end),
            time_precision: TimePrecision::Estimated,
            language: None,
            text: text.into(),
            words: Vec::new(),
        };
        let early = self.early;
        for finding in early.rules.find(&[utterance], &early.context) {
            // What is missing can only be known in the end.
            if finding.utterance_id.is_none() || finding.severity < LEAST_SEVERITY {
                continue;
            }
            let key = (self.clip.key, finding.rule_id.clone());
            if early.told.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                // Without a receiver the job has ended.
                let _ = early.found.send(finding);
            }
        }
    }
}

impl Untold {
    /// Tells findings as they come; ends only with an error. May be dropped at any time and called again.
    pub async fn tell(&mut self, journal: &Journal, job: &Job, lease: &Lease) -> StorageError {
        loop {
            if self.next.is_none() {
                self.next = self.found.recv().await;
            }
            let Some(finding) = &self.next else { return std::future::pending().await };
            if let Err(error) = journal.tell_early(lease, &told(job, finding)).await {
                return error;
            }
            self.next = None;
        }
    }

    /// Tells what is left.
    pub async fn tell_rest(mut self, journal: &Journal, job: &Job, lease: &Lease) -> Result<(), StorageError> {
        while let Some(finding) = self.next.take().or_else(|| self.found.try_recv().ok()) {
            journal.tell_early(lease, &told(job, &finding)).await?;
        }
        Ok(())
    }
}

/// What is told of an early finding: where and by which rule, never the words.
fn told(job: &Job, finding: &Finding) -> Value {
    json!({
        "job_id": job.id, "tenant": job.tenant, "lane": job.lane, "key": job.key, "metadata": job.metadata,
        "rule_id": finding.rule_id, "category": finding.category, "severity": finding.severity, "kind": finding.kind,
        "channel": finding.channel, "speaker": finding.speaker, "start_ms": finding.start_ms, "end_ms": finding.end_ms,
        "is_final": false,
    })
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
        let (early, mut untold) = Early::new(Arc::new(RuleSet::starter()), Context::default());
        let (first, second) = (clip(0), clip(1));
        let listening = early.listen(&first, Speaker("agent".into()));
        listening.so_far("这款产品");
        assert!(untold.found.try_recv().is_err(), "nothing was said yet; what is missing is not told early");
        for text in ["这款产品保证收益", "这款产品保证收益，", "这款产品保证收益，您放心"]
        {
            listening.so_far(text);
        }
        let finding = untold.found.try_recv().unwrap();
        assert!(finding.severity == Severity::High && finding.end_ms <= 5000, "{finding:?}");
        assert!(untold.found.try_recv().is_err());
        // The same rule in another clip is another finding.
        early.listen(&second, Speaker("agent".into())).so_far("保证收益");
        assert!((10_000..15_000).contains(&untold.found.try_recv().unwrap().start_ms));
    }
}
