//! Rule files as they are written: YAML in, its fields with their places out, or the mistake in the author's words. What
//! they mean is `earmark-rules`' concern.
//!
//! A crate of its own, for reading makes more code than all that runs over a recording, and runs once: it is built with
//! less effort.

pub mod error;
pub mod format;
pub mod source;

pub use error::{RuleError, RuleErrors, RuleProblem};
pub use source::SourceFile;
