//! Wrong settings, in words that name the variable, the value and the choices.

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigProblem {
    /// The file cannot be read or is no TOML.
    #[error("the configuration file {path} cannot be used: {why}")]
    File {
        /// Which file.
        path: String,
        /// Why, with the line where there is one.
        why: String,
    },
    /// A key that does not exist.
    #[error("{name} is not a setting")]
    Unknown {
        /// The variable, or the file and its key.
        name: String,
        /// The nearest key there is, spelled in the same way.
        nearest: String,
    },
    /// A value that makes no sense.
    #[error("{name} is {value}")]
    Value {
        /// The variable, or the file and its key.
        name: String,
        /// As given, in backquotes; `(hidden)` for secrets.
        value: String,
        /// What it should be.
        hint: String,
    },
}

impl ConfigProblem {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::File { .. } => "`earmark config` shows the sections and keys; they are written as in TOML".into(),
            Self::Unknown { nearest, .. } => format!("did you mean {nearest}? `earmark config` lists every setting"),
            Self::Value { hint, .. } => hint.clone(),
        }
    }
}
