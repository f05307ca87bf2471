//! `[http]`

use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::tier::Tier;
use super::value::full_list;

/// Where the API listens, and for whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The address and port that the API listens on.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Who may ask; nobody but this machine where there is none.
    #[serde(deserialize_with = "api_keys")]
    pub api_keys: Vec<ApiKey>,
}

/// A caller of the API.
#[derive(Clone)]
pub struct ApiKey {
    /// Who asks, as the audit log names them and as their tenant.
    pub name: String,
    /// The secret that comes with every request.
    pub key: String,
    /// How many transcriptions at a time.
    pub tier: Tier,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).field("tier", &self.tier).finish_non_exhaustive()
    }
}

impl FromStr for ApiKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "use name=key@tier, comma-separated, e.g. crm=s3cret@V0".to_owned();
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (key, tier) = rest.rsplit_once('@').ok_or_else(wrong)?;
        if name.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        let tier = tier.parse().map_err(|choices| format!("{}; as tier {choices}", wrong()))?;
        Ok(Self { name: name.into(), key: key.into(), tier })
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(|_| serde::de::Error::custom("use address:port, e.g. 127.0.0.1:8080"))
}

/// A name or a key that stands there twice would leave open who asks.
fn api_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ApiKey>, D::Error> {
    let keys: Vec<ApiKey> = full_list(deserializer)?;
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|other| other.name == key.name) {
            let text = format!("give every caller one key: `{}` stands there twice", key.name);
            return Err(serde::de::Error::custom(text));
        }
        if keys[..at].iter().any(|other| other.key == key.key) {
            let text = format!("give every caller a key of its own: `{}` has another's", key.name);
            return Err(serde::de::Error::custom(text));
        }
    }
    Ok(keys)
}
