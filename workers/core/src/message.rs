//! What is told to the outside.

use crate::words::words;

words! {
    /// What a message tells.
    pub enum MessageKind: "kind of message" {
        /// A result is written.
        JobDone = "job.done",
        /// A job was given up.
        JobDead = "job.dead",
        /// A job was called off.
        JobCancelled = "job.cancelled",
        /// A rule found something in a part of a recording that is still being transcribed.
        FindingEarly = "finding.early",
        /// What was told early is not confirmed by the whole recording.
        FindingWithdrawn = "finding.withdrawn",
        /// A finished job was judged again by other rules, and they found something else.
        FindingsChanged = "findings.changed",
        /// Someone has to look.
        Alert = "alert",
    }
}
