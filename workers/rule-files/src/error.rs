//! What is wrong with a rule file, where, and what to write instead.

mod hint;
mod problem;

use earmark_core::{Disposition, Failure, Fault};

pub use hint::nearest;
pub use problem::{RuleProblem, shown};

/// Everything found wrong in a set of rule files; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RuleErrors {
    /// In order of file and line.
    pub errors: Vec<RuleError>,
}

impl Failure for RuleErrors {
    fn code(&self) -> &'static str {
        "rules.invalid"
    }

    fn hint(&self) -> Option<String> {
        self.errors.first().and_then(|error| error.problem.hint())
    }

    fn disposition(&self) -> Disposition {
        Disposition::Fail
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// One mistake in a rule file. Shown as `path:line:column: what is wrong`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {problem}")]
pub struct RuleError {
    /// The file that it stands in, relative to the folder of its set.
    pub path: String,
    /// Line in that file, from 1.
    pub line: u64,
    /// Where in that line, in characters, from 1.
    pub column: u64,
    /// What is wrong there.
    pub problem: RuleProblem,
}
