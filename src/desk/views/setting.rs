//! A setting.

use serde::Serialize;

use crate::config::Setting;

/// A setting, what it is, and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingView {
    /// Its name in a file: `section.key`.
    pub key: String,
    /// Its value; secrets are hidden.
    pub value: String,
    /// Where the value comes from: the defaults, a file, or a variable's name.
    pub origin: String,
}

impl From<&Setting> for SettingView {
    fn from(setting: &Setting) -> Self {
        Self { key: setting.key.clone(), value: setting.value.clone(), origin: setting.origin.to_string() }
    }
}
