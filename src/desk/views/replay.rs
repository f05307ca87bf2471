//! A replay on record.

use earmark_core::{RuleSetId, rfc3339};
use earmark_journal::{ReplayFilter, StoredReplay};
use earmark_rules::replay::Summary;
use serde::Serialize;

/// A comparison of two rule sets over stored transcripts.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayView {
    /// Its id, to show it again by.
    pub id: String,
    /// The rules that judged first.
    pub from: RuleSetId,
    /// The rules that judged second.
    pub to: RuleSetId,
    /// Which jobs were judged.
    pub filter: ReplayFilter,
    /// Who wanted it.
    pub by: String,
    /// Whether what the second rules found took the place of what there was.
    #[serde(rename = "applied")]
    pub is_applied: bool,
    /// When it began, RFC 3339.
    pub began_at: String,
    /// When it ended, RFC 3339; none while it is under way, or when it was cut short.
    pub ended_at: Option<String>,
    /// What was different; none as long as it has not ended.
    pub summary: Option<Summary>,
}

impl From<StoredReplay> for ReplayView {
    fn from(stored: StoredReplay) -> Self {
        let StoredReplay { id, asked, started_at_ms, ended_at_ms, summary } = stored;
        Self {
            id,
            from: asked.from,
            to: asked.to,
            filter: asked.filter,
            by: asked.actor,
            is_applied: asked.is_applied,
            began_at: rfc3339(started_at_ms),
            ended_at: ended_at_ms.map(rfc3339),
            summary: summary.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

/// The last line of a replay.
#[derive(Debug, Clone, Serialize)]
pub struct SummaryLine<'a> {
    /// What was different.
    pub summary: &'a Summary,
}
