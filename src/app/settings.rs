//! Settings as the pipeline and the recogniser want them.

use std::time::Duration;

use earmark_asr::glm::{Billing, Dialect, GlmAuth, GlmOptions, GlmTimeouts, HotwordSpelling};
use earmark_asr::{LanguageChoice, UploadFormat};
use earmark_audio::segment::SegmentOptions;
use earmark_core::{Problem, Speaker};
use earmark_journal::Budget;
use earmark_objects::{FetchLimits, PathStyle, S3Options, Sse};
use earmark_pipeline::{Settings, Speakers};

use crate::config::CommandError;
use crate::config::locate;
use crate::config::{
    AccountKey, AuthKind, BillingKind, Config, DialectKind, EngineKind, HotwordKind, PathStyleKind, SseKind, USUAL,
    UploadKind,
};

/// Clips for the built-in engine: the fewest errors on calls (ARCHITECTURE.md).
const PACK_LOCAL_MS: u64 = 16_000;
/// Clips for a recogniser that has so many requests at a time: what it takes.
const PACK_GLM_MS: u64 = 28_000;
/// Recordings at a time where the processor is the limit.
const SLOTS_LOCAL: usize = 2;
/// Recordings at a time for each permit: while one is transcribed the next is fetched and decoded.
const SLOTS_PER_PERMIT: usize = 2;
/// More would only take up memory and disk.
const MOST_SLOTS: usize = 64;

/// What the pipeline is told.
///
/// # Errors
/// [`CommandError`] when there is no folder for temporary files.
pub fn pipeline(config: &Config) -> Result<Settings, CommandError> {
    let Config { storage, audio, asr, .. } = config;
    let pack_to_ms = audio.pack_to_ms.unwrap_or(match asr.engine {
        EngineKind::Local => PACK_LOCAL_MS,
        EngineKind::Glm => PACK_GLM_MS,
    });
    Ok(Settings {
        temp_dir: locate::make_temp_dir(config)?,
        fetch: FetchLimits {
            max_bytes: storage.max_bytes,
            connect_timeout: Duration::from_secs(storage.connect_timeout_secs),
            timeout: Duration::from_secs(storage.fetch_timeout_secs),
            allow_private: storage.allow_private_hosts,
        },
        max_duration_ms: audio.max_duration_secs * 1000,
        decode_timeout: Duration::from_secs(audio.decode_timeout_secs),
        segment_timeout: Duration::from_secs(audio.segment_timeout_secs),
        flag_timeout: Duration::from_secs(config.rules.timeout_secs),
        stop_time: Duration::from_secs(config.worker.stop_secs),
        decode_memory_bytes: audio.decode_memory_bytes,
        ffmpeg: locate::ffmpeg(config),
        segment: SegmentOptions { pack_to_ms, ..SegmentOptions::default() },
        speakers: Speakers {
            by_channel: audio.speakers.iter().cloned().map(Speaker).collect(),
            mono: Speaker(audio.mono_speaker.clone()),
        },
        language: language(config),
        prompt: asr.prompt.clone(),
        glossary: asr.glossary.clone(),
        glossaries: asr.glossaries.clone().into_iter().collect(),
        has_words: asr.word_times,
    })
}

/// How the object store is reached.
pub fn s3(config: &Config) -> S3Options {
    let storage = &config.storage;
    S3Options {
        endpoint: storage.s3_endpoint.as_ref().map(|endpoint| endpoint.as_str().trim_end_matches('/').to_owned()),
        path_style: match storage.s3_path_style {
            PathStyleKind::Auto => PathStyle::Auto,
            PathStyleKind::Always => PathStyle::Always,
            PathStyleKind::Never => PathStyle::Never,
        },
        connect_timeout: Duration::from_secs(storage.connect_timeout_secs),
        ..S3Options::default()
    }
}

/// How the object store encrypts artifacts.
pub fn sse(config: &Config) -> Sse {
    match config.storage.s3_sse {
        SseKind::None => Sse::AsTheBucket,
        SseKind::Aes256 => Sse::Aes256,
        SseKind::Kms => Sse::Kms(config.storage.s3_sse_kms_key_id.clone()),
    }
}

/// Which language recordings are in.
pub fn language(config: &Config) -> LanguageChoice {
    match config.asr.language.as_str() {
        "auto" => LanguageChoice::Detect { candidates: config.asr.languages.clone(), likely: None },
        language => LanguageChoice::Fixed(language.into()),
    }
}

/// Every account at the provider, the usual one first.
///
/// # Errors
/// [`CommandError`] when a key is missing, or a tenant is bound to an account that is not there.
pub fn accounts(config: &Config) -> Result<Vec<AccountKey>, CommandError> {
    let Config { asr, accounts, .. } = config;
    // Servers of one's own may ask for no key.
    let key = match (&asr.api_key, asr.dialect) {
        (Some(key), _) => key.clone(),
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

/// What the client of `account` is told.
pub fn glm(config: &Config, account: &AccountKey) -> GlmOptions {
    let asr = &config.asr;
    let whole = Duration::from_secs(asr.request_timeout_secs);
    let usual = GlmTimeouts::default();
    GlmOptions {
        base_url: asr.base_url.clone(),
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
        in_flight: account.limit(),
        billing: match asr.billing {
            BillingKind::Second => Billing::PerSecond,
            BillingKind::Exact => Billing::PerMillisecond,
        },
        timeouts: GlmTimeouts { first_byte: usual.first_byte.min(whole), idle: usual.idle.min(whole), whole },
        ..GlmOptions::new(account.key.clone())
    }
}

/// What may be spent a day; none where there is no limit.
pub fn budget(yuan: f64) -> Option<Budget> {
    #[expect(clippy::cast_possible_truncation, reason = "saturating, and rounded before")]
    let limit_micro_cny = (yuan * 1_000_000.0).round() as i64;
    (limit_micro_cny > 0).then_some(Budget { limit_micro_cny })
}

/// Recordings at a time on this machine.
pub fn slots(config: &Config) -> usize {
    let permits = || config.asr.limit() + config.accounts.keys.iter().map(AccountKey::limit).sum::<usize>();
    config.worker.slots.unwrap_or_else(|| match config.asr.engine {
        EngineKind::Local => SLOTS_LOCAL,
        EngineKind::Glm => (permits() * SLOTS_PER_PERMIT).clamp(SLOTS_LOCAL, MOST_SLOTS),
    })
}

/// Threads of the built-in engine.
pub fn threads(config: &Config) -> usize {
    match config.asr.threads {
        0 => cores(),
        threads => threads,
    }
}

/// Cores of this machine, at least one.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
