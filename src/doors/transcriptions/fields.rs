//! What a form asks for, checked field by field. Fields that nobody knows are left alone.

use std::io::Read;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;
use bytes::Bytes;

use super::body::MAX_FILE_BYTES;
use super::fault::Fault;
use super::form::Form;
use super::language;
use crate::desk::transcribe::TranscriptionRequest;

/// Models by which the recogniser goes, whoever it is.
const MODELS: [&str; 2] = ["glm-asr-2512", "glm-asr"];
/// "below 8000 characters"
const MAX_PROMPT_CHARACTERS: usize = 7999;
const MAX_HOTWORDS: usize = 100;
const USER_ID_CHARACTERS: std::ops::RangeInclusive<usize> = 6..=128;
/// It comes back, so it is not taken at any length.
const MAX_REQUEST_ID_CHARACTERS: usize = 256;
/// The hotwords' three spellings; the third is one field with a JSON list.
const HOTWORDS: [&str; 2] = ["hotwords[]", "hotwords"];
const GRANULARITIES: [&str; 2] = ["timestamp_granularities[]", "timestamp_granularities"];
const WITH_OR_WITHOUT_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields of a request, in either dialect.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields {
    /// The whole file.
    pub file: Bytes,
    /// The model's name as the caller spells it.
    pub model: String,
    /// Text said before.
    pub prompt: Option<String>,
    /// Words to be spelled right.
    pub hotwords: Vec<String>,
    /// Whether the text is to come piece by piece.
    pub is_stream: bool,
    /// The caller's id for the request.
    pub request_id: Option<String>,
    /// The caller's id for the end user.
    pub user_id: Option<String>,
    /// The language as the caller calls it, in small letters: `zh`, `zh-cn`, `chinese`.
    pub language: Option<String>,
    /// How the text is to be answered.
    pub format: Format,
    /// Whether every word's time is asked for.
    pub has_words: bool,
}

/// OpenAI's `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// GLM-ASR's own answer, and OpenAI's.
    Json,
    /// The text alone.
    Text,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// With language, length and all fields of segments.
    VerboseJson,
}

impl Fields {
    /// What `form` asks for.
    ///
    /// # Errors
    /// [`Fault`] for the first field that is missing or not as it should be.
    pub fn of(form: &Form) -> Result<Self, Fault> {
        let model = text(form, "model")?.ok_or(Fault::Missing("model"))?;
        if !MODELS.contains(&model.as_str()) {
            return Err(Fault::NoSuchModel);
        }
        let prompt = text(form, "prompt")?;
        if prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > MAX_PROMPT_CHARACTERS) {
            return Err(Fault::PromptTooLong);
        }
        let user_id = text(form, "user_id")?;
        if user_id.as_ref().is_some_and(|id| !USER_ID_CHARACTERS.contains(&id.chars().count())) {
            return Err(Fault::Invalid("user_id"));
        }
        let request_id = text(form, "request_id")?;
        if request_id.as_ref().is_some_and(|id| id.chars().count() > MAX_REQUEST_ID_CHARACTERS) {
            return Err(Fault::Invalid("request_id"));
        }
        let is_stream = match text(form, "stream")?.map(|flag| flag.to_ascii_lowercase()).as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => return Err(Fault::Invalid("stream")),
        };
        let granularities: Vec<&Bytes> = form.all(&GRANULARITIES).collect();
        Ok(Self {
            hotwords: hotwords(form)?,
            format: format(form)?,
            has_words: granularities.iter().any(|granularity| granularity.trim_ascii() == b"word"),
            // Many clients send the word for what leaving it out says.
            language: text(form, "language")?
                .map(|language| language.to_ascii_lowercase())
                .filter(|language| !matches!(language.as_str(), "auto" | "detect")),
            file: file(form)?,
            model,
            prompt,
            is_stream,
            request_id,
            user_id,
        })
    }

    /// What is to be transcribed; `id` names a request that its caller has not named.
    pub fn request(&self, id: &str) -> TranscriptionRequest {
        TranscriptionRequest {
            file: self.file.clone(),
            prompt: self.prompt.clone(),
            hotwords: self.hotwords.clone(),
            language: self.language_code().map(str::to_owned),
            has_words: self.has_words,
            request_id: self.request_id.clone().unwrap_or_else(|| id.to_owned()),
            user_id: self.user_id.clone(),
        }
    }

    /// The language's code, ISO 639-1.
    pub fn language_code(&self) -> Option<&str> {
        self.language.as_deref().map(language::code)
    }
}

/// A field's text without the spaces around it; none where it is not there or empty.
fn text(form: &Form, name: &'static str) -> Result<Option<String>, Fault> {
    let Some(content) = form.first(name) else { return Ok(None) };
    let text = std::str::from_utf8(content).map_err(|_| Fault::Invalid(name))?.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Repeated fields, or one that holds a JSON list.
fn hotwords(form: &Form) -> Result<Vec<String>, Fault> {
    let invalid = Fault::Invalid("hotwords");
    let mut words = Vec::new();
    for content in form.all(&HOTWORDS) {
        let text = std::str::from_utf8(content).map_err(|_| invalid.clone())?.trim();
        match serde_json::from_str::<Vec<String>>(text) {
            Ok(list) => words.extend(list),
            Err(_) => words.push(text.to_owned()),
        }
    }
    words.retain(|word| !word.trim().is_empty());
    if words.len() > MAX_HOTWORDS { Err(invalid) } else { Ok(words) }
}

fn format(form: &Form) -> Result<Format, Fault> {
    Ok(match text(form, "response_format")?.as_deref() {
        None | Some("json") => Format::Json,
        Some("text") => Format::Text,
        Some("srt") => Format::Srt,
        Some("vtt") => Format::Vtt,
        Some("verbose_json") => Format::VerboseJson,
        Some(_) => return Err(Fault::Invalid("response_format")),
    })
}

/// The part `file`, or what `file_base64` holds.
fn file(form: &Form) -> Result<Bytes, Fault> {
    let file = match (form.first("file"), form.first("file_base64")) {
        (Some(file), _) => file.clone(),
        (None, Some(encoded)) => decoded(encoded)?,
        (None, None) => return Err(Fault::Missing("file")),
    };
    if file.is_empty() {
        return Err(Fault::NotAudio);
    }
    if file.len() > MAX_FILE_BYTES { Err(Fault::FileTooLarge) } else { Ok(file) }
}

/// Base64 in lines or without, padded or not, with or without what browsers put before it (`data:audio/wav;base64,`).
fn decoded(encoded: &Bytes) -> Result<Bytes, Fault> {
    let comma = encoded.iter().take(128).position(|byte| *byte == b',');
    let encoded = comma.map_or(&encoded[..], |at| &encoded[at + 1..]);
    // Piece by piece, so that the text is not in memory twice.
    let mut file = Vec::with_capacity(encoded.len() / 4 * 3 + 3);
    DecoderReader::new(Unspaced(encoded), &WITH_OR_WITHOUT_PADDING)
        .read_to_end(&mut file)
        .map_err(|_| Fault::Invalid("file_base64"))?;
    Ok(file.into())
}

/// Text without its line breaks and spaces.
struct Unspaced<'a>(&'a [u8]);

impl Read for Unspaced<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut written = 0;
        while written < into.len()
            && let Some((byte, rest)) = self.0.split_first()
        {
            self.0 = rest;
            if !byte.is_ascii_whitespace() {
                into[written] = *byte;
                written += 1;
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(given: &[(&str, &str)]) -> Result<Fields, Fault> {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = given.iter().map(part).collect::<String>() + "--b--\r\n";
        Fields::of(&Form::parse("multipart/form-data; boundary=b", &body.into()).unwrap())
    }

    #[test]
    fn fields_come_in_any_order_and_every_spelling() {
        let read = fields(&[
            ("hotwords[]", "智谱"),
            ("file", "RIFF"),
            ("nobody_knows", "this"),
            ("hotwords", "[\"大模型\", \"ASR\"]"),
            ("file_base64", "!"),
            ("hotwords", "GLM"),
            ("temperature", "0.5"),
            ("timestamp_granularities[]", "word"),
            ("response_format", "verbose_json"),
            ("stream", "True"),
            ("language", "ZH"),
            ("user_id", "user-1"),
            ("request_id", "r"),
            ("model", " glm-asr "),
        ]);
        let read = read.unwrap();
        assert_eq!(read.hotwords, ["智谱", "大模型", "ASR", "GLM"]);
        assert_eq!((read.file.as_ref(), read.model.as_str()), (&b"RIFF"[..], "glm-asr"));
        assert_eq!((read.format, read.is_stream, read.has_words), (Format::VerboseJson, true, true));
        assert_eq!(read.language.as_deref(), Some("zh"));
        assert_eq!((read.user_id.as_deref(), read.request_id.as_deref()), (Some("user-1"), Some("r")));
        for encoded in ["UklGRg==", "UklGRg", "Ukl\r\nGRg==\r\n", "data:audio/wav;base64,UklGRg=="] {
            let read = fields(&[("file_base64", encoded), ("model", "glm-asr-2512"), ("stream", "")]).unwrap();
            assert_eq!((read.file.as_ref(), read.is_stream), (&b"RIFF"[..], false), "{encoded}");
        }
    }

    #[test]
    fn each_field_has_its_own_fault() {
        let (model, file) = (("model", "glm-asr"), ("file", "RIFF"));
        let long = |characters: usize| "字".repeat(characters);
        let (just, over) = (long(7999), long(8000));
        assert!(fields(&[model, file, ("prompt", &just)]).is_ok());
        let (hundred, more) = (vec![("hotwords", "x"); 100], vec![("hotwords", "x"); 101]);
        assert_eq!(fields(&[&[model, file][..], &hundred].concat()).unwrap().hotwords.len(), 100);
        let rows: [(&[(&str, &str)], Fault); 15] = [
            (&[file], Fault::Missing("model")),
            (&[("model", ""), file], Fault::Missing("model")),
            (&[("model", "whisper-1"), file], Fault::NoSuchModel),
            (&[model], Fault::Missing("file")),
            (&[model, ("file", "")], Fault::NotAudio),
            (&[model, ("file_base64", "")], Fault::NotAudio),
            (&[model, ("file_base64", "%%")], Fault::Invalid("file_base64")),
            (&[model, file, ("prompt", &over)], Fault::PromptTooLong),
            (&[model, file, ("user_id", "short")], Fault::Invalid("user_id")),
            (&[model, file, ("user_id", &just[..387])], Fault::Invalid("user_id")),
            (&[model, file, ("request_id", &just)], Fault::Invalid("request_id")),
            (&[model, file, ("stream", "perhaps")], Fault::Invalid("stream")),
            (&[model, file, ("response_format", "docx")], Fault::Invalid("response_format")),
            (&[&[model, file][..], &more].concat(), Fault::Invalid("hotwords")),
            (&[], Fault::Missing("model")),
        ];
        for (given, fault) in rows {
            let names: Vec<_> = given.iter().map(|(name, _)| name).collect();
            assert_eq!(fields(given), Err(fault), "{names:?}");
        }
    }
}
