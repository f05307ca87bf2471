//! `[log]`

use serde::Deserialize;

use super::value::choice;

choice! {
    /// How a log line looks.
    LogFormat {
        /// For people.
        Text = "text",
        /// For collectors.
        Json = "json",
    }
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level or a filter.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}
