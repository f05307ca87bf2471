//! What of a decoded text is believed: loops and echoes are cut first, and the rest is judged.

use earmark_asr::hallucination::{
    doubled, echoes_at_ends, is_echo, is_hurried, is_improbable, is_invented, is_speakable, loops,
};
use earmark_core::{Dropped, to_simplified};

use crate::model::Decoded;
use crate::prompt::{Previous, SIMPLIFIED};
use crate::short_clip::{is_short, length_ms, spoken_ms};
use crate::simplified_chinese::MANDARIN;
use crate::timing::{Span, spans, tokens_of};
use crate::vocabulary::{Character, Vocabulary};

/// Whether an answer is worth a second try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    /// Nobody may have said it.
    Improbable,
    /// The model itself is in doubt about the text of a short clip.
    Uncertain,
    /// A part of it or all was dropped.
    Broken,
    /// Nothing is left of a short clip.
    Lost,
}

/// A decoded passage whose characters have been judged.
pub(crate) struct Judged {
    pub(crate) spans: Vec<Span>,
    pub(crate) characters: Vec<Character>,
    /// Places of the tokens that the characters are made of.
    pub(crate) tokens: Vec<usize>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) doubt: Doubt,
}

/// Judges what was `decoded` of `samples` in `language` behind `previous`.
pub(crate) fn judge(
    vocabulary: &Vocabulary,
    samples: &[f32],
    language: &str,
    previous: &Previous,
    decoded: &Decoded,
) -> Judged {
    let length_ms = length_ms(samples);
    let spans = spans(vocabulary, &decoded.tokens, length_ms);
    let mut all = vocabulary.characters(&decoded.tokens);
    if language == MANDARIN {
        // What is forbidden as a token can still be spelled in bytes.
        for character in &mut all {
            character.value = to_simplified(character.value);
        }
    }
    let lost = if is_short(samples) { Doubt::Lost } else { Doubt::None };
    let mut cutting = Cutting { spans: &spans, kept: all.clone(), dropped: Vec::new() };
    if !cutting.is_empty() && is_echo(&cutting.text(), &previous.texts) {
        return cutting.nothing("prompt_echo", Doubt::Broken);
    }
    cutting.cut("loop", &loops(&cutting.values()));
    if language == MANDARIN {
        cutting.cut("prompt_echo", &echoes_at_ends(&cutting.values(), SIMPLIFIED));
    }
    if is_short(samples)
        && let Some(second) = doubled(&cutting.values())
        && is_hurried(&cutting.text(), spoken_ms(samples))
    {
        cutting.cut("loop", &[second]);
    }
    let text = cutting.text();
    if cutting.is_empty() {
        let doubt = if cutting.dropped.is_empty() { lost } else { Doubt::Broken };
        return Judged { characters: Vec::new(), tokens: Vec::new(), dropped: cutting.dropped, doubt, spans };
    }
    if is_invented(&text, decoded.no_speech, decoded.log_probability) || !is_speakable(&text, length_ms) {
        return cutting.nothing("no_speech", lost);
    }
    if is_echo(&text, &previous.texts) {
        return cutting.nothing("prompt_echo", Doubt::Broken);
    }
    let is_doubtful = is_improbable(decoded.no_speech, decoded.log_probability);
    let doubt = match () {
        () if !cutting.dropped.is_empty() => Doubt::Broken,
        () if is_doubtful && previous.is_told(language) => Doubt::Improbable,
        () if is_short(samples) && (is_doubtful || is_hurried(&text, spoken_ms(samples))) => Doubt::Uncertain,
        () => Doubt::None,
    };
    let Cutting { kept: characters, dropped, .. } = cutting;
    let tokens = tokens_of(vocabulary, &decoded.tokens, &all, &characters);
    Judged { spans, characters, tokens, dropped, doubt }
}

/// A text of which more and more is cut.
struct Cutting<'a> {
    spans: &'a [Span],
    kept: Vec<Character>,
    dropped: Vec<Dropped>,
}

impl Cutting<'_> {
    fn values(&self) -> Vec<char> {
        self.kept.iter().map(|character| character.value).collect()
    }

    fn text(&self) -> String {
        self.kept.iter().map(|character| character.value).collect()
    }

    /// Whether nothing is left that can be spoken.
    fn is_empty(&self) -> bool {
        !self.kept.iter().any(|character| character.value.is_alphanumeric())
    }

    /// Cuts the parts, which are in order and apart.
    fn cut(&mut self, reason: &str, parts: &[std::ops::Range<usize>]) {
        for part in parts {
            self.note(reason, part.start, part.end);
        }
        let mut at = 0..;
        self.kept.retain(|_| at.next().is_some_and(|at| !parts.iter().any(|part| part.contains(&at))));
    }

    /// What is left when nothing is believed.
    fn nothing(mut self, reason: &str, doubt: Doubt) -> Judged {
        self.note(reason, 0, self.kept.len());
        Judged { spans: Vec::new(), characters: Vec::new(), tokens: Vec::new(), dropped: self.dropped, doubt }
    }

    fn note(&mut self, reason: &str, start: usize, end: usize) {
        let part = &self.kept[start..end];
        let (Some(first), Some(last)) = (part.first(), part.last()) else { return };
        let span = |token: usize| self.spans.iter().find(|span| token < span.end_token);
        let text: String = part.iter().map(|character| character.value).collect();
        self.dropped.push(Dropped {
            start_ms: span(first.token).map_or(0, |span| span.start_ms),
            end_ms: span(last.token).map(|span| span.end_ms),
            reason: reason.into(),
            characters: text.trim().chars().count(),
        });
    }
}
