//! A clip's sound as a file to upload.

/// A WAV file, 16 bit mono at `sample_rate_hz`, of `samples` between -1 and 1; what lies outside is clipped.
pub fn wav(samples: &[f32], sample_rate_hz: u32) -> Vec<u8> {
    const HEADER: u32 = 44;
    let data_bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - HEADER);
    let mut file = Vec::with_capacity(samples.len() * 2 + HEADER as usize);
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
    file.extend(samples.iter().flat_map(|sample| to_i16(*sample).to_le_bytes()));
    file
}

fn to_i16(sample: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "saturating, and rounded before")]
    let value = (sample * 32768.0).round() as i16;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
