//! `[log]`

use serde::Deserialize;

use super::value::choice;

choice! {
    /// How a log line looks.
    LogFormat {
        /// A line for people.
        Text = "text",
        /// A JSON object a line, for collectors.
        Json = "json",
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level such as `info`, or a filter of targets.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}
