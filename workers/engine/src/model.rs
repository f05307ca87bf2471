//! The network: CTranslate2 behind plain types.

use std::fs::File;
use std::io;
use std::path::Path;

use ct2rs::sys::{ComputeType, Config, Device, StorageView, Whisper, WhisperOptions};
use sha2::{Digest, Sha256};

use super::mel::{FULL_WINDOW, HOP, LogMel};
use super::script::{MANDARIN, traditional_tokens};
use super::vocabulary::Vocabulary;
use crate::AsrError;

/// Silence behind the longest clip of a batch, in frames. Whisper was trained on windows of 30 s; with less than a
/// second of silence at the end it runs on past the speech, with two it does not.
const SILENCE_FRAMES: usize = 200;
/// Windows are as long as a multiple of this many frames (3 s): clips go together with those of the same window only.
const FRAME_STEP: usize = 300;
/// The decoder's places.
const MOST_TOKENS: usize = 448;
/// Frames over which alignments are smoothed; OpenAI's value.
const MEDIAN_FILTER: i64 = 7;
/// Stands for the tokens that the model's own configuration forbids.
const MODELS_OWN: i32 = -1;
/// What the folder must hold besides one of [`VOCABULARIES`].
const WEIGHTS: &str = "model.bin";
const FILES: [&str; 3] = [WEIGHTS, "config.json", "tokenizer.json"];
const VOCABULARIES: [&str; 2] = ["vocabulary.txt", "vocabulary.json"];

/// One loaded Whisper model, safe to share.
pub(super) struct Model {
    whisper: Whisper,
    mel: LogMel,
    pub(super) vocabulary: Vocabulary,
    traditional: Vec<i32>,
    /// SHA-256 of the weights, the first 12 digits: enough to tell which.
    pub(super) fingerprint: String,
}

/// What the encoder made of a batch of clips.
pub(super) struct Encoded(StorageView<'static>);

/// What the decoder made of one clip.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    /// Text and timestamp tokens.
    pub(super) tokens: Vec<usize>,
    /// Mean over the tokens and the end.
    pub(super) log_probability: f32,
    /// 0 to 1.
    pub(super) no_speech: f32,
}

/// How freely the decoder goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decoding {
    pub(super) beam: usize,
    /// No sequence of so many tokens twice; 0 for no such rule.
    pub(super) no_repeat_ngram: usize,
}

/// The window, in frames, that a clip of so many samples is listened to in. It depends on the clip alone: what is
/// understood must not depend on which other clips happen to wait at the same time.
pub(super) fn window_frames(samples: usize) -> usize {
    (samples.div_ceil(HOP) + SILENCE_FRAMES).next_multiple_of(FRAME_STEP).min(FULL_WINDOW)
}

impl Model {
    /// Loads a CTranslate2 Whisper folder in 8-bit integers, `replicas` times with one compute thread each.
    ///
    /// # Errors
    /// [`AsrError::NotLoaded`] naming the file that is missing or damaged.
    pub(super) fn load(folder: &Path, replicas: usize) -> Result<Self, AsrError> {
        let not_loaded = |detail: String| AsrError::NotLoaded { detail };
        let missing = FILES.iter().find(|file| !folder.join(file).is_file());
        if let Some(file) = missing {
            return Err(not_loaded(format!("{} is missing", folder.join(file).display())));
        }
        if !VOCABULARIES.iter().any(|file| folder.join(file).is_file()) {
            return Err(not_loaded(format!("{} is missing", folder.join(VOCABULARIES[0]).display())));
        }
        let vocabulary = Vocabulary::load(folder)?;
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            device_indices: vec![0; replicas],
            num_threads_per_replica: 1,
            ..Config::default()
        };
        let whisper =
            Whisper::new(folder, config).map_err(|error| not_loaded(format!("{}: {error}", folder.display())))?;
        if !whisper.is_multilingual() {
            return Err(not_loaded(format!("{} is a model for English alone", folder.display())));
        }
        let mel = LogMel::new(whisper.n_mels());
        let traditional = traditional_tokens(&vocabulary);
        let fingerprint = fingerprint(&folder.join(WEIGHTS))?;
        Ok(Self { whisper, mel, vocabulary, traditional, fingerprint })
    }

    /// Listens to clips of at most 30 s (mono, 16 kHz), at least one.
    pub(super) fn encode(&self, clips: &[&[f32]]) -> Result<Encoded, AsrError> {
        let bands = self.whisper.n_mels();
        let frames = clips.iter().map(|clip| window_frames(clip.len())).max().unwrap_or(FRAME_STEP);
        let mut windows = vec![0.0; clips.len() * bands * frames];
        for (clip, window) in clips.iter().zip(windows.chunks_exact_mut(bands * frames)) {
            self.mel.write(clip, frames, window);
        }
        let features = StorageView::new(&[clips.len(), bands, frames], &mut windows, Device::CPU)
            .map_err(|error| failed(&error))?;
        self.whisper.encode(&features, false).map(Encoded).map_err(|error| failed(&error))
    }

    /// For each clip the languages and their probabilities.
    pub(super) fn languages(&self, encoded: &Encoded) -> Result<Vec<Vec<(String, f32)>>, AsrError> {
        let detected = self.whisper.detect_language(&encoded.0).map_err(|error| failed(&error))?;
        let plain = |token: String| token.trim_start_matches("<|").trim_end_matches("|>").to_owned();
        Ok(detected
            .into_iter()
            .map(|clip| clip.into_iter().map(|found| (plain(found.language), found.probability)).collect())
            .collect())
    }

    /// Writes down what was said. Each clip's language and what to tell the decoder beforehand: with the same number
    /// of tokens for all, and all in Mandarin or none.
    pub(super) fn generate(
        &self,
        encoded: &Encoded,
        clips: &[(&str, &[String])],
        decoding: Decoding,
    ) -> Result<Vec<Decoded>, AsrError> {
        let prompts: Vec<Vec<String>> = clips.iter().map(|(language, previous)| task(language, previous)).collect();
        let is_mandarin = clips.iter().all(|(language, _)| *language == MANDARIN);
        let mut suppress_tokens = vec![MODELS_OWN];
        if is_mandarin {
            suppress_tokens.extend_from_slice(&self.traditional);
        }
        let options = WhisperOptions {
            suppress_tokens,
            beam_size: decoding.beam,
            no_repeat_ngram_size: decoding.no_repeat_ngram,
            max_length: MOST_TOKENS,
            return_scores: true,
            return_no_speech_prob: true,
            ..WhisperOptions::default()
        };
        let results = self.whisper.generate(&encoded.0, &prompts, &options).map_err(|error| failed(&error))?;
        results
            .into_iter()
            .map(|result| {
                let tokens = result.sequences_ids.into_iter().next().unwrap_or_default();
                let score = result.scores.first().copied().unwrap_or(f32::NEG_INFINITY);
                // The score is the mean over the tokens without the end's.
                let log_probability = score * tokens.len() as f32 / (tokens.len() + 1) as f32;
                Ok(Decoded { tokens, log_probability, no_speech: result.no_speech_prob })
            })
            .collect()
    }

    /// For each clip the path through its `tokens` and the encoder's frames (20 ms), as pairs. All are in `language`.
    pub(super) fn align(
        &self,
        encoded: &Encoded,
        language: &str,
        tokens: &[Vec<usize>],
        lengths_ms: &[u64],
    ) -> Result<Vec<Vec<(i64, i64)>>, AsrError> {
        let start: Vec<usize> = task(language, &[]).iter().filter_map(|token| self.vocabulary.mark(token)).collect();
        let frames: Vec<usize> = lengths_ms.iter().map(|length_ms| (*length_ms / 10) as usize).collect();
        let aligned =
            self.whisper.align(&encoded.0, &start, tokens, &frames, MEDIAN_FILTER).map_err(|error| failed(&error))?;
        Ok(aligned
            .into_iter()
            .map(|clip| clip.alignments.into_iter().map(|step| (step.token_x, step.frame_x)).collect())
            .collect())
    }
}

fn fingerprint(weights: &Path) -> Result<String, AsrError> {
    let not_loaded = |error: io::Error| AsrError::NotLoaded { detail: format!("{}: {error}", weights.display()) };
    let mut hash = Sha256::new();
    io::copy(&mut File::open(weights).map_err(not_loaded)?, &mut hash).map_err(not_loaded)?;
    Ok(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

/// The decoder's first tokens: what went before, then language and task.
fn task(language: &str, previous: &[String]) -> Vec<String> {
    let mut tokens = Vec::with_capacity(previous.len() + 4);
    if !previous.is_empty() {
        tokens.push("<|startofprev|>".to_owned());
        tokens.extend_from_slice(previous);
    }
    tokens.extend(["<|startoftranscript|>".to_owned(), format!("<|{language}|>"), "<|transcribe|>".to_owned()]);
    tokens
}

fn failed(error: &impl ToString) -> AsrError {
    AsrError::Failed { detail: error.to_string() }
}
