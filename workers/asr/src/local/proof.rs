//! An engine proves itself before it is believed: known speech goes through every thread that will be used.

use std::time::{Duration, Instant};

use earmark_core::ms_to_samples;

use super::listening_window::LONGEST_CLIP_MS;
use super::process::{Process, Texts};
use super::termination::Termination;
use crate::hallucination::normalised;
use crate::{ClipRequest, LanguageChoice, Sound};

/// Three seconds of a reading of Jane Austen (LibriVox, public domain; `tests/fixtures/real/austen0880.flac`): 16-bit
/// samples, little-endian, mono, 16 kHz. The rest of the longest clip is silence: what a clip takes in time and memory is
/// proved too.
const SPEECH: &[u8] = include_bytes!("proof.s16le");
/// What is said in it.
const WORDS: &str = "He was not an ill-disposed young man.";
/// Of the letters so many in a hundred may be others: models differ in a letter, what computes wrongly in all.
const MOST_WRONG_PERCENT: usize = 25;

/// Why a proof failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// The engine ended.
    #[error("{0}")]
    Ended(Termination),
    /// Nothing could be asked: says nothing of the engine.
    #[error("{0}")]
    NotAsked(String),
    /// It heard something else, or nothing.
    #[error("{0}")]
    Wrong(String),
}

/// How long the proof took, or what was wrong.
pub(super) fn prove(process: &Process, threads: usize, batch: usize, deadline: Duration) -> Result<Duration, Failed> {
    let request = request();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..threads)
            .map(|thread| {
                let requests = vec![request.clone(); batch];
                std::thread::Builder::new().spawn_scoped(scope, move || process.ask(thread, &requests, deadline))
            })
            .collect();
        for answer in asked {
            let answer = answer.map_err(|error| Failed::NotAsked(format!("cannot start a thread: {error}")))?;
            let texts = answer.join().map_err(|_| Failed::Wrong("it panicked".into()))?.map_err(Failed::Ended)?;
            check(&texts).map_err(Failed::Wrong)?;
        }
        Ok(began.elapsed())
    })
}

/// The known speech, asked for as clips of recordings are.
fn request() -> ClipRequest {
    let (whole, _) = SPEECH.as_chunks::<2>();
    let mut samples: Vec<f32> = whole.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
    samples.resize(usize::try_from(ms_to_samples(LONGEST_CLIP_MS)).expect("half a million"), 0.0);
    let language = LanguageChoice::Detect { candidates: vec!["en".into()], likely: None };
    ClipRequest { has_words: true, ..ClipRequest::new(Sound::of(samples.into()), language, "proof".into()) }
}

fn check(texts: &Texts) -> Result<(), String> {
    for text in texts {
        let text = text.as_ref().map_err(Clone::clone)?;
        let heard = text.segments.iter().map(|segment| segment.text.trim()).collect::<Vec<_>>().join(" ");
        let (said, heard_plain) = (letters(WORDS), letters(&heard));
        if 100 * distance(&said, &heard_plain) > MOST_WRONG_PERCENT * said.len() {
            return Err(format!("it heard {heard:?} where {WORDS:?} was said"));
        }
    }
    Ok(())
}

fn letters(text: &str) -> Vec<char> {
    normalised(text, false).chars().collect()
}

/// Letters to be changed, added or left out.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = corner + usize::from(from != to);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use earmark_core::{ClipText, TimePrecision, TimedText};

    use super::*;

    fn heard(text: &str) -> Texts {
        let segment = TimedText { start_ms: 0, end_ms: 2900, text: text.into(), confidence: None, words: Vec::new() };
        vec![Ok(ClipText {
            language: Some("en".into()),
            segments: vec![segment],
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        })]
    }

    #[test]
    fn the_words_that_were_said_are_believed_however_they_are_written_and_others_are_not() {
        for text in [
            "He was not an ill-disposed young man.",
            "he was not, an ill disposed young man",
            "He was not an ill-disposed young men",
        ] {
            check(&heard(text)).unwrap();
        }
        for text in ["", "Thank you.", "He was", "!!!!!!!!!!", "he he he he he he he he he he he he he he"] {
            assert!(check(&heard(text)).unwrap_err().contains("ill-disposed"), "{text}");
        }
        assert_eq!(check(&vec![Err("no".into())]), Err("no".to_owned()));
    }

    #[test]
    fn the_longest_clip_there_is_goes_through() {
        assert_eq!(request().sound.duration_ms(), LONGEST_CLIP_MS);
    }
}
