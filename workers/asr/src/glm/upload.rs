//! A clip's samples as the file that goes up.

use std::sync::Arc;

use bytes::Bytes;
use earmark_core::SAMPLE_RATE_HZ;

use super::mp3;
use super::options::GlmOptions;
use crate::{AsrError, UploadFormat};

/// The telephone's rate.
const TELEPHONE_HZ: u32 = 8000;
/// What loudness is measured over: 100 ms, a syllable.
const SYLLABLE_SAMPLES: usize = 1600;
/// What silence of all zeros counts as.
const SILENCE_DB: f32 = -120.0;

/// A file ready to go up.
pub(super) struct Upload {
    pub(super) bytes: Bytes,
    pub(super) format: UploadFormat,
    /// The loudest 100 ms, in decibels relative to full scale.
    pub(super) loudness_db: f32,
}

/// The file that `samples` (16 kHz, of a recording that had `source_rate_hz`) go up as.
///
/// # Errors
/// [`AsrError::NotEncoded`].
pub(super) async fn encode(options: &GlmOptions, samples: Arc<[f32]>, source_rate_hz: u32) -> Result<Upload, AsrError> {
    let is_halved = options.sends_source_rate && source_rate_hz <= TELEPHONE_HZ;
    let encoding = tokio::task::spawn_blocking(move || {
        let file = if is_halved { wav(&halved(&samples), TELEPHONE_HZ) } else { wav(&samples, SAMPLE_RATE_HZ) };
        (Bytes::from(file), loudness_db(&samples))
    });
    let (file, loudness_db) = encoding.await.map_err(|error| AsrError::NotEncoded { detail: error.to_string() })?;
    let bytes = match options.upload {
        UploadFormat::Wav => file,
        UploadFormat::Mp3 => mp3::encode(options.ffmpeg.as_deref(), file).await?,
    };
    Ok(Upload { bytes, format: options.upload, loudness_db })
}

/// Every other sample. No filter is needed: what was recorded at 8 kHz holds nothing above 4 kHz after its rate was
/// doubled, and the samples kept are then the recorded ones.
fn halved(samples: &[f32]) -> Vec<f32> {
    samples.iter().step_by(2).copied().collect()
}

/// The root mean square of the loudest 100 ms.
fn loudness_db(samples: &[f32]) -> f32 {
    #[expect(clippy::as_conversions, reason = "at most 1600 samples")]
    let mean_square = |part: &[f32]| part.iter().map(|sample| sample * sample).sum::<f32>() / part.len() as f32;
    let loudest = samples.chunks(SYLLABLE_SAMPLES).map(mean_square).fold(0.0, f32::max);
    (10.0 * loudest.log10()).max(SILENCE_DB)
}

/// A WAV file, 16 bit mono at `sample_rate_hz`, of `samples` between -1 and 1; what lies outside is clipped.
pub fn wav(samples: &[f32], sample_rate_hz: u32) -> Vec<u8> {
    const HEADER: u32 = 44;
    const HEADER_BYTES: usize = 44;
    let data_bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - HEADER);
    let mut file = Vec::with_capacity(samples.len() * 2 + HEADER_BYTES);
    file.extend(b"RIFF");
    file.extend((HEADER - 8 + data_bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes()); // PCM
    file.extend(1_u16.to_le_bytes()); // one channel
    file.extend(sample_rate_hz.to_le_bytes());
    file.extend((sample_rate_hz * 2).to_le_bytes()); // bytes a second
    file.extend(2_u16.to_le_bytes()); // bytes a sample of all channels
    file.extend(16_u16.to_le_bytes()); // bits a sample
    file.extend(b"data");
    file.extend(data_bytes.to_le_bytes());
    let header = file.len();
    file.resize(header + samples.len() * 2, 0);
    for (pair, sample) in file[header..].chunks_exact_mut(2).zip(samples) {
        pair.copy_from_slice(&to_i16(*sample).to_le_bytes());
    }
    file
}

/// The nearest, half a step away from zero; `f32::round` does the same in a call for each sample, four times slower.
fn to_i16(sample: f32) -> i16 {
    let value = sample * 32768.0;
    #[expect(clippy::as_conversions, reason = "saturating, and rounded before")]
    let value = (value + 0.5_f32.copysign(value)) as i16;
    value
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "small numbers of samples as floats and back")]

    use super::*;

    fn tone(hertz: f32, rate_hz: f32, samples: usize, peak: f32) -> Vec<f32> {
        (0..samples).map(|at| peak * (std::f32::consts::TAU * hertz * at as f32 / rate_hz).sin()).collect()
    }

    #[test]
    fn a_wav_file_says_what_it_holds() {
        let file = wav(&[0.0, 0.5, -1.0, 2.0], 16_000);
        assert_eq!(file.len(), 52);
        assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()), 44);
        assert_eq!(u32::from_le_bytes(file[24..28].try_into().unwrap()), 16_000);
        assert_eq!(u32::from_le_bytes(file[40..44].try_into().unwrap()), 8);
        let samples: Vec<i16> = file[44..].chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(samples, [0, 16_384, -32_768, 32_767]);
    }

    #[test]
    fn loudness_is_that_of_the_loudest_syllable() {
        let mut samples = vec![0.0; 32_000];
        assert!((loudness_db(&samples) - SILENCE_DB).abs() < 0.01);
        assert!((loudness_db(&[]) - SILENCE_DB).abs() < 0.01);
        samples[16_000..17_600].copy_from_slice(&tone(440.0, 16_000.0, 1600, 0.1));
        // A sine's root mean square is 3 dB below its peak.
        assert!((loudness_db(&samples) + 23.0).abs() < 0.1, "{}", loudness_db(&samples));
    }

    #[tokio::test]
    async fn a_telephone_call_goes_up_at_its_own_rate_where_that_is_wanted_and_others_never() {
        let samples: Arc<[f32]> = tone(1000.0, 16_000.0, 16_000, 0.5).into();
        let mut options = GlmOptions::new(String::new());
        for (sends_source_rate, source_rate_hz, rate_hz) in
            [(true, 8000, 8000), (true, 16_000, 16_000), (true, 44_100, 16_000), (false, 8000, 16_000)]
        {
            options.sends_source_rate = sends_source_rate;
            let upload = encode(&options, Arc::clone(&samples), source_rate_hz).await.unwrap();
            assert_eq!(upload.bytes.len(), 44 + 2 * rate_hz as usize, "{sends_source_rate} {source_rate_hz}");
            assert_eq!(u32::from_le_bytes(upload.bytes[24..28].try_into().unwrap()), rate_hz);
            let expected = wav(&tone(1000.0, rate_hz as f32, rate_hz as usize, 0.5), rate_hz);
            let worst = |a: &[u8], b: &[u8]| {
                let value = |pair: &[u8]| i32::from(i16::from_le_bytes([pair[0], pair[1]]));
                a.chunks(2).zip(b.chunks(2)).map(|(a, b)| (value(a) - value(b)).abs()).max()
            };
            assert!(worst(&upload.bytes[44..], &expected[44..]) <= Some(2));
        }
    }
}
