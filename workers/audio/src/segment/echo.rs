//! How strong one channel's sound is when it is heard again in another: as an echo, through a loudspeaker, in a mix.
//!
//! From how strong the one was in each band a moment before, it is foretold how strong the other must be if nobody speaks
//! on it. Only strengths count, so that neither codecs nor rooms nor clocks that drift apart matter.

use super::bands::{BANDS, Bands, Powers, db_of, power_of};
use super::channel_correlation::Path;
use super::level::Level;

/// Sound of one channel that is heard again in another.
#[derive(Debug, Clone)]
pub(super) struct Echo {
    /// The way it takes.
    pub path: Path,
    /// How much of each band comes over, in dB.
    weights_db: [f32; BANDS],
    /// By [`CHUNK`] of frames, how much more.
    offsets_db: Vec<f32>,
    /// How much of all comes over, in dB.
    pub gain_db: f32,
    /// How far off what comes is from what was foretold, of a cell, in dB.
    pub scatter_db: f32,
    /// Which part of the sound that can come over does, from 0 to 1.
    pub coverage: f32,
}

/// One channel as the comparison sees it.
#[derive(Debug)]
pub(super) struct Channel {
    /// By frame.
    pub bands: Vec<Bands>,
    /// What is heard in it in its pauses, by band.
    pub noise: [f32; BANDS],
}

/// Frames for which the strength of an echo is told anew: half a minute.
const CHUNK: usize = 1024;
/// A cell, a band of a frame, that is this much stronger than foretold holds something of its own, in dB, and one that is
/// this much weaker lacks it.
const AGREES_DB: f32 = 5.0;
/// Frames quieter than this tell nothing of an echo.
const HEARD_DB: f32 = -62.0;
/// How far below the loud frames of what is sent a frame tells of an echo, and how far below its frame a cell does, in dB.
const TELLING_DB: f32 = 18.0;
const TELLING_CELL_DB: f32 = 25.0;
/// What comes over a path in fewer frames, half a second, is chance.
const LEAST_FRAMES: u32 = 16;

impl Channel {
    /// Of these frames.
    pub(super) fn new(bands: Vec<Bands>) -> Self {
        let mut noise = [0.0; BANDS];
        for (band, noise) in noise.iter_mut().enumerate() {
            let mut counts = [0_usize; 256];
            for frame in &bands {
                counts[usize::from(frame.codes()[band])] += 1;
            }
            let mut below = 0;
            let code = (0_u8..=255).find(|code| {
                below += counts[usize::from(*code)];
                below * 10 >= bands.len()
            });
            // The tenth part of the frames is quieter; noise itself goes a little above that.
            *noise = 2.0 * power_of(f32::from(code.unwrap_or(0)) / 2.0 - 110.0);
        }
        Self { bands, noise }
    }
}

/// How strong in each band what `from` sends over `path` is at a frame.
pub(super) fn sent(path: &Path, from: &Channel, powers: &Powers, frame: usize) -> [f32; BANDS] {
    let mut sum = [0.0; BANDS];
    for (delay, tap) in path.at(frame).taps.iter().enumerate() {
        if *tap > 0.0
            && let Some(heard) = frame.checked_sub(delay).and_then(|at| from.bands.get(at))
        {
            for (sum, power) in sum.iter_mut().zip(powers.of(*heard)) {
                *sum += tap * power;
            }
        }
    }
    sum
}

/// Counts of differences in decibels, from -60 to 40.
struct Differences {
    counts: [u32; 100],
    total: u32,
}

impl Differences {
    fn new() -> Self {
        Self { counts: [0; 100], total: 0 }
    }

    fn add(&mut self, db: f32) {
        #[expect(clippy::as_conversions, reason = "saturating, and clamped before")]
        let at = (db + 60.0).clamp(0.0, 99.0) as usize;
        self.counts[at] += 1;
        self.total += 1;
    }

    /// The difference between `least_db` and `most_db` that many are near to, and how many are: the lowest of several,
    /// for what a channel says of its own makes it more.
    #[expect(clippy::as_conversions, reason = "counts and places of a hundred")]
    fn mode(&self, least_db: f32, most_db: f32) -> (f32, u32) {
        let places = (least_db + 60.0).clamp(0.0, 99.0) as usize..=(most_db + 60.0).clamp(0.0, 99.0) as usize;
        let near = |at: usize| at.saturating_sub(2)..(at + 3).min(100);
        let count = |at: usize| self.counts[near(at)].iter().sum::<u32>();
        let most = places.clone().map(count).max().unwrap_or(0);
        let mut best = *places.start();
        for at in places {
            if count(at) > count(best) {
                best = at;
            } else if count(best) * 5 >= most * 2 && count(at) * 2 < count(best) {
                break;
            }
        }
        let sum: f32 = near(best).map(|at| self.counts[at] as f32 * (at as f32 + 0.5 - 60.0)).sum();
        (sum / (count(best).max(1) as f32), count(best))
    }
}

/// What tells of an echo: frames in which the one channel is loud and the other is heard.
struct Telling<'a> {
    path: &'a Path,
    from: &'a Channel,
    into: &'a Channel,
    powers: &'a Powers,
    /// By frame how loud what is sent is; none where it tells nothing.
    loudness_db: Vec<Option<f32>>,
}

impl<'a> Telling<'a> {
    /// Of a path into a channel of these levels; none where nothing is ever sent.
    fn of(path: &'a Path, channels: [&'a Channel; 2], levels: &[Level], powers: &'a Powers) -> Option<Self> {
        let [from, into] = channels;
        let all: Vec<f32> =
            (0..into.bands.len()).map(|frame| db_of(sent(path, from, powers, frame).iter().sum())).collect();
        // Of somebody who hardly ever speaks most frames are silence.
        let most_db = all.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut spoken: Vec<f32> = all.iter().copied().filter(|db| *db > -75.0 && *db > most_db - 40.0).collect();
        if spoken.is_empty() {
            return None;
        }
        let loud = spoken.len() * 4 / 5;
        let least_db = *spoken.select_nth_unstable_by(loud, f32::total_cmp).1 - TELLING_DB;
        let is_heard = |frame: usize| levels.get(frame).is_some_and(|level| level.db() >= HEARD_DB);
        let tells = |(frame, db): (usize, f32)| (db >= least_db && is_heard(frame)).then_some(db);
        let loudness_db = all.into_iter().enumerate().map(tells).collect();
        Some(Self { path, from, into, powers, loudness_db })
    }

    /// Shows `see` the bands of the telling cells of a frame, and how much stronger each is than what was sent, in dB.
    fn cells(&self, frame: usize, see: &mut dyn FnMut(usize, f32)) {
        let Some(loudness_db) = self.loudness_db[frame] else { return };
        let heard_db = self.into.bands[frame].db();
        let sent = sent(self.path, self.from, self.powers, frame);
        for band in 0..BANDS {
            let sent_db = db_of(sent[band]);
            if sent_db > loudness_db - TELLING_CELL_DB && heard_db[band] > db_of(self.into.noise[band]) + 3.0 {
                see(band, heard_db[band] - sent_db);
            }
        }
    }

    /// How much of each band comes over, in dB.
    fn weights_db(&self) -> [f32; BANDS] {
        let mut bands: [Differences; BANDS] = std::array::from_fn(|_| Differences::new());
        let mut together = Differences::new();
        for frame in 0..self.loudness_db.len() {
            self.cells(frame, &mut |band, db| {
                bands[band].add(db);
                together.add(db);
            });
        }
        // A room or a handset may favour bands, but not by more.
        let (usual_db, _) = together.mode(-60.0, 39.0);
        bands.map(|differences| differences.mode(usual_db - 12.0, usual_db + 8.0).0)
    }

    /// By [`CHUNK`] of frames how much more than `weights_db` comes over, where that can be told; else as before.
    fn offsets_db(&self, weights_db: &[f32; BANDS]) -> Vec<f32> {
        let frames = self.loudness_db.len();
        let mut offset_db = 0.0;
        (0..frames.div_ceil(CHUNK))
            .map(|chunk| {
                let mut differences = Differences::new();
                for frame in chunk * CHUNK..((chunk + 1) * CHUNK).min(frames) {
                    self.cells(frame, &mut |band, db| differences.add(db - weights_db[band]));
                }
                let (mode_db, near) = differences.mode(-15.0, 15.0);
                if near >= 300 && near * 10 >= differences.total * 3 {
                    offset_db = mode_db;
                }
                offset_db
            })
            .collect()
    }
}

impl Echo {
    /// What comes over `path` into a channel of these levels; none where too little does. `channels` are the one that it
    /// comes from and the one that it comes into.
    pub(super) fn over(path: &Path, channels: [&Channel; 2], levels: &[Level], powers: &Powers) -> Option<Self> {
        let [from, into] = channels;
        let telling = Telling::of(path, channels, levels, powers)?;
        let weights_db = telling.weights_db();
        let offsets_db = telling.offsets_db(&weights_db);
        let mut echo =
            Self { path: path.clone(), weights_db, offsets_db, gain_db: 0.0, scatter_db: 0.0, coverage: 0.0 };
        let (mut sent_sum, mut comes_sum, mut scatter_db) = (0.0_f64, 0.0_f64, 0.0_f64);
        let (mut tellable, mut covered, mut alike) = (0_u32, 0_u32, 0_u32);
        let noise: f32 = into.noise.iter().sum();
        for frame in 0..into.bands.len() {
            let sent = sent(path, from, powers, frame);
            let comes = echo.weighted(sent, frame);
            let total: f32 = comes.iter().sum();
            if total < 10.0 * noise {
                continue;
            }
            tellable += 1;
            let seen = Comparison::of(&powers.of(into.bands[frame]), &comes, &into.noise);
            covered += u32::from(seen.missing < 0.4);
            if seen.excess + seen.missing < 0.4 {
                alike += 1;
                scatter_db += f64::from(seen.scatter_db);
                sent_sum += f64::from(sent.iter().sum::<f32>());
                comes_sum += f64::from(total);
            }
        }
        #[expect(clippy::as_conversions, reason = "for levels in decibels, and a share")]
        {
            echo.gain_db = db_of((comes_sum / sent_sum.max(1e-12)) as f32);
            echo.scatter_db = (scatter_db / f64::from(alike.max(1))) as f32;
            echo.coverage = covered as f32 / tellable.max(1) as f32;
        }
        tracing::debug!(
            from = path.from,
            into = path.into,
            lag = path.lag(),
            gain_db = echo.gain_db,
            coverage = echo.coverage,
            alike,
            "told what comes over"
        );
        (alike >= LEAST_FRAMES).then_some(echo)
    }

    /// What comes over at a frame, of what was `sent`.
    pub(super) fn weighted(&self, sent: [f32; BANDS], frame: usize) -> [f32; BANDS] {
        let offset_db = self.offsets_db.get(frame / CHUNK).copied().unwrap_or(0.0);
        let mut comes = sent;
        for (power, weight_db) in comes.iter_mut().zip(self.weights_db) {
            *power *= power_of(weight_db + offset_db);
        }
        comes
    }
}

/// How a frame is, beside what was foretold of it: shares of its cells, of 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Comparison {
    /// Stronger than foretold.
    pub excess: f32,
    /// Weaker than foretold.
    pub missing: f32,
    /// How far off the others are, in dB.
    pub scatter_db: f32,
}

impl Comparison {
    pub(super) fn of(heard: &[f32; BANDS], comes: &[f32; BANDS], noise: &[f32; BANDS]) -> Self {
        let (mut excess, mut missing, mut all, mut scatter_db) = (0.0, 0.0, 0.0, 0.0);
        let agrees = power_of(AGREES_DB);
        for band in 0..BANDS {
            let foretold = comes[band] + noise[band];
            // The weight of a cell: as the ear takes loudness, so that a strong band does not drown all others.
            let weight = heard[band].max(foretold).sqrt().sqrt();
            all += weight;
            if heard[band] > agrees * foretold {
                excess += weight;
            } else if foretold > agrees * heard[band] {
                missing += weight;
            } else {
                scatter_db += weight * (db_of(heard[band]) - db_of(foretold)).abs();
            }
        }
        let scale = if all > 0.0 { 1.0 / all } else { 0.0 };
        let near = all - excess - missing;
        Self {
            excess: excess * scale,
            missing: missing * scale,
            scatter_db: if near > 0.0 { scatter_db / near } else { 0.0 },
        }
    }
}
