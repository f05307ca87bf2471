//! What a request asks for, and whether the service would hear it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::body::Received;
use crate::form::Form;
use crate::heard::Heard;
use crate::refusal::Refusal;
use crate::reply::Format;

/// A request's fields, as far as they can be read.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    /// What it holds.
    pub(crate) heard: Heard,
    /// Of a plain answer.
    pub(crate) format: Format,
    /// The body is no form, or too large to be kept.
    broken: Option<Refusal>,
    /// The first field that cannot be read.
    misread: Option<Refusal>,
}

/// 25 MB. GLM-ASR page, "file".
pub(crate) const MAX_FILE_BYTES: usize = 25 * 1024 * 1024;
/// A body that holds more than a file of that size in base64 and long texts is not kept.
pub(crate) const MAX_BODY_BYTES: usize = MAX_FILE_BYTES / 3 * 4 + 1024 * 1024;
/// GLM-ASR page, "file": 0 to 30 s.
const MAX_AUDIO_MS: u64 = 30_000;
/// GLM-ASR page, "prompt": below 8000 characters.
const PROMPT_CHARS: usize = 8000;
/// GLM-ASR page, "hotwords".
const MAX_HOTWORDS: usize = 100;

impl Ask {
    /// Reads the form and hashes the audio: milliseconds of work for a large one.
    pub(crate) fn read(content_type: &str, body: &Received) -> Self {
        let Received::Whole(body) = body else { return Self::broken(Refusal::illegal("file")) };
        match Form::parse(content_type, body) {
            Some(form) => Self::of(&form),
            None => Self::broken(Refusal::of("1210")),
        }
    }

    fn broken(refusal: Refusal) -> Self {
        Self { broken: Some(refusal), ..Self::default() }
    }

    fn of(form: &Form) -> Self {
        let (audio, mut misread) = match audio(form) {
            Ok(audio) => (audio, None),
            Err(refusal) => (Bytes::new(), Some(refusal)),
        };
        let is_stream = match form.text("stream").as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => {
                misread.get_or_insert_with(|| Refusal::illegal("stream"));
                false
            }
        };
        let format = form.text("response_format").map_or(Some(Format::Json), |name| Format::named(&name));
        if format.is_none() {
            misread.get_or_insert_with(|| Refusal::illegal("response_format"));
        }
        let mut heard = Heard::listen(audio);
        heard.prompt = form.text("prompt");
        heard.hotwords = hotwords(form);
        heard.request_id = form.text("request_id");
        heard.user_id = form.text("user_id");
        heard.model = form.text("model");
        heard.is_stream = is_stream;
        Self { heard, format: format.unwrap_or_default(), broken: None, misread }
    }

    /// The first thing that the service would refuse.
    ///
    /// # Errors
    /// 1210, 1211, 1213, 1214 or 1261.
    pub(crate) fn check(&self, models: &[String]) -> Result<(), Refusal> {
        let heard = &self.heard;
        if let Some(refusal) = &self.broken {
            return Err(refusal.clone());
        }
        let model = heard.model.as_ref().ok_or_else(|| Refusal::missing("model"))?;
        if !models.contains(model) {
            return Err(Refusal::of("1211"));
        }
        if let Some(refusal) = &self.misread {
            return Err(refusal.clone());
        }
        match heard.audio_ms {
            _ if heard.bytes.len() > MAX_FILE_BYTES => return Err(Refusal::illegal("file")),
            None => return Err(Refusal::illegal("file")),
            Some(audio_ms) if audio_ms > MAX_AUDIO_MS => return Err(Refusal::too_long()),
            Some(_) => {}
        }
        if heard.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() >= PROMPT_CHARS) {
            return Err(Refusal::of("1261"));
        }
        if heard.hotwords.len() > MAX_HOTWORDS {
            return Err(Refusal::illegal("hotwords"));
        }
        if heard.user_id.as_ref().is_some_and(|id| !(6..=128).contains(&id.chars().count())) {
            return Err(Refusal::illegal("user_id"));
        }
        Ok(())
    }
}

/// `file`, or `file_base64` without one.
fn audio(form: &Form) -> Result<Bytes, Refusal> {
    if let Some(file) = form.get("file") {
        return Ok(file.clone());
    }
    let text = form.get("file_base64").ok_or_else(|| Refusal::missing("file"))?;
    STANDARD.decode(text.trim_ascii()).map(Bytes::from).map_err(|_| Refusal::illegal("file_base64"))
}

/// All three spellings: `hotwords[]`, `hotwords` again and again, one `hotwords` that is a JSON list.
fn hotwords(form: &Form) -> Vec<String> {
    let parts = form.all("hotwords[]").chain(form.all("hotwords"));
    let mut words = Vec::new();
    for part in parts {
        match serde_json::from_slice::<Vec<String>>(part) {
            Ok(list) => words.extend(list),
            Err(_) => words.push(String::from_utf8_lossy(part).into_owned()),
        }
    }
    words
}
