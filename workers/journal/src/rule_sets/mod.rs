//! The rule sets that were in force, kept as evidence, and which of them is.
//!
//! ```text
//!   store        rule sets by hash
//!   activations  which one people have put in force
//!   processes    what running processes say of it: that they went over to it, or refuse it
//! ```

mod activations;
mod processes;
mod store;

pub use activations::Activation;
pub use store::{RuleSets, StoredRuleSet};
