//! What a reviewer says of a finding.

use crate::words::words;

words! {
    /// Whether a finding is one.
    pub enum Verdict: "verdict" {
        /// It was found rightly.
        Confirmed = "confirmed",
        /// It was found wrongly.
        Rejected = "rejected",
    }
}
