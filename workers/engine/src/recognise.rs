//! A batch of clips to their texts.

use earmark_asr::LanguageChoice;
use earmark_asr::hallucination::{is_echo, is_improbable, is_invented, is_silent, is_speakable, loops};
use earmark_asr::local::wire::Clip;
use earmark_core::{ClipText, Dropped, TimePrecision, TimedText, ms_to_samples, samples_to_ms, to_simplified};

use crate::language::choose;
use crate::model::{Decoded, Decoding, Model};
use crate::prompt::Previous;
use crate::simplified_chinese::MANDARIN;
use crate::timing::{Span, Stretch, character_times, segment, spans, tokens_of};
use crate::vocabulary::Character;
use crate::whisper::Encoded;

/// The model closes a text and leaves the rest of the clip unheard at times; a rest as long as this is listened to
/// again by itself.
const UNHEARD_REST_MS: u64 = 2000;
/// A rest of which less than this is understood is noise: no third listening.
const LEAST_PROGRESS_MS: u64 = 300;
/// On the second try no sequence of so many tokens may come twice.
const NO_REPEAT_NGRAM: usize = 6;

/// A model and the way it is asked.
pub(crate) struct Recogniser {
    model: Model,
    beam: usize,
}

/// A clip or a part of one, ready to be listened to.
struct Passage<'a> {
    samples: &'a [f32],
    language: String,
    previous: Previous,
    has_words: bool,
}

/// What was heard in a passage; times from its start.
struct Heard {
    segments: Vec<TimedText>,
    dropped: Vec<Dropped>,
    /// Where the model stopped.
    end_ms: u64,
    doubt: Doubt,
    /// How probable the model finds it that nobody speaks.
    no_speech: f32,
}

/// Whether an answer is worth a second try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    None,
    /// Nobody may have said it.
    Improbable,
    /// A part of it or all was dropped.
    Broken,
}

/// A decoded passage whose characters have been judged.
struct Judged {
    spans: Vec<Span>,
    characters: Vec<Character>,
    /// Places of the tokens that the characters are made of.
    tokens: Vec<usize>,
    dropped: Vec<Dropped>,
    doubt: Doubt,
}

impl Recogniser {
    /// Follows `beam` hypotheses at once.
    pub(crate) fn new(model: Model, beam: usize) -> Self {
        Self { model, beam }
    }

    /// One answer for each clip, in order; an error is in the library's own words.
    pub(crate) fn recognise(&self, clips: &[Clip]) -> Vec<Result<ClipText, String>> {
        match self.batch(clips) {
            Ok(texts) => texts.into_iter().map(Ok).collect(),
            Err(detail) if clips.len() == 1 => vec![Err(detail)],
            // One bad clip must not cost its neighbours their text.
            Err(_) => clips.chunks(1).flat_map(|clip| self.recognise(clip)).collect(),
        }
    }

    fn batch(&self, clips: &[Clip]) -> Result<Vec<ClipText>, String> {
        let samples: Vec<&[f32]> = clips.iter().map(|clip| clip.samples.as_slice()).collect();
        let mut encoded = None;
        let mut detected = Vec::new();
        if clips.iter().any(|clip| matches!(clip.head.language, LanguageChoice::Detect { .. })) {
            let everything = self.model.encode(&samples)?;
            detected = self.model.languages(&everything)?;
            encoded = Some(everything);
        }
        let passages: Vec<Passage<'_>> = clips
            .iter()
            .enumerate()
            .map(|(at, clip)| self.passage(clip, detected.get(at).map_or(&[], Vec::as_slice)))
            .collect();

        // The decoder wants prompts of one length, and what is forbidden is forbidden to a whole batch.
        let kind = |at: &usize| (passages[*at].language == MANDARIN, passages[*at].previous.tokens.len());
        let mut order: Vec<usize> = (0..passages.len()).collect();
        order.sort_by_key(kind);
        let mut texts: Vec<Option<ClipText>> = vec![None; passages.len()];
        for group in order.chunk_by(|a, b| kind(a) == kind(b)) {
            let together: Vec<&Passage<'_>> = group.iter().map(|at| &passages[*at]).collect();
            // A group of all is in the requests' order: sorting keeps the order of equals.
            let group_encoded = match encoded.take().filter(|_| group.len() == passages.len()) {
                Some(everything) => everything,
                None => self.model.encode(&together.iter().map(|passage| passage.samples).collect::<Vec<_>>())?,
            };
            for (at, heard) in group.iter().zip(self.listen(&together, &group_encoded, self.usual())?) {
                texts[*at] = Some(self.finish(&passages[*at], heard)?);
            }
        }
        Ok(texts.into_iter().flatten().collect())
    }

    fn passage<'a>(&self, clip: &'a Clip, detected: &[(String, f32)]) -> Passage<'a> {
        let language = match &clip.head.language {
            LanguageChoice::Fixed(language) => language.clone(),
            LanguageChoice::Detect { candidates, likely } => {
                choose(detected, candidates, likely.as_deref()).unwrap_or_else(|| "en".to_owned())
            }
        };
        let previous =
            Previous::new(&self.model.vocabulary, &language, clip.head.prompt.as_deref(), &clip.head.glossary);
        Passage { samples: &clip.samples, language, previous, has_words: clip.head.has_words }
    }

    fn usual(&self) -> Decoding {
        Decoding { beam: self.beam, no_repeat_ngram: 0 }
    }

    /// The second try where the first one is in doubt, the rest where the model stopped early.
    fn finish(&self, passage: &Passage<'_>, heard: Heard) -> Result<ClipText, String> {
        let mut heard = self.second_try(passage, heard)?;
        let length_ms = length_ms(passage.samples);
        while heard.end_ms > 0 && heard.end_ms + UNHEARD_REST_MS <= length_ms {
            let rest = Passage {
                samples: &passage.samples[usize::try_from(ms_to_samples(heard.end_ms)).expect("within the clip")..],
                language: passage.language.clone(),
                previous: Previous::script(&self.model.vocabulary, &passage.language),
                has_words: passage.has_words,
            };
            let first = self.alone(&rest, self.usual())?;
            let more = self.second_try(&rest, first)?;
            if more.segments.is_empty() || more.end_ms < LEAST_PROGRESS_MS {
                break;
            }
            heard.append(more);
        }
        Ok(ClipText {
            language: Some(passage.language.clone()),
            segments: heard.segments,
            time_precision: TimePrecision::Segment,
            dropped: heard.dropped,
            billed_ms: 0,
            refused: None,
        })
    }

    /// Without what was told beforehand, which inventions, loops and echoes come from, and with repetitions forbidden.
    fn second_try(&self, passage: &Passage<'_>, first: Heard) -> Result<Heard, String> {
        if first.doubt == Doubt::None {
            return Ok(first);
        }
        let plain = Passage {
            samples: passage.samples,
            language: passage.language.clone(),
            previous: Previous::script(&self.model.vocabulary, &passage.language),
            has_words: passage.has_words,
        };
        let second = self.alone(&plain, Decoding { beam: self.beam, no_repeat_ngram: NO_REPEAT_NGRAM })?;
        if is_silent(second.no_speech) {
            return Ok(first.said_by_nobody(length_ms(passage.samples)));
        }
        let is_better = first.doubt == Doubt::Broken && second.doubt == Doubt::None && !second.segments.is_empty();
        Ok(if is_better { second } else { first })
    }

    fn alone(&self, passage: &Passage<'_>, decoding: Decoding) -> Result<Heard, String> {
        let encoded = self.model.encode(&[passage.samples])?;
        let mut heard = self.listen(&[passage], &encoded, decoding)?;
        heard.pop().ok_or_else(|| "the decoder gave no answer".to_owned())
    }

    fn listen(&self, passages: &[&Passage<'_>], encoded: &Encoded, decoding: Decoding) -> Result<Vec<Heard>, String> {
        let prompts: Vec<(&str, &[usize])> =
            passages.iter().map(|passage| (passage.language.as_str(), passage.previous.tokens.as_slice())).collect();
        let decoded = self.model.generate(encoded, &prompts, decoding)?;
        let judged: Vec<Judged> =
            passages.iter().zip(&decoded).map(|(passage, decoded)| self.judge(passage, decoded)).collect();
        let times = self.times(passages, encoded, &decoded, &judged)?;
        let heard = passages.iter().zip(&decoded).zip(judged).zip(times);
        Ok(heard.map(|(((passage, decoded), judged), times)| self.heard(passage, decoded, judged, times)).collect())
    }

    fn judge(&self, passage: &Passage<'_>, decoded: &Decoded) -> Judged {
        let vocabulary = &self.model.vocabulary;
        let spans = spans(vocabulary, &decoded.tokens, length_ms(passage.samples));
        let mut all = vocabulary.characters(&decoded.tokens);
        if passage.language == MANDARIN {
            // What is forbidden as a token can still be spelled in bytes.
            for character in &mut all {
                character.value = to_simplified(character.value);
            }
        }
        let values: Vec<char> = all.iter().map(|character| character.value).collect();
        let text: String = values.iter().collect();
        let start_ms = |token: usize| spans.iter().find(|span| token < span.end_token).map_or(0, |span| span.start_ms);
        let drop_all = |reason: &str, doubt: Doubt| Judged {
            spans: Vec::new(),
            characters: Vec::new(),
            tokens: Vec::new(),
            dropped: vec![Dropped {
                start_ms: start_ms(0),
                reason: reason.into(),
                characters: text.trim().chars().count(),
            }],
            doubt,
        };
        if text.trim().is_empty() {
            return Judged {
                spans,
                characters: Vec::new(),
                tokens: Vec::new(),
                dropped: Vec::new(),
                doubt: Doubt::None,
            };
        }
        let is_invented = is_invented(&text, decoded.no_speech, decoded.log_probability)
            || !is_speakable(&text, length_ms(passage.samples));
        if is_invented {
            return drop_all("no_speech", Doubt::None);
        }
        if is_echo(&text, &passage.previous.texts) {
            return drop_all("prompt_echo", Doubt::Broken);
        }
        let loops = loops(&values);
        let dropped: Vec<Dropped> = loops
            .iter()
            .map(|part| Dropped {
                start_ms: start_ms(all[part.start].token),
                reason: "loop".into(),
                characters: part.len(),
            })
            .collect();
        let characters: Vec<Character> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| !loops.iter().any(|part| part.contains(at)))
            .map(|(_, character)| *character)
            .collect();
        let tokens = tokens_of(vocabulary, &decoded.tokens, &all, &characters);
        let is_told = passage.previous.is_told(&passage.language);
        let doubt = match () {
            () if !dropped.is_empty() => Doubt::Broken,
            () if is_told && is_improbable(decoded.no_speech, decoded.log_probability) => Doubt::Improbable,
            () => Doubt::None,
        };
        Judged { spans, characters, tokens, dropped, doubt }
    }

    /// For each passage that wants words, the times of its characters.
    fn times(
        &self,
        passages: &[&Passage<'_>],
        encoded: &Encoded,
        decoded: &[Decoded],
        judged: &[Judged],
    ) -> Result<Vec<Option<Vec<Stretch>>>, String> {
        let mut times = vec![None; passages.len()];
        let lengths_ms: Vec<u64> = passages.iter().map(|passage| length_ms(passage.samples)).collect();
        let wants = |at: usize| passages[at].has_words && !judged[at].tokens.is_empty();
        let mut languages: Vec<&str> =
            (0..passages.len()).filter(|at| wants(*at)).map(|at| passages[at].language.as_str()).collect();
        languages.sort_unstable();
        languages.dedup();
        for language in languages {
            let is_meant = |at: usize| wants(at) && passages[at].language == language;
            let tokens: Vec<Vec<usize>> = (0..passages.len())
                .map(|at| {
                    if is_meant(at) {
                        judged[at].tokens.iter().map(|place| decoded[at].tokens[*place]).collect()
                    } else {
                        Vec::new()
                    }
                })
                .collect();
            let paths = self.model.align(encoded, language, &tokens, &lengths_ms)?;
            for (at, path) in paths.into_iter().enumerate().filter(|(at, _)| is_meant(*at)) {
                times[at] =
                    Some(character_times(&judged[at].characters, &judged[at].tokens, path.into_iter(), lengths_ms[at]));
            }
        }
        Ok(times)
    }

    fn heard(&self, passage: &Passage<'_>, decoded: &Decoded, judged: Judged, times: Option<Vec<Stretch>>) -> Heard {
        let confidence = decoded.log_probability.exp().clamp(0.0, 1.0);
        let segments: Vec<TimedText> = judged
            .spans
            .iter()
            .filter_map(|span| segment(span, &judged.characters, times.as_deref(), confidence))
            .collect();
        let end_ms = judged.spans.last().map_or(length_ms(passage.samples), |span| span.end_ms);
        Heard { segments, dropped: judged.dropped, end_ms, doubt: judged.doubt, no_speech: decoded.no_speech }
    }
}

impl Heard {
    /// Nothing but what was dropped: the passage of `length_ms` says nothing.
    fn said_by_nobody(self, length_ms: u64) -> Self {
        let dropped = self.segments.iter().map(|segment| Dropped {
            start_ms: segment.start_ms,
            reason: "no_speech".into(),
            characters: segment.text.trim().chars().count(),
        });
        let dropped = self.dropped.into_iter().chain(dropped).collect();
        Self { segments: Vec::new(), dropped, end_ms: length_ms, doubt: Doubt::None, no_speech: self.no_speech }
    }

    /// Adds what was heard in the rest of the passage, from `end_ms` on.
    fn append(&mut self, rest: Heard) {
        let offset_ms = self.end_ms;
        self.dropped.extend(
            rest.dropped.into_iter().map(|dropped| Dropped { start_ms: dropped.start_ms + offset_ms, ..dropped }),
        );
        for mut segment in rest.segments {
            segment.start_ms += offset_ms;
            segment.end_ms += offset_ms;
            for word in &mut segment.words {
                word.start_ms += offset_ms;
                word.end_ms += offset_ms;
            }
            self.segments.push(segment);
        }
        self.end_ms += rest.end_ms;
    }
}

fn length_ms(samples: &[f32]) -> u64 {
    samples_to_ms(u64::try_from(samples.len()).unwrap_or(u64::MAX))
}
