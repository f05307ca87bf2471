//! Settings: `default.toml` (the manual) < a file < the environment.
//!
//! One file per section. Every key stands in `default.toml`; anything else is refused with the nearest known key.

mod accounts;
mod alerts;
mod asr;
mod audio;
mod command_error;
mod database;
mod environment;
mod error;
mod hidden;
mod http;
mod intake;
pub mod locate;
mod log;
mod merge;
mod notify;
mod queue;
mod retention;
mod rules;
mod shown;
mod source_profile;
mod storage;
pub mod text_file;
mod tier;
mod value;
mod worker;

use std::path::Path;

use serde::Deserialize;

pub use accounts::{AccountKey, Accounts, BUILT_IN, USUAL};
pub use alerts::Alerts;
pub use asr::{Asr, AuthKind, BillingKind, DialectKind, EngineKind, FallbackKind, HotwordKind, UploadKind};
pub use audio::{Audio, ExchangeKind};
pub use command_error::CommandError;
pub use database::Database;
pub use environment::environment;
pub use error::ConfigProblem;
pub use hidden::Hidden;
pub use http::{ApiKey, Http};
pub use intake::{IncompleteKind, Intake};
pub use log::{Log, LogFormat};
pub use merge::Setting;
pub use notify::Notify;
pub use queue::Queue;
pub use retention::Retention;
pub use rules::Rules;
pub use source_profile::SourceProfile;
pub use storage::{Output, PathStyleKind, SseKind, Storage};
pub use tier::Tier;
pub use worker::{Worker, cores};

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The journal's database.
    pub database: Database,
    /// How jobs reach workers.
    pub queue: Queue,
    /// Recordings in, artifacts out.
    pub storage: Storage,
    /// How recordings are found among other files.
    pub intake: Intake,
    /// Decoding and cutting.
    pub audio: Audio,
    /// Who transcribes.
    pub asr: Asr,
    /// Accounts at the provider.
    pub accounts: Accounts,
    /// What transcripts are judged by.
    pub rules: Rules,
    /// Jobs on this machine.
    pub worker: Worker,
    /// Where the API listens, and for whom.
    pub http: Http,
    /// The receiver of outcomes.
    pub notify: Notify,
    /// When the queue is something to look at.
    pub alerts: Alerts,
    /// How long things are kept.
    pub retention: Retention,
    /// What is logged, and how.
    pub log: Log,
}

impl Config {
    /// Reads the settings; `file` and `environment` (name, value) override the defaults.
    ///
    /// # Errors
    /// [`ConfigProblem`] naming the variable or the file's key, the value and the choices.
    pub fn load(file: Option<&Path>, environment: &[(String, String)]) -> Result<(Self, Vec<Setting>), ConfigProblem> {
        let sources = merge::SettingSources::read(file, environment)?;
        let config: Self = sources.merge()?;
        if let Some((key, code)) = config.asr.unknown_language() {
            let hint = format!("use languages that the built-in engine knows; `{code}` is none of its");
            return Err(sources.refused(key, hint));
        }
        Ok((config, sources.settings()))
    }
}

#[cfg(test)]
mod tests {
    use super::merge::Origin;
    use super::*;

    fn load(environment: &[(&str, &str)]) -> Result<(Config, Vec<Setting>), ConfigProblem> {
        let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Config::load(None, &environment)
    }

    #[test]
    fn the_defaults_are_complete_and_valid() {
        let (config, settings) = load(&[]).unwrap();
        assert_eq!((config.worker.slots, config.audio.pack_to_ms), (None, None));
        assert_eq!(config.asr.tier, Tier::V0);
        assert_eq!(config.asr.languages, ["zh", "en"]);
        assert!(settings.iter().all(|setting| setting.origin == Origin::Default));
        assert!(settings.len() > 30);
    }

    #[test]
    fn a_stop_takes_less_by_default_than_whoever_runs_the_program_waits() {
        let (config, _) = load(&[]).unwrap();
        // Kubernetes kills after 30 s (terminationGracePeriodSeconds).
        assert_eq!(config.worker.longest_stop(), std::time::Duration::from_secs(28));
    }

    #[test]
    fn the_environment_wins_and_texts_stay_texts() {
        let (config, settings) = load(&[
            ("EARMARK__WORKER__SLOTS", "7"),
            ("EARMARK__ASR__API_KEY", "0123"),
            ("EARMARK__HTTP__API_KEYS", "crm=s3cret@V0, qa=x@V3"),
            ("EARMARK_CONFIG", "ignored here"),
        ])
        .unwrap();
        assert_eq!(config.worker.slots, Some(7));
        assert_eq!(config.asr.api_key.map(|key| key.expose().clone()).as_deref(), Some("0123"));
        assert_eq!(config.http.api_keys.len(), 2);
        let slots = settings.iter().find(|setting| setting.key == "worker.slots").unwrap();
        assert_eq!((slots.value.as_str(), &slots.origin), ("7", &Origin::Variable("EARMARK__WORKER__SLOTS".into())));
    }

    #[test]
    fn secrets_are_hidden() {
        let (_, settings) = load(&[
            ("EARMARK__ASR__API_KEY", "s3cret"),
            ("EARMARK__ACCOUNTS__KEYS", "night=s3cret@V1"),
            ("EARMARK__ASR__PERMITS_URL", "redis://:s3cret@localhost"),
            ("EARMARK__DATABASE__URL", "postgres://me:s3cret@localhost/earmark?password=s3cret&sslmode=require"),
            ("EARMARK__HTTP__API_KEYS", "crm=s3cret@V0"),
            ("EARMARK__NOTIFY__SECRET", "s3cret"),
            ("EARMARK__NOTIFY__URL", "https://u:s3cret@example.org/"),
        ])
        .unwrap();
        assert!(settings.iter().all(|setting| !setting.value.contains("s3cret")), "{settings:?}");
    }

    #[test]
    fn a_wrong_value_is_answered_with_variable_value_and_choices() {
        for (name, value, message, hint) in [
            ("EARMARK__ASR__TIER", "V9", "EARMARK__ASR__TIER is `V9`", "use one of V0, V1, V2, V3"),
            ("EARMARK__ASR__ENGINE", "gml", "EARMARK__ASR__ENGINE is `gml`", "use one of local, glm"),
            ("EARMARK__WORKER__SLOTS", "0", "EARMARK__WORKER__SLOTS is `0`", "between 1 and 256"),
            ("EARMARK__WORKER__SLOTS", "many", "EARMARK__WORKER__SLOTS is `many`", "whole number"),
            ("EARMARK__ASR__LANGUAGE", "zh-CN", "EARMARK__ASR__LANGUAGE is `zh-CN`", "write zh"),
            ("EARMARK__ASR__LANGUAGES", "[\"zh\",\"en\"]", "EARMARK__ASR__LANGUAGES", "commas"),
            ("EARMARK__ASR__LANGUAGES", "zh-CN,en-US", "EARMARK__ASR__LANGUAGES is `zh-CN,en-US`", "write zh"),
            ("EARMARK__ASR__LANGUAGE", "xx", "EARMARK__ASR__LANGUAGE is `xx`", "`xx` is none of its"),
            ("EARMARK__ASR__LANGUAGES", "zh,eng", "EARMARK__ASR__LANGUAGES is `zh,eng`", "`eng` is none of its"),
            ("EARMARK__ACCOUNTS__KEYS", "night=k y@V1", "EARMARK__ACCOUNTS__KEYS is (hidden)", "without spaces"),
            ("EARMARK__ASR__TEIR", "V0", "EARMARK__ASR__TEIR is not a setting", "EARMARK__ASR__TIER"),
            ("EARMARK__DATABASE__URL", "mysql://x", "EARMARK__DATABASE__URL is `mysql://x`", "sqlite:"),
            ("EARMARK__HTTP__LISTEN", "8080", "EARMARK__HTTP__LISTEN is `8080`", "127.0.0.1:8080"),
            ("EARMARK__ACCOUNTS__KEYS", "night=k@V1/0", "EARMARK__ACCOUNTS__KEYS", "name=key@tier"),
            ("EARMARK__ACCOUNTS__KEYS", "default=k@V1", "EARMARK__ACCOUNTS__KEYS", "another name"),
            ("EARMARK__ACCOUNTS__TENANTS", "bank", "EARMARK__ACCOUNTS__TENANTS is `bank`", "tenant=account"),
            ("EARMARK__ACCOUNTS__BUDGETS", "bank=-1", "EARMARK__ACCOUNTS__BUDGETS", "tenant=yuan"),
            ("EARMARK__ACCOUNTS__DAY_BEGINS", "8", "EARMARK__ACCOUNTS__DAY_BEGINS is `8`", "+08:00"),
            ("EARMARK__INTAKE__EXCLUDE", "*.vtt,[", "EARMARK__INTAKE__EXCLUDE is `*.vtt,[`", "list of characters"),
            ("EARMARK__INTAKE__LEGS", "(in|out)", "EARMARK__INTAKE__LEGS is `(in|out)`", "(?P<leg>in|out)"),
            ("EARMARK__INTAKE__NAME_PATTERN", "(?P<a>[", "EARMARK__INTAKE__NAME_PATTERN", "unclosed"),
            ("EARMARK__INTAKE__ZONE", "CET", "EARMARK__INTAKE__ZONE is `CET`", "+08:00"),
            ("EARMARK__INTAKE__SIDECAR", "meta.json", "EARMARK__INTAKE__SIDECAR is `meta.json`", "{stem}.json"),
            ("EARMARK__INTAKE__SIDECAR_FIELDS", "agent", "EARMARK__INTAKE__SIDECAR_FIELDS", "agent=/Agent/Username"),
            ("EARMARK__ASR__BASE_URL", "open.bigmodel.cn", "EARMARK__ASR__BASE_URL is `open.bigmodel.cn`", "https://"),
            ("EARMARK__ASR__GLOSSARIES", "bank", "EARMARK__ASR__GLOSSARIES is `bank`", "tenant=word|word"),
            ("EARMARK__HTTP__API_KEYS", "crm", "EARMARK__HTTP__API_KEYS", "name=key@tier"),
            ("EARMARK__HTTP__API_KEYS", "crm=a@V0,,qa=b@V1", "EARMARK__HTTP__API_KEYS", "nothing between two commas"),
            ("EARMARK__HTTP__API_KEYS", "crm=a@V0,crm=b@V1", "EARMARK__HTTP__API_KEYS", "`crm` stands there twice"),
            ("EARMARK__AUDIO__SPEAKERS", ",,,", "EARMARK__AUDIO__SPEAKERS is `,,,`", "nothing between two commas"),
            ("EARMARK__AUDIO__SPEAKERS", "agent,<v x>", "EARMARK__AUDIO__SPEAKERS", "letters, digits"),
            ("EARMARK__AUDIO__SPEAKERS", "a\u{7}b", "EARMARK__AUDIO__SPEAKERS", "letters, digits"),
            (
                "EARMARK__AUDIO__TENANT_SPEAKERS",
                "acme",
                "EARMARK__AUDIO__TENANT_SPEAKERS is `acme`",
                "tenant=speaker|speaker",
            ),
            (
                "EARMARK__AUDIO__TENANT_SPEAKERS",
                "acme=a|<b>",
                "EARMARK__AUDIO__TENANT_SPEAKERS",
                "tenant=speaker|speaker",
            ),
            ("EARMARK__AUDIO__TENANT_SPEAKERS", "acme=a|b,acme=b|a", "EARMARK__AUDIO__TENANT_SPEAKERS", "twice"),
            ("EARMARK__AUDIO__SPEAKER_RULES", "name=*.wav", "EARMARK__AUDIO__SPEAKER_RULES is `name=*.wav`", "no `->`"),
            (
                "EARMARK__AUDIO__SPEAKER_RULES",
                "direction=out -> a|b",
                "EARMARK__AUDIO__SPEAKER_RULES",
                "metadata.KEY=PATTERN",
            ),
            (
                "EARMARK__AUDIO__SPEAKER_RULES",
                "name=* -> a|",
                "EARMARK__AUDIO__SPEAKER_RULES",
                "`` is no name of a speaker",
            ),
            (
                "EARMARK__AUDIO__SPEAKER_RULES",
                "name=* -> a|b,",
                "EARMARK__AUDIO__SPEAKER_RULES",
                "nothing between two commas",
            ),
            (
                "EARMARK__AUDIO__SOURCE_PROFILE",
                "genesys",
                "EARMARK__AUDIO__SOURCE_PROFILE is `genesys`",
                "use one of amazon-connect",
            ),
            (
                "EARMARK__AUDIO__TENANT_PROFILES",
                "acme=connect",
                "EARMARK__AUDIO__TENANT_PROFILES",
                "one of amazon-connect",
            ),
            (
                "EARMARK__AUDIO__EXCHANGE_SPEAKERS",
                "yes",
                "EARMARK__AUDIO__EXCHANGE_SPEAKERS is `yes`",
                "use one of off, warn, exchange",
            ),
            ("EARMARK__AUDIO__SOUND_RULES", "name=*.raw -> mp3", "EARMARK__AUDIO__SOUND_RULES", "use one of pcm_s16le"),
            (
                "EARMARK__AUDIO__SOUND_RULES",
                "name=*.raw -> pcm_s16le:1",
                "EARMARK__AUDIO__SOUND_RULES",
                "4000 to 384000 Hz",
            ),
            (
                "EARMARK__AUDIO__SOUND_RULES",
                "tenant=acme -> pcm_s16le",
                "EARMARK__AUDIO__SOUND_RULES",
                "which files have no header",
            ),
            ("EARMARK__AUDIO__MONO_SPEAKER", &"x".repeat(33), "EARMARK__AUDIO__MONO_SPEAKER", "1 to 32"),
            ("EARMARK__AUDIO__MONO_SPEAKER", "a\nb", "EARMARK__AUDIO__MONO_SPEAKER", "letters, digits"),
        ] {
            let problem = load(&[(name, value)]).expect_err(name);
            assert!(problem.to_string().contains(message), "{name}: {problem}");
            assert!(problem.hint().contains(hint), "{name}: {}", problem.hint());
        }
    }

    #[test]
    fn speakers_may_have_names_of_any_script() {
        let (config, _) = load(&[
            ("EARMARK__AUDIO__SPEAKERS", "坐席, Müller-Lüdenscheidt_2 b"),
            ("EARMARK__AUDIO__MONO_SPEAKER", " 客户 "),
        ])
        .unwrap();
        assert_eq!(config.audio.speakers, ["坐席", "Müller-Lüdenscheidt_2 b"]);
        assert_eq!(config.audio.mono_speaker, "客户");
    }

    #[test]
    fn speakers_and_sound_may_differ_by_tenant_and_rule() {
        let (config, _) = load(&[
            ("EARMARK__AUDIO__TENANT_SPEAKERS", "acme=customer|agent, b=坐席"),
            ("EARMARK__AUDIO__TENANT_PROFILES", "c=freeswitch"),
            ("EARMARK__AUDIO__SOURCE_PROFILE", "amazon-connect"),
            (
                "EARMARK__AUDIO__SPEAKER_RULES",
                "metadata.direction=outbound & tenant=acme -> agent|customer, name=*-in.wav -> 客户",
            ),
            ("EARMARK__AUDIO__SOUND_RULES", "tenant=acme & name=*.raw -> pcm_s16le:8000:2"),
        ])
        .unwrap();
        let audio = config.audio;
        assert_eq!((audio.tenant_speakers.len(), audio.speaker_rules.len()), (2, 2));
        assert_eq!(audio.sound_rules[0].value.to_string(), "pcm_s16le:8000:2");
        assert!(["agent", "customer", "坐席", "客户", "unknown"].iter().all(|name| audio.everybody().contains(name)));
    }

    #[test]
    fn a_setting_that_is_not_text_is_refused_by_name() {
        use std::os::unix::ffi::OsStringExt;
        let garbled = || std::ffi::OsString::from_vec(vec![b'x', 0xff]);
        let problem = environment([("EARMARK__HTTP__API_KEYS".into(), garbled())]).expect_err("not UTF-8");
        assert_eq!(problem.to_string(), "EARMARK__HTTP__API_KEYS is not UTF-8");
        let others = environment([("LESSKEY".into(), garbled()), (garbled(), "x".into()), ("A".into(), "b".into())]);
        assert_eq!(others.unwrap(), [("A".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn an_empty_variable_says_as_much_as_none() {
        let names = load(&[])
            .unwrap()
            .1
            .into_iter()
            .map(|setting| format!("EARMARK__{}", setting.key.replace('.', "__").to_uppercase()));
        let empty: Vec<(String, String)> = names.map(|name| (name, " ".into())).collect();
        let (config, settings) = Config::load(None, &empty).unwrap();
        assert!(settings.iter().all(|setting| setting.origin == Origin::Default), "{settings:?}");
        assert_eq!((config.audio.mono_speaker.as_str(), config.asr.languages.len()), ("unknown", 2));
    }

    #[test]
    fn neither_settings_nor_what_is_wrong_with_them_show_a_secret() {
        for (name, value) in [
            ("EARMARK__QUEUE__URL", "redis://:s3cr#et@redis.example.org/0"),
            ("EARMARK__QUEUE__URL", "\"redis://:s3cr#et@redis.example.org/0\""),
            ("EARMARK__DATABASE__URL", "postgres://earmark:s3cr/et@db.example.org/earmark"),
            ("EARMARK__DATABASE__URL", "postgres://earmark:12/s3cret@db.example.org/earmark"),
            ("EARMARK__ASR__PERMITS_URL", "'redis://:s3cret@redis.example.org/0'"),
            ("EARMARK__NOTIFY__URL", "https://hooks.example.org/in?token=s3cret-3"),
            ("EARMARK__NOTIFY__URL", "https://hooks.example.org/s3cret"),
            ("EARMARK__NOTIFY__URL", "\"https://hooks.example.org/in?token=s3cret-3\""),
            ("EARMARK__ASR__BASE_URL", "https://u:s3cret@asr.example.org/v1?key=s3cret"),
            ("EARMARK__ASR__API_KEY", "'s3cret'"),
            ("EARMARK__HTTP__API_KEYS", "\"crm=s3cret@V0\""),
            ("EARMARK__STORAGE__S3_ENDPOINT", "https://id:s3cret@s3.example.org"),
            ("EARMARK__STORAGE__OUTPUT", "s3://id:s3cret@calls/x"),
        ] {
            let told = match load(&[(name, value)]) {
                Ok((config, settings)) => format!("{config:?} {settings:?}"),
                Err(problem) => format!("{problem} {} {problem:?}", problem.hint()),
            };
            assert!(!told.contains("s3cr") && !told.contains("et@"), "{name} {value}: {told}");
            if value.contains("s3cr#") || value.contains("s3cr/") {
                assert!(["%23", "%2F", "%40"].iter().all(|sign| told.contains(sign)), "{told}");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("earmark.toml");
        for text in ["[asr]\napi_key = \"s3cret", "[asr]\napi_key = s3cret"] {
            std::fs::write(&file, text).unwrap();
            let problem = Config::load(Some(&file), &[]).expect_err(text);
            let told = format!("{problem} {} {problem:?}", problem.hint());
            assert!(!told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn a_secret_is_not_printed_in_an_error() {
        let problem = load(&[("EARMARK__HTTP__API_KEYS", "crm=hunter2@V9")]).expect_err("no such tier");
        assert!(!format!("{problem} {}", problem.hint()).contains("hunter2"), "{problem}");
        let problem =
            load(&[("EARMARK__DATABASE__URL", "postgre://me:hunter2@db/earmark")]).expect_err("no such scheme");
        assert!(!format!("{problem} {}", problem.hint()).contains("hunter2"), "{problem}");
    }
}
