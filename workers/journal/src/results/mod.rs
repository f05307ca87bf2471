//! Results: what is written when a job is done, and reading it.
//!
//! ```text
//!   finished        the trait, and what goes in and comes out
//!   store           the one transaction that ends a job well
//!     early_findings  what was told before the end is confirmed or withdrawn in it
//!     review_hold     a result that a rule holds back, until a reviewer releases it
//! ```

mod early_findings;
mod finished;
mod review_hold;
mod store;

pub use early_findings::finding_key;
pub use finished::{FindingFilter, Finished, FoundIn, ResultStore};
pub use review_hold::ReviewHold;
pub use store::SqlResults;
