//! Tokens: text to tokens for prompts, tokens to characters, and the ids that steer Whisper.

use std::path::Path;

use tokenizers::Tokenizer;

/// Where the token that precedes the timestamps has had different names.
const NO_SPEECH_NAMES: [&str; 2] = ["<|nospeech|>", "<|nocaptions|>"];

/// The vocabulary of one Whisper model.
pub(crate) struct Vocabulary {
    tokenizer: Tokenizer,
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
        let tokenizer = Tokenizer::from_file(&path).map_err(|error| damaged(error.to_string()))?;
        let id = |token: &str| {
            tokenizer.token_to_id(token).map(|id| id as usize).ok_or_else(|| damaged(format!("has no token {token}")))
        };

        let end_of_text = id("<|endoftext|>")?;
        let start_of_transcript = id("<|startoftranscript|>")?;
        let translate = id("<|translate|>")?;
        let first_timestamp = id("<|notimestamps|>")? + 1;
        id("<|transcribe|>")?;
        id("<|startofprev|>")?;
        if !NO_SPEECH_NAMES.iter().any(|name| tokenizer.token_to_id(name).is_some()) {
            return Err(damaged(format!("has neither {}", NO_SPEECH_NAMES.join(" nor "))));
        }

        let token = |id: usize| tokenizer.id_to_token(id as u32).unwrap_or_default();
        let pieces = (0..end_of_text).map(|id| bytes(&token(id))).collect();
        let languages = (start_of_transcript + 1..translate)
            .map(|id| token(id).trim_start_matches("<|").trim_end_matches("|>").to_owned())
            .collect();
        Ok(Self { tokenizer, pieces, languages, first_timestamp })
    }

    /// Languages the model knows.
    pub(crate) fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The tokens of a text.
    pub(crate) fn encode(&self, text: &str) -> Vec<usize> {
        // Encoding plain text has no failure that depends on the text; an empty prompt is harmless.
        let encoding = self.tokenizer.encode(text, false);
        encoding.map(|encoding| encoding.get_ids().iter().map(|id| *id as usize).collect()).unwrap_or_default()
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
        id.checked_sub(self.first_timestamp).map(|steps| steps as u64 * 20)
    }

    /// The id of a mark such as `<|zh|>`.
    pub(crate) fn mark(&self, token: &str) -> Option<usize> {
        self.tokenizer.token_to_id(token).map(|id| id as usize)
    }
}

/// The bytes a token stands for. Byte-level BPE writes each byte as a printable character: those that are printable
/// in Latin-1 as themselves, the others from U+0100 on, in order.
fn bytes(token: &str) -> Vec<u8> {
    let is_printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    token
        .chars()
        .filter_map(|character| match u32::from(character) {
            code @ 0..=255 => u8::try_from(code).ok().filter(is_printable),
            code => (0..=255).filter(|byte| !is_printable(byte)).nth(code as usize - 256),
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
