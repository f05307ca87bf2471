//! The network: CTranslate2 behind plain types.

use std::path::Path;
use std::sync::Arc;

use earmark_asr::local::window_frames;

use crate::mel::LogMel;
use crate::simplified_chinese::{MANDARIN, traditional_tokens};
use crate::vocabulary::Vocabulary;
use crate::whisper::{Encoded, Search, Whisper};

/// The decoder's places.
const MOST_TOKENS: usize = 448;
/// Frames over which alignments are smoothed; OpenAI's value.
const MEDIAN_FILTER: i64 = 7;
/// Stands for the tokens that the model's own configuration forbids.
const MODELS_OWN: i32 = -1;

/// One loaded Whisper model as one thread computes with it; the weights are shared by all that were loaded together.
pub(crate) struct Model {
    whisper: Arc<Whisper>,
    thread: usize,
    mel: Arc<LogMel>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    traditional: Arc<[i32]>,
}

/// What the decoder made of one clip.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    /// Text and timestamp tokens.
    pub(crate) tokens: Vec<usize>,
    /// Mean over the tokens and the end.
    pub(crate) log_probability: f32,
    /// 0 to 1.
    pub(crate) no_speech: f32,
}

/// How freely the decoder goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decoding {
    pub(crate) beam: usize,
    /// No sequence of so many tokens twice; 0 for no such rule.
    pub(crate) no_repeat_ngram: usize,
}

impl Model {
    /// Loads a CTranslate2 Whisper folder for `threads` (at least one) that compute at the same time, in floating point or
    /// in 8-bit integers: one model for each.
    ///
    /// # Errors
    /// What is missing or damaged, with the file's name.
    pub(crate) fn load(folder: &Path, threads: usize, is_float: bool) -> Result<Vec<Self>, String> {
        let vocabulary = Arc::new(Vocabulary::load(folder)?);
        let whisper =
            Whisper::load(folder, threads, is_float).map_err(|error| format!("{}: {error}", folder.display()))?;
        if !whisper.is_multilingual() {
            return Err(format!("{} is a model for English alone", folder.display()));
        }
        let whisper = Arc::new(whisper);
        let mel = Arc::new(LogMel::new(whisper.bands()));
        let traditional: Arc<[i32]> = traditional_tokens(&vocabulary).into();
        let model = |thread| Self {
            whisper: Arc::clone(&whisper),
            thread,
            mel: Arc::clone(&mel),
            vocabulary: Arc::clone(&vocabulary),
            traditional: Arc::clone(&traditional),
        };
        Ok((0..threads).map(model).collect())
    }

    /// Listens to clips of at most 30 s (mono, 16 kHz), at least one.
    pub(crate) fn encode(&self, clips: &[&[f32]]) -> Result<Encoded, String> {
        let bands = self.whisper.bands();
        let frames = clips.iter().map(|clip| window_frames(clip.len())).max().unwrap_or_default();
        let mut windows = vec![0.0; clips.len() * bands * frames];
        for (clip, window) in clips.iter().zip(windows.chunks_exact_mut(bands * frames)) {
            self.mel.write(clip, frames, window);
        }
        self.whisper.encode(self.thread, &mut windows, clips.len(), frames)
    }

    /// For each clip the languages and their probabilities.
    pub(crate) fn languages(&self, encoded: &Encoded) -> Result<Vec<Vec<(String, f32)>>, String> {
        let mut detected = self.whisper.languages(self.thread, encoded)?;
        for (language, _) in detected.iter_mut().flatten() {
            *language = language.trim_start_matches("<|").trim_end_matches("|>").to_owned();
        }
        Ok(detected)
    }

    /// Writes down what was said. Each clip's language and what to tell the decoder beforehand: with the same number
    /// of tokens for all, and all in Mandarin or none.
    pub(crate) fn generate(
        &self,
        encoded: &Encoded,
        clips: &[(&str, &[usize])],
        decoding: Decoding,
    ) -> Result<Vec<Decoded>, String> {
        let prompts: Vec<Vec<usize>> = clips.iter().map(|(language, previous)| self.task(language, previous)).collect();
        let is_mandarin = clips.iter().all(|(language, _)| *language == MANDARIN);
        let mut suppressed = vec![MODELS_OWN];
        if is_mandarin {
            suppressed.extend_from_slice(&self.traditional);
        }
        let search = Search {
            beam: decoding.beam,
            no_repeat_ngram: decoding.no_repeat_ngram,
            most_tokens: MOST_TOKENS,
            suppressed: &suppressed,
        };
        let heard = self.whisper.generate(self.thread, encoded, &prompts, &search)?;
        Ok(heard
            .into_iter()
            .map(|heard| {
                // The score is the mean over the tokens without the end's.
                #[expect(clippy::as_conversions, reason = "at most 448 tokens")]
                let log_probability = heard.score * heard.ids.len() as f32 / (heard.ids.len() + 1) as f32;
                Decoded { tokens: heard.ids, log_probability, no_speech: heard.no_speech }
            })
            .collect())
    }

    /// For each clip the path through its `tokens` and the encoder's frames (20 ms), as pairs. All are in `language`.
    pub(crate) fn align(
        &self,
        encoded: &Encoded,
        language: &str,
        tokens: &[Vec<usize>],
        lengths_ms: &[u64],
    ) -> Result<Vec<Vec<(i64, i64)>>, String> {
        let in_frames = |length_ms: &u64| usize::try_from(length_ms / 10).unwrap_or(usize::MAX);
        let frames: Vec<usize> = lengths_ms.iter().map(in_frames).collect();
        self.whisper.align(self.thread, encoded, &self.task(language, &[]), tokens, &frames, MEDIAN_FILTER)
    }

    /// The decoder's first tokens: what went before, then language and task.
    fn task(&self, language: &str, previous: &[usize]) -> Vec<usize> {
        let mark = |token: &str| self.vocabulary.mark(token);
        let before = if previous.is_empty() { None } else { mark("<|startofprev|>") };
        let task = [mark("<|startoftranscript|>"), mark(&format!("<|{language}|>")), mark("<|transcribe|>")];
        before.into_iter().chain(previous.iter().copied()).chain(task.into_iter().flatten()).collect()
    }
}
