//! Which frames of a channel are other channels' sound heard again, and which of two channels the sound is of.

use super::bands::{BANDS, Powers};
use super::channel_correlation::Path;
use super::echo::{self, Channel, Comparison, Echo};
use super::survey::{Leak, Origin, Survey};

/// Sound that comes within this many samples, 20 ms, may as well have come the other way.
const NEAR: i64 = 320;
/// From this share on all of a channel is heard in another: pauses, noise and codecs take something off.
const WHOLE: f32 = 0.85;
/// Below this share much of a channel is not heard in another.
const LACKING: f32 = 0.75;
/// How much more of one channel must be heard in the other than the other way round.
const CLEARLY: f32 = 0.1;
/// With less between them, levels do not say which of two is the copy.
const TIE_DB: f32 = 2.0;
/// The most that a late echo is stronger than what it is an echo of.
const LATE_DB: f32 = 6.0;

/// A frame with more excess than this holds something of its own however badly copies can be foretold, and one with
/// less than [`LEAST_EXCESS`] does not however well.
const MOST_EXCESS: f32 = 0.3;
const LEAST_EXCESS: f32 = 0.06;
/// A frame that lacks more of what was foretold is no copy: nothing comes over just now.
const MOST_MISSING: f32 = 0.6;

/// Finds what comes over `paths`, and writes in `survey` which frames it explains.
pub(super) fn trace(paths: &[&Path], channels: &[Option<Channel>], survey: &mut Survey) {
    if paths.is_empty() {
        return;
    }
    let powers = Powers::new();
    let echoes: Vec<Echo> = paths
        .iter()
        .filter_map(|path| {
            let (from, into) = (channels[path.from].as_ref()?, channels[path.into].as_ref()?);
            Echo::over(path, [from, into], &survey.levels[path.into], &powers)
        })
        .collect();
    let back_of = |echo: &Echo| {
        echoes.iter().find(|other| other.path.from == echo.path.into && other.path.into == echo.path.from)
    };
    let kept: Vec<(&Echo, bool)> = echoes
        .iter()
        .filter(|echo| is_copy(echo, back_of(echo)))
        .map(|echo| (echo, echo.path.lag() <= NEAR && back_of(echo).is_some_and(|back| is_copy(back, Some(echo)))))
        .collect();
    for (channel, into) in channels.iter().enumerate() {
        let here: Vec<(&Echo, bool)> = kept.iter().filter(|(echo, _)| echo.path.into == channel).copied().collect();
        let Some(into) = into else { continue };
        if here.is_empty() {
            continue;
        }
        let returns =
            |echo: &Echo| kept.iter().any(|(back, _)| back.path.into == echo.path.from && back.path.from == channel);
        let leaks = here.iter().map(|(echo, is_mutual)| Leak {
            from: echo.path.from,
            into: channel,
            db: echo.gain_db,
            lags: echo.path.lags(),
            is_whole: echo.path.lag() <= NEAR && echo.coverage >= WHOLE && !is_mutual,
        });
        let mut origins = judge(&here, channels, into, &powers);
        // What a codec of both channels together lets through is the same sample by sample, and told better by that.
        for (origin, before) in origins.iter_mut().zip(&survey.origins[channel]) {
            let is_mutual = |from: usize| here.iter().any(|(echo, is_mutual)| *is_mutual && echo.path.from == from);
            if matches!(before, Origin::Copy(from) if is_mutual(usize::from(*from))) {
                *origin = *before;
            }
        }
        survey.settle(channel, origins, leaks.collect());
        // What one of these was taken for before is theirs.
        for (echo, _) in here.iter().filter(|(echo, _)| !returns(echo)) {
            survey.give_back(echo.path.from, channel);
        }
    }
}

/// Whether the sound that `echo` is about is the other channel's, and not this one's that comes `back`.
fn is_copy(echo: &Echo, back: Option<&Echo>) -> bool {
    let returned = back.map_or(0.0, |back| back.coverage);
    // Levels cannot tell a mix from its parts: it holds all of theirs, and they do not hold all of its.
    if echo.path.lag() <= NEAR && echo.coverage < LACKING && returned >= WHOLE {
        return false;
    }
    if echo.coverage >= WHOLE && echo.coverage - returned >= CLEARLY {
        return true;
    }
    // What is weaker is the copy; an echo that is late may be as strong as what it is an echo of.
    echo.gain_db <= -TIE_DB || (echo.path.lag() > NEAR && echo.gain_db <= LATE_DB)
}

/// Whose sound each frame of `into` is, by what comes in over `echoes`; of a mutual one only what is quieter here.
fn judge(echoes: &[(&Echo, bool)], channels: &[Option<Channel>], into: &Channel, powers: &Powers) -> Vec<Origin> {
    const REACH: usize = 1;
    let frames = into.bands.len();
    let noise: f32 = into.noise.iter().sum();
    let mut seen = Vec::with_capacity(frames);
    for frame in 0..frames {
        let heard = powers.of(into.bands[frame]);
        let total = heard.iter().sum::<f32>();
        let mut comes = [0.0; BANDS];
        let mut loudest: Option<(f32, usize)> = None;
        for (echo, is_mutual) in echoes {
            let Some(from) = &channels[echo.path.from] else { continue };
            let sent = echo::sent(&echo.path, from, powers, frame);
            if *is_mutual && sent.iter().sum::<f32>() < total {
                continue;
            }
            let part = echo.weighted(sent, frame);
            let strength: f32 = part.iter().sum();
            if loudest.is_none_or(|(most, _)| strength > most) {
                loudest = Some((strength, echo.path.from));
            }
            for (sum, power) in comes.iter_mut().zip(part) {
                *sum += power;
            }
        }
        let from = loudest.map(|(_, from)| from).filter(|_| comes.iter().sum::<f32>() > noise);
        seen.push((Comparison::of(&heard, &comes, &into.noise), from, total <= noise));
    }
    let around: Vec<Comparison> = (0..frames)
        .map(|frame| {
            let around = &seen[frame.saturating_sub(REACH)..(frame + REACH + 1).min(frames)];
            #[expect(clippy::as_conversions, reason = "three at most")]
            let scale = 1.0 / around.len() as f32;
            Comparison {
                excess: scale * around.iter().map(|(comparison, ..)| comparison.excess).sum::<f32>(),
                missing: scale * around.iter().map(|(comparison, ..)| comparison.missing).sum::<f32>(),
                scatter_db: 0.0,
            }
        })
        .collect();
    // How exactly a copy can be foretold, which depends on the room and the codec, says how much excess is somebody's.
    let scatter_db = echoes.iter().map(|(echo, _)| echo.scatter_db).fold(0.0, f32::max);
    let most_excess = (0.15 * (scatter_db - 1.0) + 0.12).clamp(LEAST_EXCESS, MOST_EXCESS);
    around
        .iter()
        .zip(&seen)
        .map(|(around, seen)| match *seen {
            (_, _, true) => Origin::Quiet,
            (_, Some(from), _) if around.excess < most_excess && around.missing < MOST_MISSING => {
                Origin::Copy(u8::try_from(from).unwrap_or(u8::MAX))
            }
            _ => Origin::Own,
        })
        .collect()
}
