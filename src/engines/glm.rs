//! Accounts at GLM-ASR, or at a server that speaks OpenAI's dialect, as they are configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_asr::UploadFormat;
use earmark_asr::glm::{Billing, Dialect, GlmAuth, GlmClient, GlmOptions, GlmTimeouts, HotwordSpelling};
use earmark_core::Problem;
use earmark_objects::{HttpOptions, http_client};
use earmark_permits::PoolOptions;
use earmark_pipeline::{ProviderAccount, ProviderAccounts};

use super::local;
use super::setup::{AccountParts, EngineAccount, EngineSetup, Loading};
use crate::config::{
    AccountKey, AuthKind, BillingKind, CommandError, Config, DialectKind, FallbackKind, HotwordKind, USUAL, UploadKind,
    locate,
};

/// Clips for a recogniser that has so many requests at a time, in milliseconds: what it takes.
const PACK_TO_MS: u64 = 28_000;
/// Recordings at a time for each permit: while one is transcribed the next is fetched and decoded.
const SLOTS_PER_PERMIT: usize = 2;
/// Fewer would leave a machine idle while it waits for the network.
const FEWEST_SLOTS: usize = 2;
/// More would only take up memory and disk.
const MOST_SLOTS: usize = 64;
/// How long a connection to the provider may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The provider's accounts; the built-in engine beside them where what is refused is to be heard by it.
pub(super) struct Glm<'a> {
    pub(super) config: &'a Config,
}

#[async_trait]
impl EngineSetup for Glm<'_> {
    fn usual(&self) -> &'static str {
        USUAL
    }

    fn accounts(&self) -> Vec<EngineAccount> {
        let asr = &self.config.asr;
        let usual = EngineAccount { name: USUAL.into(), limit: Some((asr.tier, asr.limit())) };
        let named = |key: &AccountKey| EngineAccount { name: key.name.clone(), limit: Some((key.tier, key.limit())) };
        std::iter::once(usual).chain(self.config.accounts.keys.iter().map(named)).collect()
    }

    fn check(&self) -> Result<(), CommandError> {
        keys(self.config).map(drop)
    }

    fn is_provider(&self) -> bool {
        true
    }

    fn pack_to_ms(&self) -> u64 {
        PACK_TO_MS
    }

    fn slots(&self) -> usize {
        let permits: usize = self.accounts().iter().filter_map(|account| account.limit).map(|(_, limit)| limit).sum();
        (permits * SLOTS_PER_PERMIT).clamp(FEWEST_SLOTS, MOST_SLOTS)
    }

    fn proof(&self) -> Option<String> {
        None
    }

    async fn open(&self, parts: &AccountParts<'_>, _: Loading) -> Result<ProviderAccounts, CommandError> {
        let mut all: HashMap<String, Arc<ProviderAccount>> = HashMap::new();
        for key in keys(self.config)? {
            let account = account(self.config, &key, parts)?;
            all.insert(key.name, Arc::new(account));
        }
        let named =
            |name: &str| all.get(name).cloned().ok_or_else(|| CommandError::plain(format!("no account {name}"), None));
        let mut bound = HashMap::new();
        for (tenant, name) in &self.config.accounts.tenants {
            bound.insert(tenant.clone(), named(name)?);
        }
        let fallback = match self.config.asr.fallback {
            FallbackKind::Local => Some(local::account(Arc::new(local::built_in(self.config)?), &parts.ledger)),
            FallbackKind::Off => None,
        };
        Ok(ProviderAccounts { usual: named(USUAL)?, bound, fallback })
    }
}

/// Every account at the provider, the usual one first.
///
/// # Errors
/// [`CommandError`] when a key is missing, or a tenant is bound to an account that is not there.
fn keys(config: &Config) -> Result<Vec<AccountKey>, CommandError> {
    let Config { asr, accounts, .. } = config;
    // Servers of one's own may ask for no key.
    let key = match (&asr.api_key, asr.dialect) {
        (Some(key), _) => key.expose().clone(),
        (None, DialectKind::OpenAi) => String::new(),
        (None, DialectKind::Glm) => {
            return Err(CommandError::usage(Problem {
                code: "config.api_key".into(),
                message: "EARMARK__ASR__ENGINE is `glm`, and EARMARK__ASR__API_KEY is not set".into(),
                hint: Some("set it to the account's key (id.secret), or use the engine `local`".into()),
            }));
        }
    };
    let mut all = vec![AccountKey { name: USUAL.into(), key, tier: asr.tier, max_in_flight: Some(asr.limit()) }];
    all.extend(accounts.keys.iter().cloned());
    for (at, account) in all.iter().enumerate() {
        if let Some(other) = all[..at].iter().find(|other| other.key == account.key && !account.key.is_empty()) {
            return Err(CommandError::usage(Problem {
                code: "config.accounts".into(),
                message: format!("the accounts `{}` and `{}` have the same key", other.name, account.name),
                hint: Some(
                    "give every account a key of its own: permits are counted for each account by itself".into(),
                ),
            }));
        }
    }
    if let Some(account) =
        all.iter().find(|one| asr.auth == AuthKind::Jwt && !one.key.is_empty() && !one.key.contains('.'))
    {
        return Err(CommandError::usage(Problem {
            code: "config.api_key".into(),
            message: format!("EARMARK__ASR__AUTH is `jwt`, and the key of the account `{}` has no dot", account.name),
            hint: Some("give the key as id.secret, or set EARMARK__ASR__AUTH=key".into()),
        }));
    }
    if asr.upload == UploadKind::Mp3 && locate::ffmpeg(config).is_none() {
        return Err(CommandError::usage(Problem {
            code: "config.upload".into(),
            message: "EARMARK__ASR__UPLOAD is `mp3`, and there is no ffmpeg".into(),
            hint: Some("apt-get install ffmpeg, set EARMARK__AUDIO__FFMPEG, or use EARMARK__ASR__UPLOAD=wav".into()),
        }));
    }
    for (tenant, account) in &accounts.tenants {
        if !all.iter().any(|known| known.name == *account) {
            let names = all.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(CommandError::usage(Problem {
                code: "config.accounts".into(),
                message: format!("EARMARK__ACCOUNTS__TENANTS binds `{tenant}` to `{account}`, which is no account"),
                hint: Some(format!("use one of {names}, or add it to EARMARK__ACCOUNTS__KEYS")),
            }));
        }
    }
    Ok(all)
}

fn account(config: &Config, key: &AccountKey, parts: &AccountParts<'_>) -> Result<ProviderAccount, CommandError> {
    let options = options(config, key);
    let http = HttpOptions {
        connect_timeout: CONNECT_TIMEOUT,
        read_timeout: options.timeouts.whole,
        timeout: None,
        // Whoever runs earmark names the provider; it may be a server in the same house.
        allow_private: true,
    };
    let client = http_client(&http).map_err(|error| CommandError::internal(&error))?;
    let (price, accounts) = (config.asr.price_cny_per_minute, &config.accounts);
    let permits = PoolOptions {
        reserve_call: accounts.reserve_call,
        reserve_archive: accounts.reserve_archive,
        dead_holder_grace: Duration::from_secs(accounts.dead_holder_grace_secs),
        ..PoolOptions::new(format!("{}/{}", key.name, options.model), options.in_flight)
    };
    let pool = (parts.shared_permits)(permits)?;
    let client = GlmClient::new(client, options, parts.clock.clone());
    Ok(ProviderAccount::new(key.name.clone(), Arc::new(client), Arc::new(pool), price, parts.ledger.clone()))
}

/// What the client of the account `key` is told.
fn options(config: &Config, key: &AccountKey) -> GlmOptions {
    let asr = &config.asr;
    let whole = Duration::from_secs(asr.request_timeout_secs);
    let usual = GlmTimeouts::default();
    GlmOptions {
        base_url: asr.base_url.expose().clone(),
        auth: match asr.auth {
            AuthKind::Key => GlmAuth::RawKey,
            AuthKind::Jwt => GlmAuth::Jwt,
        },
        model: asr.model.clone(),
        is_streaming: asr.stream,
        hotwords: match asr.hotwords {
            HotwordKind::Brackets => HotwordSpelling::Brackets,
            HotwordKind::Repeated => HotwordSpelling::Repeated,
            HotwordKind::Json => HotwordSpelling::Json,
            HotwordKind::Prompt => HotwordSpelling::Prompt,
            HotwordKind::Off => HotwordSpelling::Off,
        },
        dialect: match asr.dialect {
            DialectKind::Glm => Dialect::Glm,
            DialectKind::OpenAi => Dialect::OpenAi,
        },
        upload: match asr.upload {
            UploadKind::Wav => UploadFormat::Wav,
            UploadKind::Mp3 => UploadFormat::Mp3,
        },
        sends_source_rate: asr.upload_source_rate,
        ffmpeg: locate::ffmpeg(config),
        in_flight: key.limit(),
        billing: match asr.billing {
            BillingKind::Second => Billing::PerSecond,
            BillingKind::Exact => Billing::PerMillisecond,
        },
        timeouts: GlmTimeouts { first_byte: usual.first_byte.min(whole), idle: usual.idle.min(whole), whole },
        ..GlmOptions::new(key.key.clone())
    }
}
