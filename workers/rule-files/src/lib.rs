//! Rule files as they are written: YAML in, its fields with their places out, or the mistake in the author's words. What
//! they mean is `earmark-rules`' concern.
//!
//! ```text
//! source   the files of a set, and its hash
//! format/  read: YAML -> rule, condition, term, within, example     place: where each stands
//!            fields  the macros that they are written with            limits: what their numbers may be
//!            mistake, brackets: what the parser found wrong -> error
//! error/   problem: what can be wrong    hint: what to write instead
//! ```
//!
//! A crate of its own, for reading makes more code than all that runs over a recording, and runs once: it is built with
//! less effort.

pub mod error;
pub mod format;
pub mod source;

pub use error::{RuleError, RuleErrors, RuleProblem};
pub use source::SourceFile;
