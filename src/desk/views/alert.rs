//! An alert.

use earmark_core::{JobId, Tenant, rfc3339};
use earmark_journal::Alert;
use serde::Serialize;

/// An alert, and whether it was seen to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertView {
    /// Its id, to acknowledge it by.
    pub id: String,
    /// When it was raised, RFC 3339.
    pub raised_at: String,
    /// The same in milliseconds since the epoch.
    pub raised_at_ms: i64,
    /// Whose it is.
    pub tenant: Tenant,
    /// A stable word for what happened.
    pub kind: String,
    /// The job it is about, where it is about one.
    pub job_id: Option<JobId>,
    /// What happened, in one sentence.
    pub message: String,
    /// How often it happened while this was open.
    pub times: u64,
    /// When it happened last, RFC 3339; none where that was once.
    pub last_at: Option<String>,
    /// When it was acknowledged or closed, RFC 3339; none while it is open.
    pub acknowledged_at: Option<String>,
    /// Who acknowledged or closed it; none while it is open.
    pub acknowledged_by: Option<String>,
    /// Why it was closed, where nobody had to see to it.
    pub cause: Option<String>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        let (acknowledged_at, acknowledged_by) = alert.acked.map(|(at_ms, actor)| (rfc3339(at_ms), actor)).unzip();
        Self {
            id: alert.id,
            raised_at: rfc3339(alert.raised_at_ms),
            raised_at_ms: alert.raised_at_ms,
            tenant: alert.tenant,
            kind: alert.kind,
            job_id: alert.job_id,
            message: alert.message,
            times: alert.times,
            last_at: alert.last_at_ms.map(rfc3339),
            acknowledged_at,
            acknowledged_by,
            cause: alert.cause,
        }
    }
}
