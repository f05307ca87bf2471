//! A model's `tokenizer.json`, in the forms that older and newer versions of the library `tokenizers` write.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;

use serde::Deserialize;

/// What a `tokenizer.json` says, for as long as the file's text is there.
#[derive(Deserialize)]
pub(crate) struct TokenizerFile<'a> {
    #[serde(borrow)]
    added_tokens: Vec<AddedToken<'a>>,
    #[serde(borrow)]
    normalizer: Option<Step<'a>>,
    #[serde(borrow)]
    pre_tokenizer: Option<Step<'a>>,
    #[serde(borrow)]
    model: Model<'a>,
}

#[derive(Deserialize)]
struct AddedToken<'a> {
    id: u32,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    add_prefix_space: Option<bool>,
    use_regex: Option<bool>,
}

#[derive(Deserialize)]
struct Model<'a> {
    /// Older files do not say.
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    dropout: Option<f32>,
    #[serde(borrow)]
    continuing_subword_prefix: Option<Cow<'a, str>>,
    #[serde(borrow)]
    end_of_word_suffix: Option<Cow<'a, str>>,
    ignore_merges: Option<bool>,
    #[serde(borrow)]
    vocab: HashMap<Token<'a>, u32>,
    #[serde(borrow)]
    merges: Vec<Pair<'a>>,
}

/// A token as the file writes it: borrowed from its text where nothing is escaped, which serde does for a field but not
/// for the key of a map.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Token<'a>(#[serde(borrow)] Cow<'a, str>);

/// Two tokens that may be merged.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair<'a> {
    /// With a space between them, in older files.
    Line(#[serde(borrow)] Cow<'a, str>),
    List(#[serde(borrow)] Token<'a>, Token<'a>),
}

impl<'a> TokenizerFile<'a> {
    /// # Errors
    /// What is wrong, or what it asks for that no Whisper model does and `bpe` does not know.
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match file.unknown() {
            Some(unknown) => Err(format!("has {unknown}, which is not known here")),
            None => Ok(file),
        }
    }

    /// The ids of `<|endoftext|>` and the like.
    pub(crate) fn marks(&self) -> HashMap<String, usize> {
        let is_mark = |token: &str| token.starts_with("<|") && token.ends_with("|>");
        let added = self.added_tokens.iter().map(|token| (&*token.content, token.id));
        self.tokens()
            .chain(added)
            .filter(|(token, _)| is_mark(token))
            .filter_map(|(token, id)| Some((token.to_owned(), usize::try_from(id).ok()?)))
            .collect()
    }

    /// The tokens that are text, in no order, as the file writes them ([`bytes`]), and their ids. There may be marks among
    /// them.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.model.vocab.iter().map(|(token, id)| (&*token.0, *id))
    }

    /// What may be merged, first things first: two tokens side by side, and what they become.
    pub(crate) fn merges(&self) -> impl Iterator<Item = Result<((u32, u32), u32), String>> {
        let id = |token: &str| self.model.vocab.get(token).copied();
        self.model.merges.iter().map(move |pair| {
            let (left, right) = pair.tokens().ok_or("has a merge of other than two tokens")?;
            let known = id(left).zip(id(right)).zip(id(&format!("{left}{right}")));
            known
                .ok_or_else(|| format!("merges {left:?} and {right:?}, which with what they become are not all tokens"))
        })
    }

    /// Whether a text is taken to begin with a space where it does not.
    pub(crate) fn is_spaced(&self) -> bool {
        self.pre_tokenizer.as_ref().is_some_and(|step| step.add_prefix_space == Some(true))
    }

    fn unknown(&self) -> Option<String> {
        let model = &self.model;
        let is_there = |affix: &Option<Cow<str>>| affix.as_ref().is_some_and(|affix| !affix.is_empty());
        let step = self.pre_tokenizer.as_ref();
        let unknown = [
            (model.kind.as_ref().is_some_and(|kind| kind != "BPE"), "a model other than BPE"),
            (model.dropout.is_some_and(|dropout| dropout > 0.0), "a dropout"),
            (is_there(&model.continuing_subword_prefix), "a continuing_subword_prefix"),
            (is_there(&model.end_of_word_suffix), "an end_of_word_suffix"),
            (model.ignore_merges == Some(true), "ignore_merges"),
            (step.is_none_or(|step| step.kind != "ByteLevel"), "a pre_tokenizer other than ByteLevel"),
            (step.is_some_and(|step| step.use_regex == Some(false)), "a pre_tokenizer without use_regex"),
        ];
        let normalizer = self.normalizer.as_ref().map(|step| format!("the normalizer {}", step.kind));
        normalizer.or_else(|| unknown.iter().find(|(is_so, _)| *is_so).map(|(_, what)| (*what).to_owned()))
    }
}

impl Borrow<str> for Token<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Pair<'_> {
    fn tokens(&self) -> Option<(&str, &str)> {
        match self {
            Self::Line(line) => line.split_once(' '),
            Self::List(left, right) => Some((&left.0, &right.0)),
        }
    }
}

/// The bytes a token stands for. Byte-level BPE writes each byte as a printable character: those that are printable
/// in Latin-1 as themselves, the others from U+0100 on, in order.
pub(crate) fn bytes(token: &str) -> Vec<u8> {
    let is_printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    token
        .chars()
        .filter_map(|character| match u32::from(character) {
            code @ 0..=255 => u8::try_from(code).ok().filter(is_printable),
            code => (0..=255).filter(|byte| !is_printable(byte)).nth(usize::try_from(code - 256).ok()?),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn every_byte_is_read_back_from_its_printable_form() {
        for (token, expected) in [
            ("hello", b"hello".to_vec()),
            ("Ġa", b" a".to_vec()),
            ("Ċ", b"\n".to_vec()),
            ("æĺ¯", "是".as_bytes().to_vec()),
        ] {
            assert_eq!(bytes(token), expected, "{token}");
        }
    }
}
