//! A batch of clips to their texts.

use earmark_asr::LanguageChoice;
use earmark_asr::hallucination::is_silent;
use earmark_asr::local::wire::Clip;
use earmark_core::{ClipText, Dropped, OtherLanguage, TimePrecision, TimedText, ms_to_samples};

use crate::judge::{Doubt, Judged, judge};
use crate::language::{ASKED_TWICE_MS, choose, mean, other, slowed};
use crate::model::{Decoded, Decoding, Model};
use crate::prompt::Previous;
use crate::short_clip::{SILENCE_MS, behind_silence, is_short, length_ms};
use crate::simplified_chinese::MANDARIN;
use crate::timing::{Stretch, character_times, segment, tail_without_time};
use crate::whisper::Encoded;

/// The model closes a text and leaves the rest of the clip unheard at times; a rest as long as this is listened to
/// again by itself.
const UNHEARD_REST_MS: u64 = 2000;
/// A rest of which less than this is understood is noise: no third listening.
const LEAST_PROGRESS_MS: u64 = 300;
/// The model listens to no more at once.
const MOST_MS: u64 = 30_000;
/// On the second try no sequence of so many tokens may come twice.
const NO_REPEAT_NGRAM: usize = 6;
/// What is heard on the second try in a clip of which nothing was left has to be more than possible: noise that is asked
/// twice is given a text more often than once.
const LOST_NO_SPEECH: f32 = 0.4;
const LOST_CONFIDENCE: f32 = 0.4;

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
    /// What else the clip sounds like.
    other_language: Option<OtherLanguage>,
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
    /// How sure it is of its text, 0 to 1.
    confidence: f32,
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
        for (clip, detected) in clips.iter().zip(&mut detected) {
            self.ask_language_again(clip, detected)?;
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

    /// Where a clip may be in none of the languages that it may be in, the detector hears it once more, slower.
    fn ask_language_again(&self, clip: &Clip, detected: &mut Vec<(String, f32)>) -> Result<(), String> {
        let LanguageChoice::Detect { candidates, .. } = &clip.head.language else { return Ok(()) };
        if length_ms(&clip.samples) < ASKED_TWICE_MS || other(detected, candidates).is_none() {
            return Ok(());
        }
        let slowed = slowed(&clip.samples);
        let most = usize::try_from(ms_to_samples(MOST_MS)).unwrap_or(usize::MAX).min(slowed.len());
        let again = self.model.languages(&self.model.encode(&[&slowed[..most]])?)?;
        if let Some(again) = again.first() {
            *detected = mean(detected, again);
        }
        Ok(())
    }

    fn passage<'a>(&self, clip: &'a Clip, detected: &[(String, f32)]) -> Passage<'a> {
        let (language, other_language) = match &clip.head.language {
            LanguageChoice::Fixed(language) => (language.clone(), None),
            LanguageChoice::Detect { candidates, likely } => {
                let language = choose(detected, candidates, likely.as_deref()).unwrap_or_else(|| "en".to_owned());
                (language, other(detected, candidates))
            }
        };
        let previous =
            Previous::new(&self.model.vocabulary, &language, clip.head.prompt.as_deref(), &clip.head.glossary);
        Passage { samples: &clip.samples, language, previous, has_words: clip.head.has_words, other_language }
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
                other_language: None,
            };
            let first = self.alone(&rest, self.usual())?;
            let more = self.second_try(&rest, first)?;
            let is_over = more.segments.is_empty() || more.end_ms < LEAST_PROGRESS_MS;
            heard.append(more);
            if is_over {
                break;
            }
        }
        Ok(ClipText {
            language: Some(passage.language.clone()),
            segments: heard.segments,
            time_precision: TimePrecision::Segment,
            dropped: heard.dropped,
            billed_ms: 0,
            refused: None,
            other_language: passage.other_language.clone(),
        })
    }

    /// Without what was told beforehand, which inventions, loops and echoes come from, and with repetitions forbidden; a
    /// short clip without the script's line as well, and behind silence.
    fn second_try(&self, passage: &Passage<'_>, first: Heard) -> Result<Heard, String> {
        if first.doubt == Doubt::None {
            return Ok(first);
        }
        let is_short = is_short(passage.samples);
        let padded = if is_short { behind_silence(passage.samples) } else { Vec::new() };
        let script = Previous::script(&self.model.vocabulary, &passage.language);
        let plain = Passage {
            samples: if is_short { &padded } else { passage.samples },
            language: passage.language.clone(),
            previous: if is_short { Previous::default() } else { script },
            has_words: passage.has_words,
            other_language: None,
        };
        let mut second = self.alone(&plain, Decoding { beam: self.beam, no_repeat_ngram: NO_REPEAT_NGRAM })?;
        if is_short {
            second.move_back(SILENCE_MS, length_ms(passage.samples));
        }
        let is_whole = second.doubt == Doubt::None && !second.segments.is_empty();
        Ok(match first.doubt {
            Doubt::None => first,
            Doubt::Improbable | Doubt::Broken if is_silent(second.no_speech) => {
                first.said_by_nobody(length_ms(passage.samples))
            }
            // What is left of a short clip's text, once it is cut, is right more often than what is heard without the line.
            Doubt::Broken | Doubt::Uncertain if is_short && !first.segments.is_empty() => {
                if is_whole && second.confidence > first.confidence { second } else { first }
            }
            Doubt::Broken if is_whole => second,
            Doubt::Lost
                if !second.segments.is_empty()
                    && second.no_speech < LOST_NO_SPEECH
                    && second.confidence > LOST_CONFIDENCE =>
            {
                second
            }
            Doubt::Improbable | Doubt::Uncertain | Doubt::Broken | Doubt::Lost => first,
        })
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
        let vocabulary = &self.model.vocabulary;
        let judged: Vec<Judged> = passages
            .iter()
            .zip(&decoded)
            .map(|(passage, decoded)| judge(vocabulary, passage.samples, &passage.language, &passage.previous, decoded))
            .collect();
        let times = self.times(passages, encoded, &decoded, &judged)?;
        let heard = passages.iter().zip(&decoded).zip(judged).zip(times);
        Ok(heard.map(|(((passage, decoded), judged), times)| self.heard(passage, decoded, judged, times)).collect())
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
        let length_ms = length_ms(passage.samples);
        let Judged { spans, mut characters, mut dropped, mut doubt, .. } = judged;
        // Words that took no time were not spoken.
        let spoken = times.as_deref().map_or(characters.len(), |times| tail_without_time(&characters, times));
        if spoken < characters.len() {
            let start_ms = times.as_deref().and_then(|times| times.get(spoken)).map_or(length_ms, |time| time.start_ms);
            let text: String = characters.drain(spoken..).map(|character| character.value).collect();
            let characters = text.trim().chars().count();
            dropped.push(Dropped { start_ms, end_ms: Some(start_ms), reason: "no_time".into(), characters });
            doubt = Doubt::Broken;
        }
        let segments: Vec<TimedText> =
            spans.iter().filter_map(|span| segment(span, &characters, times.as_deref(), confidence)).collect();
        let end_ms = spans.last().map_or(length_ms, |span| span.end_ms);
        Heard { segments, dropped, end_ms, doubt, no_speech: decoded.no_speech, confidence }
    }
}

impl Heard {
    /// Nothing but what was dropped: the passage of `length_ms` says nothing.
    fn said_by_nobody(self, length_ms: u64) -> Self {
        let dropped = self.segments.iter().map(|segment| Dropped {
            start_ms: segment.start_ms,
            end_ms: Some(segment.end_ms),
            reason: "no_speech".into(),
            characters: segment.text.trim().chars().count(),
        });
        let dropped = self.dropped.into_iter().chain(dropped).collect();
        Self { segments: Vec::new(), dropped, end_ms: length_ms, doubt: Doubt::None, ..self }
    }

    /// The times of what was heard behind `silence_ms` of silence, as times of the clip of `length_ms` alone.
    fn move_back(&mut self, silence_ms: u64, length_ms: u64) {
        let back = |ms: &mut u64| *ms = ms.saturating_sub(silence_ms).min(length_ms);
        back(&mut self.end_ms);
        for dropped in &mut self.dropped {
            back(&mut dropped.start_ms);
            dropped.end_ms.iter_mut().for_each(back);
        }
        for segment in &mut self.segments {
            back(&mut segment.start_ms);
            back(&mut segment.end_ms);
            for word in &mut segment.words {
                back(&mut word.start_ms);
                back(&mut word.end_ms);
            }
        }
    }

    /// Adds what was heard in the rest of the passage, from `end_ms` on.
    fn append(&mut self, rest: Heard) {
        let offset_ms = self.end_ms;
        self.dropped.extend(rest.dropped.into_iter().map(|dropped| Dropped {
            start_ms: dropped.start_ms + offset_ms,
            end_ms: dropped.end_ms.map(|end_ms| end_ms + offset_ms),
            ..dropped
        }));
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
