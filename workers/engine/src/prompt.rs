//! What the decoder is told beforehand: the script, names and terms, what was said before.

use crate::simplified_chinese::MANDARIN;
use crate::vocabulary::Vocabulary;

/// "What follows is in Mandarin": makes the model write simplified characters and punctuation. Character error rate
/// with it .13–.17, without .26–.36 (traditional characters among others).
pub(crate) const SIMPLIFIED: &str = "以下是普通话的句子。";
/// The decoder has 448 places; half are the text's own, one is the mark's.
const MOST_TOKENS: usize = 223;

/// Text before the transcript, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Previous {
    /// Tokens, at most [`MOST_TOKENS`]; empty for none.
    pub(crate) tokens: Vec<usize>,
    /// The texts in it, for finding them read back.
    pub(crate) texts: Vec<String>,
}

impl Previous {
    /// The script's line for `language`, as many whole `glossary` terms as fit, and the end of `prompt`.
    pub(crate) fn new(vocabulary: &Vocabulary, language: &str, prompt: Option<&str>, glossary: &[String]) -> Self {
        let mut previous = Self::script(vocabulary, language);
        let spoken = prompt.map(str::trim).filter(|text| !text.is_empty());
        let spoken_tokens = spoken.map(|text| vocabulary.encode(&format!(" {text}"))).unwrap_or_default();
        // A prompt may be long, a list of terms as well: each may have half of what the script's line leaves.
        let room = MOST_TOKENS - previous.tokens.len();
        let spoken_tokens = last(&spoken_tokens, if glossary.is_empty() { room } else { room / 2 });
        let (terms, term_tokens) = fitting_terms(vocabulary, language, glossary, room - spoken_tokens.len());

        previous.tokens.splice(0..0, term_tokens.into_iter().chain(spoken_tokens));
        previous.texts.extend(terms);
        previous.texts.extend(spoken.map(str::to_owned));
        previous
    }

    /// Whether it is more than the script's line for `language`.
    pub(crate) fn is_told(&self, language: &str) -> bool {
        self.texts.len() > usize::from(language == MANDARIN)
    }

    /// The script's line alone.
    pub(crate) fn script(vocabulary: &Vocabulary, language: &str) -> Self {
        if language != MANDARIN {
            return Self::default();
        }
        Self { tokens: vocabulary.encode(&format!(" {SIMPLIFIED}")), texts: vec![SIMPLIFIED.to_owned()] }
    }
}

/// As many of the terms as fit into `room` tokens, as one line.
fn fitting_terms(
    vocabulary: &Vocabulary,
    language: &str,
    glossary: &[String],
    room: usize,
) -> (Option<String>, Vec<usize>) {
    let (separator, stop) = if language == MANDARIN { ("、", "。") } else { (", ", ".") };
    let mut line = String::new();
    let mut tokens = Vec::new();
    for term in glossary.iter().map(|term| term.trim()).filter(|term| !term.is_empty()) {
        let longer = if line.is_empty() { term.to_owned() } else { format!("{line}{separator}{term}") };
        let longer_tokens = vocabulary.encode(&format!(" {longer}{stop}"));
        if longer_tokens.len() > room {
            break;
        }
        (line, tokens) = (longer, longer_tokens);
    }
    (Some(line).filter(|line| !line.is_empty()), tokens)
}

fn last(tokens: &[usize], most: usize) -> Vec<usize> {
    tokens[tokens.len().saturating_sub(most)..].to_vec()
}
