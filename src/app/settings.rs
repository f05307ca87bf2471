//! Settings as the parts want them that take more than a name: what is said once in `config` in words goes to each part in
//! its own.

use std::time::Duration;

use earmark_asr::LanguageChoice;
use earmark_audio::segment::SegmentOptions;
use earmark_core::Speaker;
use earmark_intake::Look;
use earmark_journal::{AlertLimits, Budget, Caps, DatabaseOptions};
use earmark_objects::{FetchLimits, FileRoots, PathStyle, S3Options, Sse, known_version};
use earmark_pipeline::{ExchangeMode, Profile, Settings, Sources, Speakers};

use crate::config::{self, CommandError, Config, ExchangeKind, PathStyleKind, SourceProfile, SseKind, locate};
use crate::engines;

/// Where others offer recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The API.
    Http,
    /// The intake stream.
    Redis,
}

/// How the database is used.
pub(super) fn database(config: &config::Database) -> DatabaseOptions {
    DatabaseOptions {
        connections: config.connections,
        acquire_timeout: Duration::from_secs(config.acquire_timeout_secs),
        statement_timeout: Duration::from_secs(config.statement_timeout_secs),
        lock_timeout: Duration::from_secs(config.lock_timeout_secs),
        idle_in_transaction_timeout: Duration::from_secs(config.idle_in_transaction_timeout_secs),
    }
}

/// How many jobs of a tenant may be in work.
pub(super) fn caps(config: &config::Queue) -> Caps {
    Caps::new(config.tenant_jobs, config.tenant_caps.clone())
}

/// From when on the queue is something to look at.
pub(super) fn alert_limits(config: &config::Alerts) -> AlertLimits {
    let ms = |secs: u32| (secs > 0).then(|| i64::from(secs) * 1000);
    AlertLimits {
        no_worker_ms: ms(config.no_worker_secs),
        oldest_job_ms: ms(config.oldest_job_secs),
        dead_per_hour: (config.dead_per_hour > 0).then(|| config.dead_per_hour.into()),
    }
}

/// How the object store is reached.
pub(super) fn s3(config: &Config) -> S3Options {
    let storage = &config.storage;
    S3Options {
        endpoint: storage
            .s3_endpoint
            .as_ref()
            .map(|endpoint| endpoint.expose().as_str().trim_end_matches('/').to_owned()),
        path_style: match storage.s3_path_style {
            PathStyleKind::Auto => PathStyle::Auto,
            PathStyleKind::Always => PathStyle::Always,
            PathStyleKind::Never => PathStyle::Never,
        },
        connect_timeout: Duration::from_secs(storage.connect_timeout_secs),
        ..S3Options::default()
    }
}

/// The folders that others may name recordings in.
pub(super) fn file_roots(config: &Config) -> FileRoots {
    FileRoots::new(config.storage.file_roots.iter().map(|root| root.0.clone()))
}

/// What may be seen of recordings that are offered at `door`. Where nobody but this machine's own people can offer any,
/// and no folders are set up for others, they may name any file.
pub(super) fn look(config: &Config, door: Door) -> Look {
    let roots = file_roots(config);
    let is_ours_alone = config.http.api_keys.is_empty() && config.http.listen.ip().is_loopback();
    let is_open = match door {
        Door::Http => is_ours_alone,
        Door::Redis => is_ours_alone && config.queue.is_on_this_machine(),
    };
    if is_open && roots.is_empty() {
        return Look::anywhere(known_version);
    }
    Look::within(known_version, move |path| roots.hold(path))
}

/// How the object store encrypts artifacts.
pub(super) fn sse(config: &Config) -> Sse {
    match config.storage.s3_sse {
        SseKind::None => Sse::AsTheBucket,
        SseKind::Aes256 => Sse::Aes256,
        SseKind::Kms => Sse::Kms(config.storage.s3_sse_kms_key_id.clone()),
    }
}

/// What the pipeline is told.
///
/// # Errors
/// [`CommandError`] when there is no folder for temporary files.
pub(super) fn pipeline(config: &Config) -> Result<Settings, CommandError> {
    let Config { storage, audio, asr, .. } = config;
    let pack_to_ms = audio.pack_to_ms.unwrap_or_else(|| engines::of(config).pack_to_ms());
    Ok(Settings {
        temp_dir: locate::make_temp_dir(config)?,
        fetch: FetchLimits {
            max_bytes: storage.max_bytes,
            connect_timeout: Duration::from_secs(storage.connect_timeout_secs),
            timeout: Duration::from_secs(storage.fetch_timeout_secs),
            allow_private: storage.allow_private_hosts,
            is_confined: false,
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
        sources: sources(audio),
        exchange: match audio.exchange_speakers {
            ExchangeKind::Off => ExchangeMode::Off,
            ExchangeKind::Warn => ExchangeMode::Warn,
            ExchangeKind::Exchange => ExchangeMode::Exchange,
        },
        language: language(config),
        prompt: asr.prompt.clone(),
        glossary: asr.glossary.clone(),
        glossaries: asr.glossaries.clone().into_iter().collect(),
        has_words: asr.word_times,
    })
}

/// What holds for recordings of some tenants, recorders and names.
fn sources(audio: &config::Audio) -> Sources {
    let profile = |profile: &SourceProfile| Profile { name: profile.to_string(), rules: profile.rules() };
    let profiles = audio.tenant_profiles.iter();
    Sources {
        speaker_rules: audio.speaker_rules.clone(),
        tenant_speakers: audio.tenant_speakers.clone(),
        tenant_profiles: profiles.map(|(tenant, recorder)| (tenant.clone(), profile(recorder))).collect(),
        profile: audio.source_profile.as_ref().map(profile),
        sound_rules: audio.sound_rules.clone(),
    }
}

/// Which language recordings are in.
fn language(config: &Config) -> LanguageChoice {
    match config.asr.language.as_str() {
        "auto" => LanguageChoice::Detect { candidates: config.asr.languages.clone(), likely: None },
        language => LanguageChoice::Fixed(language.into()),
    }
}

/// What may be spent a day; none where there is no limit.
pub(super) fn budget(yuan: f64) -> Option<Budget> {
    #[expect(clippy::as_conversions, reason = "no From for floats; saturating, and rounded before")]
    let limit_micro_cny = (yuan * 1_000_000.0).round() as i64;
    (limit_micro_cny > 0).then_some(Budget { limit_micro_cny })
}

/// Recordings at a time on this machine.
pub(super) fn slots(config: &Config) -> usize {
    config.worker.slots.unwrap_or_else(|| engines::of(config).slots())
}
