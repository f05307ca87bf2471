//! `[notify]`

use serde::Deserialize;

use super::value::optional;

/// The receiver of outcomes.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Where outcomes are posted; none where nobody is to be told.
    #[serde(deserialize_with = "optional")]
    pub url: Option<url::Url>,
    /// The key that outcomes are signed with; none for no signature.
    #[serde(deserialize_with = "optional")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for Notify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notify").field("is_configured", &self.url.is_some()).finish_non_exhaustive()
    }
}
