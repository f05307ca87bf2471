//! An error as a person at a terminal sees it: what failed, the value, what to do.

use std::fmt;

use earmark_core::{Failure, Problem};

use super::error::ConfigProblem;

/// An error with the program's exit code.
#[derive(Debug)]
pub struct CommandError {
    /// What failed and what to do, in words.
    pub problem: Problem,
    /// 1 some recording failed, 2 usage or configuration.
    pub exit_code: u8,
}

impl CommandError {
    /// The command cannot be carried out as given.
    pub fn usage(problem: Problem) -> Self {
        Self { problem, exit_code: 2 }
    }

    /// A usage error without a code of its own.
    pub fn plain(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::usage(Problem { code: "usage".into(), message: message.into(), hint: hint.map(Into::into) })
    }

    /// What should not happen.
    pub fn internal(error: &dyn fmt::Display) -> Self {
        Self { problem: Problem { code: "internal".into(), message: error.to_string(), hint: None }, exit_code: 1 }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.problem.message)?;
        match &self.problem.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl<E: Failure> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self { problem: error.problem(), exit_code: 2 }
    }
}

impl From<ConfigProblem> for CommandError {
    fn from(error: ConfigProblem) -> Self {
        Self::usage(Problem { code: "config.value".into(), message: error.to_string(), hint: Some(error.hint()) })
    }
}
