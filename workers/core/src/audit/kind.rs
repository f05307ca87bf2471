//! What entries of the audit log record.

use crate::words::words;

words! {
    /// What an entry records. Stored is the word; a log may hold words of later versions too, which are read, shown and
    /// verified as they stand.
    pub enum AuditKind: "kind of audit entry" {
        /// A job was accepted.
        JobAccepted = "job.accepted",
        /// A job was put off to be tried again.
        JobRetry = "job.retry",
        /// A job has a result.
        JobDone = "job.done",
        /// A job was given up.
        JobDead = "job.dead",
        /// A job was given up because its workers died or hung over and over.
        JobQuarantined = "job.quarantined",
        /// Somebody called a job off that a worker holds.
        JobCancelRequested = "job.cancel_requested",
        /// A job was called off.
        JobCancelled = "job.cancelled",
        /// Somebody had a dead or cancelled job tried again, or gave another address to one that goes on.
        JobRetried = "job.retried",
        /// A job had its time and was removed.
        JobExpired = "job.expired",
        /// A rule found something.
        FindingRaised = "finding.raised",
        /// What was told before the recording's end is not confirmed by the whole of it.
        FindingWithdrawn = "finding.withdrawn",
        /// A reviewer confirmed or rejected a finding.
        FindingJudged = "finding.judged",
        /// A reviewer released a result that was held back.
        ResultReleased = "result.released",
        /// A rule set was put in force.
        RulesActivated = "rules.activated",
        /// The rule set before was put in force again.
        RulesRolledBack = "rules.rolled_back",
        /// Running processes went over to another rule set.
        RulesSwapped = "rules.swapped",
        /// Findings of a job gave way to those of other rules.
        RulesReplayed = "rules.replayed",
        /// Lanes or tenants were paused.
        QueuePaused = "queue.paused",
        /// A pause was lifted.
        QueueResumed = "queue.resumed",
        /// An account was paused.
        AccountPaused = "account.paused",
        /// An account was opened again.
        AccountResumed = "account.resumed",
        /// Somebody has seen to an alert.
        AlertAcked = "alert.acked",
    }
}
