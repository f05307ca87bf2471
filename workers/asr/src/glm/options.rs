//! How the client of a recogniser elsewhere is set up. What the provider leaves open is an option here.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// How a recogniser elsewhere is reached and spoken to.
#[derive(Clone)]
pub struct GlmOptions {
    /// What `/audio/transcriptions` is added to.
    pub base_url: Url,
    /// `id.secret` of the account; for servers of one's own whatever they ask for, may be empty.
    pub api_key: String,
    /// How the key is shown.
    pub auth: GlmAuth,
    /// The model's name at the provider.
    pub model: String,
    /// Whether the text comes piece by piece.
    pub is_streaming: bool,
    /// How the glossary is spelled in the request.
    pub hotwords: HotwordSpelling,
    /// Whose fields are sent.
    pub dialect: Dialect,
    /// As what samples go up.
    pub upload: crate::UploadFormat,
    /// Whether what was recorded at 8 kHz goes up at 8 kHz, half the bytes; otherwise everything has 16 kHz.
    pub sends_source_rate: bool,
    /// The ffmpeg program, for MP3.
    pub ffmpeg: Option<PathBuf>,
    /// Longest clip that is cut for this recogniser.
    pub max_clip_ms: u64,
    /// The largest file that goes up, in bytes.
    pub max_bytes: usize,
    /// Requests that are worth having under way at once: the account's tier.
    pub in_flight: usize,
    /// How much of a clip's length is paid for.
    pub billing: Billing,
    /// How long to wait for what.
    pub timeouts: GlmTimeouts,
}

/// GLM-ASR in China. <https://docs.bigmodel.cn/cn/guide/models/sound-and-video/glm-asr-2512>
const BASE_URL: &str = "https://open.bigmodel.cn/api/paas/v4";
const MODEL: &str = "glm-asr-2512";
/// A request takes 30 s; the rest is for what the provider may count differently.
const MAX_CLIP_MS: u64 = 28_000;
const MAX_BYTES: usize = 25 * 1024 * 1024;
/// What the provider's lowest tier, V0, allows at once.
const IN_FLIGHT: usize = 5;

impl GlmOptions {
    /// GLM-ASR in China with the account's `api_key` at tier V0, not streaming, uploads in WAV.
    pub fn new(api_key: String) -> Self {
        Self {
            base_url: BASE_URL.parse().expect("the address above"),
            api_key,
            auth: GlmAuth::RawKey,
            model: MODEL.into(),
            is_streaming: false,
            hotwords: HotwordSpelling::Brackets,
            dialect: Dialect::Glm,
            upload: crate::UploadFormat::Wav,
            sends_source_rate: false,
            ffmpeg: None,
            max_clip_ms: MAX_CLIP_MS,
            max_bytes: MAX_BYTES,
            in_flight: IN_FLIGHT,
            billing: Billing::PerMillisecond,
            timeouts: GlmTimeouts::default(),
        }
    }
}

impl std::fmt::Debug for GlmOptions {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GlmOptions")
            .field("base_url", &earmark_core::shown_server(self.base_url.as_str()))
            .field("model", &self.model)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// How the key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlmAuth {
    /// As it is, behind `Bearer`.
    RawKey,
    /// As a token signed with the key's second half, new for each request; the provider's older form.
    Jwt,
}

/// How the glossary is spelled in the request: at most 100 terms. Which one the provider reads is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HotwordSpelling {
    /// A field `hotwords[]` for each.
    Brackets,
    /// A field `hotwords` for each.
    Repeated,
    /// One field `hotwords` with a JSON list.
    Json,
    /// At the head of the prompt.
    Prompt,
    /// Not at all: the glossary stays here.
    Off,
}

/// Whose fields are sent. Answers of all are understood in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// GLM-ASR's own: its ids, its hotwords, no language.
    Glm,
    /// OpenAI's, as vLLM, SGLang, speaches and others take them: `response_format=json`, the language where it is
    /// known, and the glossary in the prompt, however else it would be spelled.
    OpenAi,
}

/// How much of a clip's length is paid for. What the provider rounds is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// All of it, exactly.
    PerMillisecond,
    /// Whole seconds, each begun one.
    PerSecond,
}

/// How long to wait for what. Connecting is limited by the HTTP client that is handed in, whose other limits must not be
/// shorter than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlmTimeouts {
    /// From the start of the upload to the head of the answer. Default: 120 s.
    pub first_byte: Duration,
    /// Between two pieces of the answer. Default: 30 s.
    pub idle: Duration,
    /// For request and answer together. Default: 300 s.
    pub whole: Duration,
}

impl Default for GlmTimeouts {
    fn default() -> Self {
        Self { first_byte: Duration::from_secs(120), idle: Duration::from_secs(30), whole: Duration::from_secs(300) }
    }
}
