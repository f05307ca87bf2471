//! `[notify]`

use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;
use super::value::{optional, web_address};

/// The receiver of outcomes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Where outcomes are posted; none where nobody is to be told.
    #[serde(deserialize_with = "receiver")]
    pub url: Option<Hidden<url::Url>>,
    /// The key that outcomes are signed with; none for no signature.
    #[serde(deserialize_with = "optional")]
    pub secret: Option<Hidden<String>>,
}

fn receiver<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hidden<url::Url>>, D::Error> {
    web_address(deserializer, "use a URL such as https://hooks.example.org/earmark")
}
