//! `[asr]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::hidden::Hidden;
use super::tier::Tier;
use super::value::{between, by_tenant, choice, flag, list, optional, web_address, yuan};
use super::worker::cores;
use earmark_core::{Tenant, check_server};

choice! {
    /// Who transcribes. What else depends on it is told in `engines`.
    EngineKind {
        /// The engine built in.
        Local = "local",
        /// GLM-ASR.
        Glm = "glm",
    }
}

choice! {
    /// How a key is shown to the provider.
    AuthKind {
        /// As it is.
        Key = "key",
        /// As a signed token.
        Jwt = "jwt",
    }
}

choice! {
    /// Whose fields are sent.
    DialectKind {
        /// GLM-ASR's own.
        Glm = "glm",
        /// OpenAI's, as vLLM, SGLang, speaches and others take them.
        OpenAi = "openai",
    }
}

choice! {
    /// As what clips go up.
    UploadKind {
        /// 32 kB a second.
        Wav = "wav",
        /// 6 kB a second.
        Mp3 = "mp3",
    }
}

choice! {
    /// How the glossary is spelled in a request.
    HotwordKind {
        /// A field `hotwords[]` for each.
        Brackets = "brackets",
        /// A field `hotwords` for each.
        Repeated = "repeated",
        /// One field with a JSON list.
        Json = "json",
        /// At the head of the prompt.
        Prompt = "prompt",
        /// Left out.
        Off = "off",
    }
}

choice! {
    /// How much of a clip's length is paid for.
    BillingKind {
        /// Whole seconds, each begun one.
        Second = "second",
        /// All of it, exactly.
        Exact = "exact",
    }
}

choice! {
    /// Who transcribes what the provider refuses.
    FallbackKind {
        /// The engine built in.
        Local = "local",
        /// Nobody.
        Off = "off",
    }
}

/// Languages of multilingual Whisper models.
const WHISPERS: &str = "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht \
    hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si \
    sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh";

/// Who transcribes, and how it is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asr {
    /// Who transcribes.
    pub engine: EngineKind,
    /// A folder with a CTranslate2 Whisper model; none for the one that `make setup` fetched.
    #[serde(deserialize_with = "optional")]
    pub model_path: Option<PathBuf>,
    /// `auto` or ISO 639-1.
    #[serde(deserialize_with = "language")]
    pub language: String,
    /// What `auto` chooses among.
    #[serde(deserialize_with = "languages")]
    pub languages: Vec<String>,
    /// Threads of the built-in engine; 0 for one per core.
    #[serde(deserialize_with = "between::<0, 1024, _, _>")]
    pub threads: usize,
    /// Clips that go through the built-in engine's network together.
    #[serde(deserialize_with = "between::<1, 64, _, _>")]
    pub batch: usize,
    /// After so long without a clip the built-in engine is ended.
    #[serde(deserialize_with = "between::<1, 31_536_000, _, _>")]
    pub idle_unload_secs: u64,
    /// Longest time for a batch of the built-in engine.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub engine_timeout_secs: u64,
    /// Memory of the built-in engine, in MiB; 0 for what suits the model.
    #[serde(deserialize_with = "between::<0, 1_048_576, _, _>")]
    pub engine_memory_mb: u64,
    /// The built-in engine's program; none for the one beside this program.
    #[serde(deserialize_with = "optional")]
    pub engine_program: Option<PathBuf>,
    /// Whether every word is aligned.
    #[serde(deserialize_with = "flag")]
    pub word_times: bool,
    /// Context that goes with every clip.
    #[serde(deserialize_with = "optional")]
    pub prompt: Option<String>,
    /// Words to be spelled right, of all tenants.
    #[serde(deserialize_with = "list")]
    pub glossary: Vec<String>,
    /// Words to be spelled right, of single tenants.
    #[serde(deserialize_with = "glossaries")]
    pub glossaries: BTreeMap<Tenant, Vec<String>>,
    /// GLM-ASR's base URL.
    #[serde(deserialize_with = "base_url")]
    pub base_url: Hidden<url::Url>,
    /// Whose fields are sent to the provider.
    pub dialect: DialectKind,
    /// How the key is shown to the provider.
    pub auth: AuthKind,
    /// Whether the text comes piece by piece.
    #[serde(deserialize_with = "flag")]
    pub stream: bool,
    /// As what clips go up.
    pub upload: UploadKind,
    /// Whether what was recorded at 8 kHz goes up at 8 kHz.
    #[serde(deserialize_with = "flag")]
    pub upload_source_rate: bool,
    /// How the glossary is spelled in a request.
    pub hotwords: HotwordKind,
    /// How much of a clip's length is paid for.
    pub billing: BillingKind,
    /// Longest request, answer included.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub request_timeout_secs: u64,
    /// What a request is taken to last before one was measured.
    #[serde(deserialize_with = "between::<1, 600_000, _, _>")]
    pub expected_latency_ms: u64,
    /// Who transcribes what the provider refuses.
    pub fallback: FallbackKind,
    /// The key of the account `default` at the provider.
    #[serde(deserialize_with = "api_key")]
    pub api_key: Option<Hidden<String>>,
    /// The model's name at the provider.
    #[serde(deserialize_with = "model")]
    pub model: String,
    /// The tier of the account `default`.
    pub tier: Tier,
    /// Requests in flight of the account `default` instead of its tier's; 0 for the tier's.
    #[serde(deserialize_with = "between::<0, 10_000, _, _>")]
    pub max_in_flight: usize,
    /// Where permits are kept: `sqlite:` or the URL of a Redis; none for where the queue is.
    #[serde(deserialize_with = "permits_url")]
    pub permits_url: Option<Hidden<String>>,
    /// What a minute of audio costs, in yuan.
    #[serde(deserialize_with = "yuan")]
    pub price_cny_per_minute: f64,
}

impl Asr {
    /// Threads of the built-in engine: as configured, else one per core.
    pub fn threads(&self) -> usize {
        if self.threads == 0 { cores() } else { self.threads }
    }

    /// The setting and the language that the built-in engine, where it is the one in use, does not know.
    pub(super) fn unknown_language(&self) -> Option<(&'static str, &str)> {
        if self.engine != EngineKind::Local {
            return None;
        }
        let known = |code: &str| WHISPERS.split_ascii_whitespace().any(|one| one == code);
        let several = self.languages.iter().find(|code| !known(code)).map(|code| ("asr.languages", code.as_str()));
        let one = Some(self.language.as_str()).filter(|code| *code != "auto" && !known(code));
        one.map(|code| ("asr.language", code)).or(several)
    }

    /// Requests in flight of the account that is [`api_key`](Self::api_key): the override, else the tier's number.
    pub fn limit(&self) -> usize {
        if self.max_in_flight > 0 { self.max_in_flight } else { self.tier.requests() }
    }
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if text == "auto" || is_code(text) {
        Ok(text.to_owned())
    } else {
        Err(serde::de::Error::custom(format!("use auto, or an ISO 639-1 code such as zh or en{}", instead_of(text))))
    }
}

/// Languages as ISO 639-1; `all` for every language the model knows.
fn languages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let codes: Vec<String> = list(deserializer)?;
    if codes == ["all"] {
        return Ok(Vec::new());
    }
    match codes.iter().find(|code| !is_code(code)) {
        None => Ok(codes),
        Some(wrong) => Err(serde::de::Error::custom(format!(
            "use ISO 639-1 codes with commas between them, such as zh,en, or all; `{wrong}` is none{}",
            instead_of(wrong)
        ))),
    }
}

/// Whether the built-in engine may be asked for the language: one that it knows, or may know.
fn is_code(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// What a locale, a list in JSON or capitals would be.
fn instead_of(text: &str) -> String {
    let bare = text.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase();
    let code = bare.split(['-', '_']).next().unwrap_or_default();
    if is_code(code) { format!(": write {code}") } else { String::new() }
}

fn base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hidden<url::Url>, D::Error> {
    let form = "use a URL such as https://open.bigmodel.cn/api/paas/v4";
    web_address(deserializer, form)?.ok_or_else(|| serde::de::Error::custom(form))
}

fn glossaries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Tenant, Vec<String>>, D::Error> {
    by_tenant(deserializer, "tenant=word|word", |words| {
        Some(words.split('|').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
    })
}

fn permits_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hidden<String>>, D::Error> {
    let Some(url) = optional::<String, D>(deserializer)? else { return Ok(None) };
    let schemes = ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://"];
    if url == "sqlite:" {
        return Ok(Some(Hidden::new(url)));
    }
    if schemes.iter().any(|scheme| url.starts_with(scheme)) {
        check_server(&url).map_err(serde::de::Error::custom)?;
        return Ok(Some(Hidden::new(url)));
    }
    Err(serde::de::Error::custom(
        "use sqlite: for the journal's database, redis://, rediss:// or redis+sentinel://host:port,host:port/service/db",
    ))
}

/// What goes into a header as it stands.
fn api_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hidden<String>>, D::Error> {
    let key: Option<String> = optional(deserializer)?;
    if key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(serde::de::Error::custom("use the key as the provider gave it, without spaces or line ends"));
    }
    Ok(key.map(Hidden::new))
}

fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let model = String::deserialize(deserializer)?;
    if model.trim().is_empty() {
        return Err(serde::de::Error::custom("use the model's name at the provider, such as glm-asr-2512"));
    }
    Ok(model.trim().to_owned())
}
