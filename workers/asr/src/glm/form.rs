//! The fields of a request, in the order they go.

use std::borrow::Cow;

use bytes::Bytes;
use reqwest::multipart::{Form, Part};

use super::options::{Dialect, GlmOptions, HotwordSpelling};
use crate::{AsrError, ClipRequest, LanguageChoice, UploadFormat};

/// The provider takes fewer than 8000 characters.
const MAX_PROMPT_CHARACTERS: usize = 7999;
const MAX_HOTWORDS: usize = 100;
/// How long the provider wants a `request_id` and a `user_id`, in characters.
const ID_CHARACTERS: std::ops::RangeInclusive<usize> = 6..=128;

type Field = (&'static str, String);

/// The form of `request` with `file`. The file is not copied, and the form's length is known.
///
/// # Errors
/// [`AsrError::NotEncoded`].
pub(super) fn form(
    options: &GlmOptions,
    request: &ClipRequest,
    file: Bytes,
    format: UploadFormat,
) -> Result<Form, AsrError> {
    let (name, mime) = match format {
        UploadFormat::Wav => ("clip.wav", "audio/wav"),
        UploadFormat::Mp3 => ("clip.mp3", "audio/mpeg"),
    };
    let length = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let part = Part::stream_with_length(file, length)
        .file_name(name)
        .mime_str(mime)
        .map_err(|error| AsrError::NotEncoded { detail: error.to_string() })?;
    let fields = fields(options, request);
    Ok(fields.into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value)).part("file", part))
}

/// All fields but the file, which goes last.
fn fields(options: &GlmOptions, request: &ClipRequest) -> Vec<Field> {
    let mut fields = vec![("model", options.model.clone())];
    let terms = hotwords(&request.glossary);
    let spelling = spelling(options);
    let leading = if spelling == HotwordSpelling::Prompt { terms.as_slice() } else { &[] };
    fields.extend(prompt(request, leading).map(|prompt| ("prompt", prompt)));
    match spelling {
        HotwordSpelling::Brackets => fields.extend(terms.iter().map(|term| ("hotwords[]", (*term).to_owned()))),
        HotwordSpelling::Repeated => fields.extend(terms.iter().map(|term| ("hotwords", (*term).to_owned()))),
        HotwordSpelling::Json if !terms.is_empty() => fields.push(("hotwords", serde_json::json!(terms).to_string())),
        HotwordSpelling::Json | HotwordSpelling::Prompt | HotwordSpelling::Off => {}
    }
    fields.push(("stream", options.is_streaming.to_string()));
    match options.dialect {
        Dialect::Glm => {
            fields.push(("request_id", request_id(&request.request_id)));
            fields.extend(request.user_id.as_deref().and_then(user_id).map(|id| ("user_id", id)));
        }
        Dialect::OpenAi => {
            fields.push(("response_format", "json".into()));
            if let LanguageChoice::Fixed(language) = &request.language {
                fields.push(("language", language.clone()));
            }
        }
    }
    fields
}

/// OpenAI's dialect has no field for them.
fn spelling(options: &GlmOptions) -> HotwordSpelling {
    match (options.dialect, options.hotwords) {
        (_, HotwordSpelling::Off) => HotwordSpelling::Off,
        (Dialect::OpenAi, _) => HotwordSpelling::Prompt,
        (Dialect::Glm, spelling) => spelling,
    }
}

/// The terms that go up: the first hundred, each once.
pub(super) fn hotwords(glossary: &[String]) -> Vec<&str> {
    let mut terms: Vec<&str> = Vec::new();
    for term in glossary.iter().map(|term| term.trim()).filter(|term| !term.is_empty()) {
        if terms.len() == MAX_HOTWORDS {
            break;
        }
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}

/// `terms`, the fixed context and the preceding clip's text, a line each. Too long, it loses its beginning: what was
/// said last helps most.
fn prompt(request: &ClipRequest, terms: &[&str]) -> Option<String> {
    let terms = terms.join("、");
    let parts = [Some(terms.as_str()), request.prompt.as_deref(), request.preceding.as_deref()];
    let lines: Vec<&str> = parts.into_iter().flatten().map(str::trim).filter(|part| !part.is_empty()).collect();
    let whole = lines.join("\n");
    (!whole.is_empty()).then(|| last_characters(&whole, MAX_PROMPT_CHARACTERS).to_owned())
}

/// As long as the provider wants it; shortened, it keeps its end, which tells clip and attempt.
fn request_id(id: &str) -> String {
    let id = if id.chars().count() < *ID_CHARACTERS.start() { Cow::from(format!("earmark-{id}")) } else { id.into() };
    last_characters(&id, *ID_CHARACTERS.end()).to_owned()
}

/// None where the provider would not take it.
fn user_id(id: &str) -> Option<String> {
    ID_CHARACTERS.contains(&id.chars().count()).then(|| id.to_owned())
}

fn last_characters(text: &str, most: usize) -> &str {
    let surplus = text.chars().count().saturating_sub(most);
    text.char_indices().nth(surplus).map_or("", |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sound;

    fn request(glossary: &[&str]) -> ClipRequest {
        let sound = Sound::of(Vec::new().into());
        let language = LanguageChoice::Fixed("zh".into());
        ClipRequest {
            prompt: Some(" 银行客服 ".into()),
            preceding: Some("您好".into()),
            glossary: glossary.iter().map(|&term| term.to_owned()).collect(),
            user_id: Some("tenant-a".into()),
            ..ClipRequest::new(sound, language, "7-0-1-2".into())
        }
    }

    fn options(hotwords: HotwordSpelling, dialect: Dialect) -> GlmOptions {
        GlmOptions { hotwords, dialect, ..GlmOptions::new("id.secret".into()) }
    }

    #[test]
    fn the_glossary_is_spelled_as_configured_each_term_once() {
        let common = [("model", "glm-asr-2512"), ("prompt", "银行客服\n您好")];
        let rest = [("stream", "false"), ("request_id", "7-0-1-2"), ("user_id", "tenant-a")];
        let cases: [(_, &[Field]); 4] = [
            (HotwordSpelling::Brackets, &[("hotwords[]", "理财".into()), ("hotwords[]", "ETF".into())]),
            (HotwordSpelling::Repeated, &[("hotwords", "理财".into()), ("hotwords", "ETF".into())]),
            (HotwordSpelling::Json, &[("hotwords", r#"["理财","ETF"]"#.into())]),
            (HotwordSpelling::Off, &[]),
        ];
        for (spelling, hotwords) in cases {
            let owned = |fields: &[(&'static str, &str)]| -> Vec<Field> {
                fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
            };
            let expected = [owned(&common), hotwords.to_vec(), owned(&rest)].concat();
            let seen = fields(&options(spelling, Dialect::Glm), &request(&["理财", " ", "ETF ", "理财"]));
            assert_eq!(seen, expected, "{spelling:?}");
            let none = fields(&options(spelling, Dialect::Glm), &request(&[]));
            assert_eq!(none, [owned(&common), owned(&rest)].concat(), "{spelling:?} without a glossary");
        }
    }

    #[test]
    fn openais_dialect_has_its_own_fields_and_the_glossary_in_the_prompt() {
        let expected = [
            ("model", "glm-asr-2512"),
            ("prompt", "理财、ETF\n银行客服\n您好"),
            ("stream", "false"),
            ("response_format", "json"),
            ("language", "zh"),
        ];
        let seen = fields(&options(HotwordSpelling::Brackets, Dialect::OpenAi), &request(&["理财", "ETF"]));
        assert_eq!(seen, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn what_is_too_long_or_too_short_is_made_to_fit() {
        let long: Vec<String> = (0..150).map(|at| at.to_string()).collect();
        assert_eq!(hotwords(&long).len(), 100);

        let mut asked = request(&[]);
        asked.prompt = Some("甲".repeat(9000));
        let sent = prompt(&asked, &[]).unwrap();
        assert_eq!(sent.chars().count(), 7999);
        assert!(sent.ends_with("甲\n您好"));
        (asked.prompt, asked.preceding) = (None, Some("  ".into()));
        assert_eq!(prompt(&asked, &[]), None);

        assert_eq!(request_id("1"), "earmark-1");
        assert_eq!(request_id(""), "earmark-");
        assert_eq!(request_id(&format!("{}-7", "x".repeat(200))), format!("{}-7", "x".repeat(126)));
        assert_eq!(user_id("a"), None);
        assert_eq!(user_id(&"a".repeat(129)), None);
    }
}
