//! `[accounts]`

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::tier::Tier;
use super::value::{MOST_YUAN, between, by_tenant, full_list, yuan};
use earmark_core::Tenant;
use time::UtcOffset;

/// The name of the account that is `asr.api_key`.
pub const USUAL: &str = "default";

/// The name of the engine built in among the accounts.
pub const BUILT_IN: &str = "built-in";

/// Accounts at the provider, who uses which, and what may be spent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Accounts beside the usual one; each name and key once.
    #[serde(deserialize_with = "keys")]
    pub keys: Vec<AccountKey>,
    /// The tenants that use one of those, by its name.
    #[serde(deserialize_with = "tenants")]
    pub tenants: BTreeMap<Tenant, String>,
    /// Permits that webhooks leave to waiting calls.
    #[serde(deserialize_with = "between::<0, 10_000, _, _>")]
    pub reserve_call: usize,
    /// Permits that webhooks and calls leave to the waiting archive.
    #[serde(deserialize_with = "between::<0, 10_000, _, _>")]
    pub reserve_archive: usize,
    /// How much longer a dead holder's place stays taken, in seconds.
    #[serde(deserialize_with = "between::<0, 3_600, _, _>")]
    pub dead_holder_grace_secs: u64,
    /// What each tenant may spend a day, in yuan; 0 for no limit.
    #[serde(deserialize_with = "yuan")]
    pub budget_cny_per_day: f64,
    /// Tenants with a budget of their own, in yuan a day; 0 for no limit.
    #[serde(deserialize_with = "budgets")]
    pub budgets: BTreeMap<Tenant, f64>,
    /// Where the day of the budgets begins, as an offset from UTC.
    #[serde(deserialize_with = "offset")]
    pub day_begins: UtcOffset,
}

/// An account at the provider.
#[derive(Clone)]
pub struct AccountKey {
    /// Its name here, by which tenants are bound to it and permits are counted.
    pub name: String,
    /// The key that the provider gave.
    pub key: String,
    /// Its tier at the provider.
    pub tier: Tier,
    /// Requests in flight instead of the tier's.
    pub max_in_flight: Option<usize>,
}

impl AccountKey {
    /// Requests in flight that it allows.
    pub fn limit(&self) -> usize {
        self.max_in_flight.unwrap_or(self.tier.requests())
    }
}

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountKey").field("name", &self.name).field("tier", &self.tier).finish_non_exhaustive()
    }
}

impl FromStr for AccountKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "use name=key@tier or name=key@tier/requests, comma-separated, e.g. night=id.secret@V1".to_owned();
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (key, tier) = rest.rsplit_once('@').ok_or_else(wrong)?;
        let (tier, max) = tier.split_once('/').map_or((tier, None), |(tier, max)| (tier, Some(max)));
        let is_name = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_name || key.is_empty() {
            return Err(wrong());
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("use the keys as the provider gave them, without spaces or line ends".into());
        }
        if name == USUAL || name == BUILT_IN {
            return Err(format!(
                "give it another name: `{USUAL}` is the account of EARMARK__ASR__API_KEY, `{BUILT_IN}` the engine built in"
            ));
        }
        let max_in_flight = match max.map(str::parse::<usize>) {
            None => None,
            Some(Ok(max)) if (1..=10_000).contains(&max) => Some(max),
            Some(Ok(_) | Err(_)) => return Err(wrong()),
        };
        let tier = tier.parse().map_err(|choices| format!("{}; as tier {choices}", wrong()))?;
        Ok(Self { name: name.into(), key: key.into(), tier, max_in_flight })
    }
}

fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AccountKey>, D::Error> {
    let keys: Vec<AccountKey> = full_list(deserializer)?;
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|other| other.name == key.name) {
            let text = format!("give every account a name of its own: `{}` stands there twice", key.name);
            return Err(serde::de::Error::custom(text));
        }
    }
    Ok(keys)
}

fn tenants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, String>, D::Error> {
    by_tenant(deserializer, "tenant=account", |account| Some(account.to_owned()))
}

fn budgets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, f64>, D::Error> {
    by_tenant(deserializer, "tenant=yuan", |yuan| yuan.parse().ok().filter(|yuan| (0.0..=MOST_YUAN).contains(yuan)))
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UtcOffset, D::Error> {
    let text = String::deserialize(deserializer)?;
    let format = time::macros::format_description!("[offset_hour sign:mandatory]:[offset_minute]");
    UtcOffset::parse(text.trim(), format).map_err(|_| serde::de::Error::custom("use an offset from UTC such as +08:00"))
}
