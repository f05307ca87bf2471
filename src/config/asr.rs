//! `[asr]`

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::value::{between, choice, flag, list, optional};

choice! {
    /// Who transcribes.
    EngineKind {
        /// The engine built in.
        Local = "local",
        /// GLM-ASR.
        Glm = "glm",
    }
}

choice! {
    /// An account's tier. GLM-ASR page, "用户并发权益".
    Tier {
        /// 5 requests in flight.
        V0 = "V0",
        /// 10 requests in flight.
        V1 = "V1",
        /// 15 requests in flight.
        V2 = "V2",
        /// 20 requests in flight.
        V3 = "V3",
    }
}

/// The recogniser.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asr {
    /// Who transcribes.
    pub engine: EngineKind,
    /// A CTranslate2 Whisper folder.
    #[serde(deserialize_with = "optional")]
    pub model_path: Option<PathBuf>,
    /// `auto` or ISO 639-1.
    #[serde(deserialize_with = "language")]
    pub language: String,
    /// What `auto` chooses among.
    #[serde(deserialize_with = "list")]
    pub languages: Vec<String>,
    /// Threads that compute; 0 for one per core.
    #[serde(deserialize_with = "between::<0, 1024, _, _>")]
    pub threads: usize,
    /// Clips through the network together.
    #[serde(deserialize_with = "between::<1, 64, _, _>")]
    pub batch: usize,
    /// Whether every word is aligned.
    #[serde(deserialize_with = "flag")]
    pub word_times: bool,
    /// Context of every clip.
    #[serde(deserialize_with = "optional")]
    pub prompt: Option<String>,
    /// Words to be spelled right.
    #[serde(deserialize_with = "list")]
    pub glossary: Vec<String>,
    /// GLM-ASR's base URL.
    pub base_url: String,
    /// GLM-ASR's key.
    #[serde(deserialize_with = "optional")]
    pub api_key: Option<String>,
    /// GLM-ASR's model.
    pub model: String,
    /// The account's tier.
    pub tier: Tier,
    /// Instead of the tier's number; 0 for the tier's.
    #[serde(deserialize_with = "between::<0, 10_000, _, _>")]
    pub max_in_flight: usize,
    /// Where permits are kept.
    #[serde(deserialize_with = "optional")]
    pub permits_url: Option<String>,
    /// What a minute costs.
    #[serde(deserialize_with = "price")]
    pub price_cny_per_minute: f64,
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_code = (2..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase());
    if text == "auto" || is_code {
        Ok(text)
    } else {
        Err(serde::de::Error::custom("use auto, or an ISO 639-1 code such as zh or en"))
    }
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim().parse::<f64>() {
        Ok(price) if price.is_finite() && price >= 0.0 => Ok(price),
        Ok(_) | Err(_) => Err(serde::de::Error::custom("use a price in yuan such as 0.06")),
    }
}
