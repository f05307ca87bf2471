//! How strong a frame is in each of a dozen bands of speech.

/// Bands of a frame.
pub(super) const BANDS: usize = 12;
/// Where they begin and end, in lines of the detector's spectra (62.5 Hz each): 190 to 3600 Hz, as telephones carry.
const EDGES: [usize; BANDS + 1] = [3, 5, 7, 9, 11, 14, 17, 21, 26, 32, 39, 48, 58];
/// A line of a full-scale tone in one of the detector's four windowed spectra of a frame, squared, times four.
const FULL_SCALE: f32 = 64.0 * 64.0 * 4.0;
/// What a byte of 0 stands for, in dB below a full-scale tone.
const LOWEST_DB: f32 = -110.0;

/// The power in each band in half decibels, a byte each: a recording's length of them is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bands([u8; BANDS]);

impl Bands {
    /// Nothing to be heard.
    pub(super) const SILENCE: Self = Self([0; BANDS]);

    /// Of a frame's spectra, one behind the other (sizes, not powers), which were raised by `raised_db` before.
    pub(super) fn of<'a>(spectra: impl Iterator<Item = &'a [f32]>, raised_db: f32) -> Self {
        let mut powers = [0.0_f32; BANDS];
        for spectrum in spectra {
            for (power, edges) in powers.iter_mut().zip(EDGES.windows(2)) {
                *power += spectrum[edges[0]..edges[1]].iter().map(|size| size * size).sum::<f32>();
            }
        }
        Self(powers.map(|power| {
            let db = 10.0 * (power / FULL_SCALE + 1e-12).log10() - raised_db;
            #[expect(clippy::as_conversions, reason = "saturating, and clamped before")]
            let code = ((db - LOWEST_DB) * 2.0).round().clamp(0.0, 255.0) as u8;
            code
        }))
    }

    /// In dB, band by band.
    pub(super) fn db(self) -> [f32; BANDS] {
        self.0.map(|code| f32::from(code) / 2.0 + LOWEST_DB)
    }

    /// The bytes.
    pub(super) fn codes(self) -> [u8; BANDS] {
        self.0
    }
}

/// From bytes to powers.
#[derive(Debug)]
pub(super) struct Powers([f32; 256]);

impl Powers {
    pub(super) fn new() -> Self {
        let mut table = [0.0; 256];
        for (code, power) in (0_u8..=255).zip(&mut table) {
            *power = power_of(f32::from(code) / 2.0 + LOWEST_DB);
        }
        Self(table)
    }

    /// The power in each band.
    pub(super) fn of(&self, bands: Bands) -> [f32; BANDS] {
        bands.0.map(|code| self.0[usize::from(code)])
    }
}

/// The power of so many decibels.
pub(super) fn power_of(db: f32) -> f32 {
    10.0_f32.powf(db / 10.0)
}

/// The decibels of a power.
pub(super) fn db_of(power: f32) -> f32 {
    10.0 * (power + 1e-12).log10()
}
