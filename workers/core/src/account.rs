//! An account at a provider.

use crate::words::words;

words! {
    /// Whether requests may be sent on an account.
    pub enum AccountStatus: "state of an account" {
        /// Requests may be sent.
        Open = "open",
        /// Not now: too many failures in a row.
        Cooling = "cooling",
        /// Not until its time comes, or a person resumes it.
        Paused = "paused",
    }
}
