//! Tokens: text to tokens for prompts, tokens to characters, and the ids that steer Whisper.

use std::collections::HashMap;
use std::path::Path;

use crate::bpe::Encoder;
use crate::tokenizer_file::{TokenizerFile, bytes};

/// Where the token that precedes the timestamps has had different names.
const NO_SPEECH_NAMES: [&str; 2] = ["<|nospeech|>", "<|nocaptions|>"];

/// The vocabulary of one Whisper model.
pub(crate) struct Vocabulary {
    encoder: Encoder,
    /// Ids of the marks, such as `<|zh|>`.
    marks: HashMap<String, usize>,
    /// Bytes of each text token, by id; ids from here on are not text.
    pieces: Vec<Vec<u8>>,
    /// ISO 639-1 codes (and Whisper's few longer ones), in the model's order.
    languages: Vec<String>,
    first_timestamp: usize,
}

/// A character of decoded text and the place, in the token list, of the token it begins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Character {
    pub(crate) value: char,
    pub(crate) token: usize,
}

impl Vocabulary {
    /// Reads `tokenizer.json` from a model's folder.
    ///
    /// # Errors
    /// What is wrong, with the file's name, when it cannot be read or is no Whisper tokenizer.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let path = folder.join("tokenizer.json");
        let damaged = |detail: String| format!("{}: {detail}", path.display());
        let json = std::fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        let file = TokenizerFile::parse(&json).map_err(damaged)?;
        let marks = file.marks();
        let id = |mark: &str| marks.get(mark).copied().ok_or_else(|| damaged(format!("has no token {mark}")));

        let end_of_text = id("<|endoftext|>")?;
        let start_of_transcript = id("<|startoftranscript|>")?;
        let translate = id("<|translate|>")?;
        let first_timestamp = id("<|notimestamps|>")? + 1;
        id("<|transcribe|>")?;
        id("<|startofprev|>")?;
        if !NO_SPEECH_NAMES.iter().any(|name| marks.contains_key(*name)) {
            return Err(damaged(format!("has neither {}", NO_SPEECH_NAMES.join(" nor "))));
        }

        let mut pieces = vec![Vec::new(); end_of_text];
        for (token, id) in file.tokens() {
            if let Some(piece) = usize::try_from(id).ok().and_then(|id| pieces.get_mut(id)) {
                *piece = bytes(token);
            }
        }
        let languages = start_of_transcript + 1..translate;
        let mut languages: Vec<(&String, &usize)> = marks.iter().filter(|(_, id)| languages.contains(id)).collect();
        languages.sort_unstable_by_key(|(_, id)| **id);
        let code = |mark: &String| mark.trim_start_matches("<|").trim_end_matches("|>").to_owned();
        let languages = languages.into_iter().map(|(mark, _)| code(mark)).collect();
        let encoder = Encoder::new(&file).map_err(damaged)?;
        Ok(Self { encoder, marks, pieces, languages, first_timestamp })
    }

    /// Languages the model knows.
    pub(crate) fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The tokens of a text; none of them is a mark.
    pub(crate) fn encode(&self, text: &str) -> Vec<usize> {
        self.encoder.encode(text)
    }

    /// The characters of a token list in order. Tokens that are not text are passed over; bytes that never make a
    /// whole character (the model stopped half-way) are left out.
    pub(crate) fn characters(&self, tokens: &[usize]) -> Vec<Character> {
        let mut bytes = Vec::new();
        let mut owners = Vec::new();
        for (at, &id) in tokens.iter().enumerate() {
            if let Some(piece) = self.pieces.get(id) {
                bytes.extend_from_slice(piece);
                owners.resize(bytes.len(), at);
            }
        }
        let mut characters = Vec::new();
        let mut offset = 0;
        for chunk in bytes.utf8_chunks() {
            for (at, value) in chunk.valid().char_indices() {
                characters.push(Character { value, token: owners[offset + at] });
            }
            offset += chunk.valid().len() + chunk.invalid().len();
        }
        characters
    }

    /// The ids of the text tokens in which a character `is_meant`; those of half characters are passed over.
    pub(crate) fn tokens_with(&self, is_meant: impl Fn(char) -> bool) -> Vec<i32> {
        let has = |piece: &[u8]| std::str::from_utf8(piece).is_ok_and(|text| text.chars().any(&is_meant));
        (0_i32..).zip(&self.pieces).filter(|(_, piece)| has(piece)).map(|(id, _)| id).collect()
    }

    /// Whether a token is text rather than a mark.
    pub(crate) fn is_text(&self, id: usize) -> bool {
        id < self.pieces.len()
    }

    /// The time a timestamp token stands for, in ms from the window's start.
    pub(crate) fn timestamp_ms(&self, id: usize) -> Option<u64> {
        id.checked_sub(self.first_timestamp).and_then(|steps| u64::try_from(steps).ok()).map(|steps| steps * 20)
    }

    /// The id of a mark such as `<|zh|>`.
    pub(crate) fn mark(&self, token: &str) -> Option<usize> {
        self.marks.get(token).copied()
    }
}
