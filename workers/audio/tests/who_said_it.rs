//! Who said it: sound of one channel that is heard again in another, in mixtures made here of calls without any.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its material fails")]
#![expect(clippy::as_conversions, reason = "numbers of samples as floats and back")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use earmark_audio::decode::{DecodeOptions, decode};
use earmark_audio::segment::{SegmentOptions, Segmented, SpeechModel, segment};
use earmark_audio::{Spool, SpoolWriter};
use earmark_core::{Region, Warning, ms_to_samples, samples_to_ms};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The channels of a file in `tests/fixtures`.
fn fixture(file: &str) -> Vec<Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let options = DecodeOptions {
        temp_dir: folder.path().into(),
        max_duration_ms: 3_600_000,
        deadline: Duration::from_secs(600),
        memory_bytes: 1 << 28,
        ffmpeg: None,
        raw: None,
    };
    let decoded = decode(&root().join("tests/fixtures").join(file), file, &options, &|| false).unwrap();
    decoded
        .spools
        .iter()
        .map(|spool| {
            let mut samples = Vec::new();
            spool.read(Region { start: 0, end: spool.samples() }, &mut samples).unwrap();
            samples
        })
        .collect()
}

fn spool(samples: &[f32]) -> Spool {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SpoolWriter::create(folder.path()).unwrap();
    writer.push(samples).unwrap();
    writer.finish().unwrap()
}

fn found(channels: &[Vec<f32>]) -> Segmented {
    static MODEL: OnceLock<SpeechModel> = OnceLock::new();
    let model = MODEL.get_or_init(|| SpeechModel::load(&root().join("engine/vad/silero_vad_16k_op15.onnx")).unwrap());
    let spools: Vec<Spool> = channels.iter().map(|samples| spool(samples)).collect();
    segment(&spools, model, &SegmentOptions::default(), &|| false).unwrap()
}

/// Which samples are in speech of a channel, in steps of a millisecond.
fn speech(found: &Segmented, channel: usize) -> Vec<bool> {
    let mut is_speech = vec![false; 400_000];
    for speech in found.speech.iter().filter(|speech| usize::from(speech.channel) == channel) {
        is_speech[speech.start_ms as usize..speech.end_ms as usize].fill(true);
    }
    is_speech
}

/// The same of what is sent to the recogniser: short pauses stay in it.
fn sent(found: &Segmented, channel: usize) -> Vec<bool> {
    let mut is_sent = vec![false; 400_000];
    for clip in found.clips.iter().filter(|clip| usize::from(clip.key.channel) == channel) {
        for region in &clip.regions {
            is_sent[samples_to_ms(region.start) as usize..samples_to_ms(region.end) as usize].fill(true);
        }
    }
    is_sent
}

fn widened(marks: &[bool], before: usize, after: usize) -> Vec<bool> {
    let mut wide = marks.to_vec();
    for (at, _) in marks.iter().enumerate().filter(|(_, mark)| **mark) {
        wide[at.saturating_sub(before)..(at + after + 1).min(marks.len())].fill(true);
    }
    wide
}

/// The part of the places where `of` holds at which `held` holds as well.
fn share(of: impl Fn(usize) -> bool, held: &[bool]) -> f32 {
    let all = (0..held.len()).filter(|at| of(*at)).count();
    let both = (0..held.len()).filter(|at| of(*at) && held[*at]).count();
    if all == 0 { f32::NAN } else { both as f32 / all as f32 }
}

/// White noise between -1 and 1, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// What a codec makes of sound.
type Codec = fn(&[f32]) -> Vec<f32>;

/// A way into another channel.
#[derive(Debug, Clone, Copy)]
struct Way {
    delay_ms: u64,
    db: f32,
    /// How long a room sounds until it is 60 dB down; 0 for none.
    room_ms: u64,
    is_inverted: bool,
    /// By how many millionths the clock of the echo is slow.
    drift_ppm: f32,
    /// The delay from the middle of the call on.
    then_ms: Option<u64>,
}

const PLAIN: Way = Way { delay_ms: 120, db: -8.0, room_ms: 0, is_inverted: false, drift_ppm: 0.0, then_ms: None };

impl Way {
    fn of(self, sound: &[f32]) -> Vec<f32> {
        let scale = 10.0_f32.powf(self.db / 20.0) * if self.is_inverted { -1.0 } else { 1.0 };
        let mut sound: Vec<f32> = sound.iter().map(|sample| sample * scale).collect();
        if self.room_ms > 0 {
            sound = in_room(&sound, self.room_ms);
        }
        let at = |place: f64| {
            if place < 0.0 {
                return 0.0;
            }
            let (whole, part) = (place as usize, place.fract() as f32);
            let sample = |at: usize| sound.get(at).copied().unwrap_or(0.0);
            sample(whole) * (1.0 - part) + sample(whole + 1) * part
        };
        (0..sound.len())
            .map(|i| {
                let ms = self.then_ms.filter(|_| i > sound.len() / 2).unwrap_or(self.delay_ms);
                at(i as f64 * (1.0 - f64::from(self.drift_ppm) * 1e-6) - ms_to_samples(ms) as f64)
            })
            .collect()
    }
}

/// A room's answer of decaying noise behind a direct sound, as loud together as the sound was.
fn in_room(sound: &[f32], room_ms: u64) -> Vec<f32> {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let length = ms_to_samples(room_ms) as usize;
    // An answer now and then is as good as one at each sample.
    let mut answer: Vec<(usize, f32)> = (8..length)
        .step_by(8)
        .map(|i| {
            (i + (noise.next().abs() * 8.0) as usize, noise.next() * 10.0_f32.powf(-3.0 * i as f32 / length as f32))
        })
        .collect();
    let reverberation: f32 = answer.iter().map(|(_, size)| size * size).sum();
    // As strong directly as by all ways round.
    answer.push((0, reverberation.sqrt()));
    let size = (2.0 * reverberation).sqrt();
    let mut out = vec![0.0; sound.len() + 2 * length];
    for (i, sample) in sound.iter().enumerate().filter(|(_, sample)| sample.abs() > 1e-4) {
        for (late, answer) in &answer {
            out[i + late] += sample * answer / size;
        }
    }
    out.truncate(sound.len());
    out
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0; a.len().max(b.len())];
    for (to, from) in sum.iter_mut().zip(a) {
        *to += from;
    }
    for (to, from) in sum.iter_mut().zip(b) {
        *to += from;
    }
    sum
}

/// Both of one length, and the second later by so much, its end at its beginning.
fn together(channels: &[Vec<f32>], turned_ms: u64) -> [Vec<f32>; 2] {
    let length = channels[0].len().max(channels[1].len());
    let mut both = [channels[0].clone(), channels[1].clone()];
    for channel in &mut both {
        channel.resize(length, 0.0);
    }
    both[1].rotate_right(ms_to_samples(turned_ms) as usize % length);
    both
}

fn mulaw(sound: &[f32]) -> Vec<f32> {
    sound
        .iter()
        .map(|sample| {
            let size = (1.0 + 255.0 * sample.abs().min(1.0)).ln() / 256.0_f32.ln();
            let step = (size * 127.0).round() / 127.0;
            (256.0_f32.powf(step) - 1.0) / 255.0 * sample.signum()
        })
        .collect()
}

/// `sound` after a codec that ffmpeg has, at 8 kHz.
fn coded(sound: &[f32], codec: &[&str], format: &str) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let bytes: Vec<u8> =
        sound.iter().flat_map(|sample| ((sample * 32767.0).clamp(-32768.0, 32767.0) as i16).to_le_bytes()).collect();
    std::fs::write(path("in.raw"), bytes).unwrap();
    let raw = ["-f", "s16le", "-ar", "16000", "-ac", "1"];
    let run = |words: &[&str]| {
        let status = std::process::Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(words).status();
        assert!(status.unwrap().success(), "{words:?}");
    };
    let (coded, out) = (path(&format!("coded.{format}")), path("out.raw"));
    run(&[&raw[..], &["-i", &path("in.raw")], codec, &[&coded]].concat());
    run(&[&["-i", &coded][..], &raw, &[&out]].concat());
    let bytes = std::fs::read(out).unwrap();
    bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0).collect()
}

fn opus(sound: &[f32]) -> Vec<f32> {
    coded(sound, &["-ar", "16000", "-c:a", "libopus", "-b:a", "10k"], "ogg")
}

fn gsm(sound: &[f32]) -> Vec<f32> {
    coded(sound, &["-ar", "8000", "-c:a", "libgsm_ms"], "wav")
}

fn as_it_is(sound: &[f32]) -> Vec<f32> {
    sound.to_vec()
}

/// What became of a call whose first channel is heard again in the second.
struct Outcome {
    /// The part of the second channel's own speech that is still sent to the recogniser, and of that under the echo.
    own: f32,
    own_under_echo: f32,
    /// The part of the echo that is found there, where nobody speaks on the channel.
    echo: f32,
    /// The part of the first channel's speech that is sent.
    first: f32,
    /// The part of the second channel's sound that is found in the first.
    back: f32,
    warned: [Option<Warning>; 2],
}

fn outcome(clean: &[Vec<f32>; 2], there: Way, back: Option<Way>, codec: Codec) -> Outcome {
    let base = found(&clean.each_ref().map(|channel| codec(channel)));
    assert_eq!(base.warnings, [], "nothing leaks before");
    let (first, own) = (speech(&base, 0), speech(&base, 1));
    let second = codec(&sum(&clean[1], &there.of(&clean[0])));
    let source = codec(&back.map_or(clean[0].clone(), |back| sum(&clean[0], &back.of(&clean[1]))));
    let found = found(&[source, second]);
    let got = [speech(&found, 0), speech(&found, 1)];
    let (early, late) =
        (there.delay_ms.min(there.then_ms.unwrap_or(1000)), there.delay_ms.max(there.then_ms.unwrap_or(0)));
    let is_echo = |at: usize| [early, late].iter().all(|ms| at.checked_sub(*ms as usize).is_some_and(|at| first[at]));
    let (near_own, near_first) = (widened(&own, 300, 500), widened(&first, 300, 500));
    Outcome {
        own: share(|at| own[at], &sent(&found, 1)),
        own_under_echo: share(|at| own[at] && is_echo(at), &sent(&found, 1)),
        echo: share(|at| is_echo(at) && !near_own[at], &got[1]),
        first: share(|at| first[at], &sent(&found, 0)),
        back: share(|at| own[at] && !near_first[at], &got[0]),
        warned: [0, 1].map(|channel| found.warnings.iter().find(|warning| warning.channel == Some(channel)).cloned()),
    }
}

const CALL: &str = "dialogues/en-dev-01-investment-guaranteed.mulaw8k.wav";

#[test]
fn an_echo_is_silenced_and_nobodys_own_words_are() {
    let channels = fixture(CALL);
    let room = |delay_ms, db| Way { delay_ms, db, room_ms: 250, ..PLAIN };
    let plain = |delay_ms, db| Way { delay_ms, db, ..PLAIN };
    let ways: [(&str, Way, Codec); 16] = [
        ("at once, -3 dB", plain(0, -3.0), as_it_is),
        ("20 ms, -20 dB", plain(20, -20.0), as_it_is),
        ("60 ms, -3 dB", plain(60, -3.0), as_it_is),
        ("120 ms, -8 dB", plain(120, -8.0), mulaw),
        ("180 ms, -3 dB", plain(180, -3.0), as_it_is),
        ("250 ms, -12 dB", plain(250, -12.0), as_it_is),
        ("380 ms, -20 dB", plain(380, -20.0), as_it_is),
        ("20 ms, a room, -8 dB", room(20, -8.0), mulaw),
        ("120 ms, a room, -3 dB", room(120, -3.0), as_it_is),
        ("380 ms, a room, -14 dB", room(380, -14.0), as_it_is),
        ("inverted", Way { is_inverted: true, ..PLAIN }, as_it_is),
        ("a clock that drifts", Way { drift_ppm: 50.0, ..PLAIN }, as_it_is),
        ("a clock that drifts, a room", Way { drift_ppm: -50.0, ..room(100, -8.0) }, as_it_is),
        ("a delay that jumps", Way { then_ms: Some(200), ..PLAIN }, as_it_is),
        ("through Opus", plain(120, -8.0), opus),
        ("through GSM, a room", room(60, -8.0), gsm),
    ];
    for turned_ms in [0, 7000] {
        let clean = together(&channels, turned_ms);
        for (name, way, codec) in ways {
            let got = outcome(&clean, way, None, codec);
            let Outcome { own, own_under_echo, echo, first, .. } = got;
            let name = format!("{name}, turned by {turned_ms} ms");
            assert!(own >= 0.97 && own_under_echo >= 0.95, "{name}: own {own}, under the echo {own_under_echo}");
            assert!(echo <= 0.03, "{name}: {echo} of the echo is left");
            assert!(first >= 0.97, "{name}: {first} of the first channel");
            let warning = got.warned[1].as_ref().unwrap_or_else(|| panic!("{name}: no warning"));
            assert_eq!(warning.code, "channel_leakage", "{name}");
            assert!(warning.detail.starts_with("channel 1 also carries channel 0 at -"), "{name}: {}", warning.detail);
            assert!(!warning.spans.is_empty(), "{name}");
            assert!(got.warned[0].is_none(), "{name}: {:?}", got.warned[0]);
        }
    }
}

#[test]
fn echoes_both_ways_at_once_leave_each_word_where_it_was_said() {
    let channels = fixture(CALL);
    let back = |delay_ms, db, room_ms| Way { delay_ms, db, room_ms, ..PLAIN };
    for turned_ms in [0, 7000] {
        let clean = together(&channels, turned_ms);
        for (name, there, back) in [
            ("far off", PLAIN, back(200, -8.0, 0)),
            ("in rooms", Way { room_ms: 250, ..PLAIN }, back(60, -12.0, 300)),
            ("at once", back(0, -11.0, 0), back(0, -11.0, 0)),
        ] {
            let Outcome { own, echo, first, back, warned, .. } = outcome(&clean, there, Some(back), as_it_is);
            assert!(own >= 0.97 && first >= 0.97, "{name}, turned by {turned_ms} ms: {first} and {own}");
            assert!(echo <= 0.06 && back <= 0.06, "{name}, turned by {turned_ms} ms: {back} and {echo} are left");
            assert!(warned.iter().all(Option::is_some), "{name}: {warned:?}");
        }
    }
}

/// Of each channel's speech in `parts` the part that is found in `channels`, at these places.
fn recall(parts: &[Vec<f32>], places: &[usize], found: &Segmented) -> Vec<f32> {
    let each = parts.iter().zip(places).map(|(part, place)| {
        let own = speech(&self::found(std::slice::from_ref(part)), 0);
        share(|at| own[at], &sent(found, *place))
    });
    each.collect()
}

#[test]
fn a_mix_is_left_to_its_parts_wherever_it_stands_and_however_loud_it_is() {
    let channels = fixture(CALL);
    for turned_ms in [0, 7000] {
        let [a, b] = together(&channels, turned_ms);
        for gain in [0.4, 1.0, 1.9] {
            let mix: Vec<f32> = sum(&a, &b).iter().map(|sample| gain * sample).collect();
            for place in 0..3 {
                let mut all = vec![a.clone(), b.clone()];
                all.insert(place, mix.clone());
                let places: Vec<usize> = (0..3).filter(|channel| *channel != place).collect();
                let found = found(&all);
                let shares = recall(&[a.clone(), b.clone()], &places, &found);
                assert!(shares.iter().all(|share| *share >= 0.97), "{gain} at {place}: {shares:?}");
                assert!(found.speech_ms[place] * 50 < found.left_ms[place], "{gain} at {place}: {:?}", found.speech_ms);
                assert_eq!(found.own_channels, places.iter().map(|place| *place as u16).collect::<Vec<_>>());
                let warning = &found.warnings[0];
                assert_eq!((found.warnings.len(), warning.channel), (1, Some(place as u16)), "{:?}", found.warnings);
                let named = places.iter().all(|part| warning.detail.contains(&format!("channel {part} at")));
                assert!(named && warning.detail.contains("is a mix of"), "{}", warning.detail);
            }
        }
    }
}

#[test]
fn a_mix_with_one_of_its_parts_leaves_that_one_its_words_and_keeps_the_others() {
    let [a, b] = together(&fixture(CALL), 0);
    let found = found(&[sum(&a, &b), b.clone()]);
    let mixed = recall(std::slice::from_ref(&a), &[0], &found);
    let part = recall(std::slice::from_ref(&b), &[1], &found);
    let doubled = share(|at| speech(&found, 1)[at], &speech(&found, 0));
    assert!(mixed[0] >= 0.95 && part[0] >= 0.97, "{mixed:?} {part:?}");
    assert!(doubled < 0.1, "{doubled}");
    assert_eq!(found.own_channels, [0, 1]);
}

#[test]
fn what_is_only_in_the_mix_stays_in_it() {
    let [a, b] = together(&fixture(CALL), 0);
    let mut third = fixture("dialogues/en-dev-02-collection-abuse.mp3_16k.mp3").swap_remove(0);
    for late_ms in [0, 5000] {
        third.rotate_right(ms_to_samples(late_ms) as usize);
        third.resize(a.len(), 0.0);
        let found = found(&[sum(&sum(&a, &b), &third), a.clone(), b.clone()]);
        let own = recall(std::slice::from_ref(&third), &[0], &found);
        let parts = recall(&[a.clone(), b.clone()], &[1, 2], &found);
        let third_speech = widened(&speech(&self::found(std::slice::from_ref(&third)), 0), 300, 300);
        let doubled =
            share(|at| (speech(&found, 1)[at] || speech(&found, 2)[at]) && !third_speech[at], &speech(&found, 0));
        assert!(own[0] >= 0.93, "{own:?}");
        assert!(parts.iter().all(|share| *share >= 0.97), "{parts:?}");
        assert!(doubled < 0.1, "{doubled}");
        assert_eq!(found.own_channels, [1, 2]);
    }
}

#[test]
fn ten_people_and_their_mix_are_each_heard_once() {
    let files = ["austen0870", "austen0880", "austen0890", "card2", "card5", "ps_go", "ps_num"];
    let clips: Vec<Vec<f32>> = files.iter().map(|file| fixture(&format!("real/{file}.flac")).swap_remove(0)).collect();
    // Each says something of theirs twice, one after the other, and the next begins before they have ended.
    let parts: Vec<Vec<f32>> = (0..10)
        .map(|person| {
            let mut part = vec![0.0; 16_000 * 70];
            for round in 0..2 {
                let start = 16_000 * 3 * (person + 10 * round);
                let clip = &clips[(person + round * 3) % clips.len()];
                part[start..start + clip.len()].copy_from_slice(clip);
            }
            part
        })
        .collect();
    let mix = parts.iter().fold(Vec::new(), |mix, part| sum(&mix, part));
    let places: Vec<usize> = (1..11).collect();
    let all: Vec<Vec<f32>> = std::iter::once(mix).chain(parts.iter().cloned()).collect();
    let found = found(&all);
    let shares = recall(&parts, &places, &found);
    assert!(shares.iter().all(|share| *share >= 0.97), "{shares:?}");
    assert!(found.speech_ms[0] * 20 < found.left_ms[0], "{:?}", found.speech_ms);
    assert_eq!(found.own_channels, (1..11).collect::<Vec<u16>>());
}

#[test]
fn channels_that_are_the_same_are_one() {
    let [a, b] = together(&fixture(CALL), 0);
    for (channels, own_channels, repeating) in [
        (vec![a.clone(), a.clone(), b.clone()], vec![0, 2], vec![1]),
        (vec![a.clone(), b.clone(), a.clone()], vec![0, 1], vec![2]),
        (vec![a.clone(), a.clone(), a.clone()], vec![0], vec![1, 2]),
    ] {
        let found = found(&channels);
        assert_eq!(found.own_channels, own_channels);
        assert_eq!(found.channels_are_same, own_channels == [0]);
        let warned: Vec<(&str, u16)> =
            found.warnings.iter().map(|warning| (warning.code.as_str(), warning.channel.unwrap())).collect();
        let expected: Vec<(&str, u16)> = repeating.iter().map(|channel| ("duplicate_channels", *channel)).collect();
        assert_eq!(warned, expected);
        assert!(repeating.iter().all(|channel| found.left_ms[usize::from(*channel)] > 10_000), "{:?}", found.left_ms);
    }
}

#[test]
fn reported_recordings_give_each_sentence_to_who_said_it() {
    // By channel how much speech there is, in milliseconds, and what is warned of.
    for (file, spoken_ms, warned) in [
        ("echo-120ms", vec![4800..5400, 2400..3000], vec!["channel 0 also carries channel 1 at -8 dB, 122 ms later"]),
        ("echo-loudspeaker-in-room", vec![4800..5400, 2400..3000], vec!["channel 0 also carries channel 1 at -8 dB"]),
        ("both-talk-at-once", vec![6300..7000, 4600..5300], vec![]),
        (
            "three-channels-mix-first",
            vec![0..1, 2400..3000, 1600..2300],
            vec!["channel 0 is a mix of channel 1 at -0 dB and channel 2 at -0 dB"],
        ),
    ] {
        let found = found(&fixture(&format!("cases/{file}.mulaw8k.wav")));
        for (ms, expected) in found.speech_ms.iter().zip(spoken_ms) {
            assert!(expected.contains(ms), "{file}: {:?}", found.speech_ms);
        }
        assert_eq!(found.warnings.len(), warned.len(), "{file}: {:?}", found.warnings);
        for (warning, words) in found.warnings.iter().zip(warned) {
            assert!(warning.detail.starts_with(words), "{file}: {}", warning.detail);
            assert_eq!((warning.code.as_str(), warning.channel), ("channel_leakage", Some(0)), "{file}");
            let spoken: u64 = warning.spans.iter().map(|span| span.end_ms - span.start_ms).sum();
            assert!(found.left_ms[0] <= spoken && spoken < found.left_ms[0] + 1500, "{file}: {:?}", warning.spans);
        }
    }
}
