//! What an engine's process is asked and what it answers, over one socket: a frame is the length of a JSON text (four
//! bytes, little-endian), the text, and behind a question the samples of its clips (32-bit floats, little-endian).

use std::io::{self, BufWriter, Read, Write};
use std::mem::size_of;

use earmark_core::{ClipText, samples_to_ms};
use serde::{Deserialize, Serialize};

use crate::{ClipRequest, LanguageChoice};

/// No text of either side is longer; more is nonsense.
const LONGEST_TEXT_BYTES: u32 = 16 << 20;
/// The longest clip, in ms: twice what any engine takes.
const LONGEST_CLIP_MS: u64 = 60_000;
/// Samples that are turned into bytes, or back, at a time.
const SAMPLES_AT_ONCE: usize = 8 << 10;

/// A batch for one of the engine's threads.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    /// Its number, which the answer bears.
    pub batch: u64,
    /// Which thread is to work on it, from 0.
    pub thread: usize,
    /// What is known of each clip.
    pub clips: Vec<ClipHead>,
}

/// A clip without its samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClipHead {
    /// How many samples there are.
    pub samples: usize,
    /// In which language it is, or how that is to be found out.
    pub language: LanguageChoice,
    /// Fixed context: names of products, the kind of conversation.
    pub prompt: Option<String>,
    /// Names and terms to be spelled right.
    pub glossary: Vec<String>,
    /// Whether every word is to be aligned.
    pub has_words: bool,
}

/// A clip as the engine gets it.
#[derive(Debug)]
pub struct Clip {
    /// What is known of it.
    pub head: ClipHead,
    /// Mono, 16 kHz, -1 to 1.
    pub samples: Vec<f32>,
}

/// What the engine says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The model is loaded; said once, first.
    Ready {
        /// The library that computes, as path, size and time of change: another one is to be proved anew.
        library: String,
        /// The languages that the model knows.
        languages: Vec<String>,
    },
    /// The model cannot be loaded; said instead, and last.
    NotLoaded {
        /// Which file, what is wrong.
        detail: String,
    },
    /// What was heard in a batch.
    Heard {
        /// The number of the question that this answers.
        batch: u64,
        /// For each clip in order its text, or why there is none.
        texts: Vec<Result<ClipText, String>>,
    },
}

/// Sends a batch; the samples go from where they are.
///
/// # Errors
/// [`io::Error`] when the engine does not take it.
pub(crate) fn write_question(to: impl Write, batch: u64, thread: usize, requests: &[ClipRequest]) -> io::Result<()> {
    let head = |request: &ClipRequest| ClipHead {
        samples: request.sound.samples().len(),
        language: request.language.clone(),
        prompt: request.prompt.clone(),
        glossary: request.glossary.clone(),
        has_words: request.has_words,
    };
    let mut to = BufWriter::with_capacity(SAMPLES_AT_ONCE * size_of::<f32>(), to);
    let question = Question { batch, thread, clips: requests.iter().map(head).collect() };
    let samples = requests.iter().flat_map(|request| request.sound.samples());
    let written = write_text(&mut to, &question)
        .and_then(|()| samples.into_iter().try_for_each(|sample| to.write_all(&sample.to_le_bytes())))
        .and_then(|()| to.flush());
    if written.is_err() {
        // Dropped as it is, it would try once more to get rid of what is left, and wait as long again.
        let _ = to.into_parts();
    }
    written
}

/// The next batch: number, thread, clips. `None` at the end.
///
/// # Errors
/// [`io::Error`] when the other side breaks off or sends nonsense.
pub fn read_question(mut from: impl Read) -> io::Result<Option<(u64, usize, Vec<Clip>)>> {
    let Some(question) = read_text::<Question>(&mut from)? else { return Ok(None) };
    let mut clips = Vec::with_capacity(question.clips.len());
    for head in question.clips {
        if samples_to_ms(u64::try_from(head.samples).unwrap_or(u64::MAX)) > LONGEST_CLIP_MS {
            return Err(nonsense(format!("a clip of {} samples", head.samples)));
        }
        let samples = read_samples(&mut from, head.samples)?;
        clips.push(Clip { head, samples });
    }
    Ok(Some((question.batch, question.thread, clips)))
}

fn read_samples(from: &mut impl Read, count: usize) -> io::Result<Vec<f32>> {
    let mut samples = Vec::with_capacity(count);
    let mut bytes = [0; SAMPLES_AT_ONCE * size_of::<f32>()];
    while samples.len() < count {
        let some = &mut bytes[..(count - samples.len()).min(SAMPLES_AT_ONCE) * size_of::<f32>()];
        from.read_exact(some)?;
        let (whole, _) = some.as_chunks::<{ size_of::<f32>() }>();
        samples.extend(whole.iter().map(|sample| f32::from_le_bytes(*sample)));
    }
    Ok(samples)
}

/// Says something to whoever started the engine.
///
/// # Errors
/// [`io::Error`] when nobody listens.
pub fn write_answer(mut to: impl Write, answer: &Answer) -> io::Result<()> {
    write_text(&mut to, answer)?;
    to.flush()
}

/// What the engine says next; `None` when it is gone.
///
/// # Errors
/// [`io::Error`] when it breaks off within a word or talks nonsense.
pub(crate) fn read_answer(from: impl Read) -> io::Result<Option<Answer>> {
    read_text(from)
}

fn write_text(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= LONGEST_TEXT_BYTES);
    let length = length.ok_or_else(|| nonsense(format!("a text of {} bytes", text.len())))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&text)
}

fn read_text<T: for<'de> Deserialize<'de>>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let mut read = 0;
    while read < length.len() {
        match from.read(&mut length[read..]) {
            Ok(0) if read == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(length);
    if length > LONGEST_TEXT_BYTES {
        return Err(nonsense(format!("a text of {length} bytes is announced")));
    }
    let mut text = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut text)?;
    // Whole as a frame: one that is cut short as a text is no end.
    serde_json::from_slice(&text).map(Some).map_err(|error| nonsense(error.to_string()))
}

fn nonsense(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Sound;

    #[test]
    fn a_batch_comes_out_as_it_went_in() {
        let samples: Vec<f32> = (0..20_000u16).map(|at| f32::from(at) / 20_000.0).collect();
        let detect = LanguageChoice::Detect { candidates: vec!["zh".into()], likely: Some("en".into()) };
        let requests = [
            ClipRequest {
                prompt: Some("一二".into()),
                glossary: vec!["GLM".into()],
                has_words: true,
                ..ClipRequest::new(Sound::of(samples.clone().into()), detect.clone(), "a".into())
            },
            ClipRequest::new(Sound::of(Arc::from([])), LanguageChoice::Fixed("en".into()), "b".into()),
        ];
        let mut bytes = Vec::new();
        write_question(&mut bytes, 7, 1, &requests).unwrap();
        let mut bytes = bytes.as_slice();
        let (batch, thread, clips) = read_question(&mut bytes).unwrap().unwrap();
        assert_eq!((batch, thread, clips.len()), (7, 1, 2));
        assert_eq!((clips[0].samples.as_slice(), &clips[0].head.language), (samples.as_slice(), &detect));
        assert_eq!(
            (clips[0].head.prompt.as_deref(), clips[0].head.glossary.as_slice()),
            (Some("一二"), &["GLM".to_owned()][..])
        );
        assert!(clips[0].head.has_words && clips[1].samples.is_empty());
        assert!(read_question(bytes).unwrap().is_none());
    }

    #[test]
    fn nonsense_is_refused_before_memory_is_taken_for_it() {
        let error = read_answer(&[0xFF, 0xFF, 0xFF, 0xFF, b'{'][..]).unwrap_err();
        assert!(error.to_string().contains("4294967295"), "{error}");
        assert_eq!(read_answer(&[9, 0][..]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read_answer(&[3, 0, 0, 0, b'{'][..]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        for text in ["abc", "{\"h"] {
            let frame = [&[3, 0, 0, 0], text.as_bytes()].concat();
            assert_eq!(read_answer(&frame[..]).unwrap_err().kind(), io::ErrorKind::InvalidData, "{text}");
        }
        let mut long = Vec::new();
        let head = ClipHead {
            samples: usize::MAX / 32_000,
            language: LanguageChoice::Fixed("en".into()),
            prompt: None,
            glossary: Vec::new(),
            has_words: false,
        };
        write_text(&mut long, &Question { batch: 0, thread: 0, clips: vec![head] }).unwrap();
        assert!(read_question(long.as_slice()).unwrap_err().to_string().contains("samples"));
    }
}
