//! From clips' texts to turns: clip times to recording times, speakers by channel, turns in order of time.

mod spread;

use std::collections::BTreeMap;

use earmark_audio::decode::JoinedPart;
use earmark_core::{
    Clip, ClipText, Part, Region, Speaker, TimePrecision, TimedText, Utterance, Word, ms_to_samples, samples_to_ms,
};

/// A pause inside one recognised segment that makes two utterances of it: what was said behind the silence of another
/// speaker's turn is another utterance. Milliseconds.
const TURN_GAP_MS: u64 = 700;

/// Who speaks on which channel.
#[derive(Debug, Clone)]
pub struct Speakers {
    /// By channel, for recordings with several.
    pub by_channel: Vec<Speaker>,
    /// For recordings with one channel, or the same sound on all.
    pub mono: Speaker,
}

impl Speakers {
    /// The same for a recording of several files, `offered` with names and `joined` channel behind channel: a file's name
    /// is that of all its channels.
    pub(crate) fn of_parts(&self, offered: &[Part], joined: &[JoinedPart]) -> Self {
        let mut speakers = self.clone();
        for (offered, joined) in offered.iter().zip(joined) {
            let Some(speaker) = &offered.speaker else { continue };
            for channel in joined.first_channel..joined.first_channel + joined.channels {
                let channel = usize::from(channel);
                if speakers.by_channel.len() <= channel {
                    speakers.by_channel.resize_with(channel + 1, Speaker::unknown);
                }
                speakers.by_channel[channel] = speaker.clone();
            }
        }
        // A single file that is named, with one channel or the same sound on all.
        if let [Part { speaker: Some(speaker), .. }] = offered {
            speakers.mono = speaker.clone();
        }
        speakers
    }

    /// Who speaks on `channel` of a recording with `channels` different ones.
    pub(crate) fn on(&self, channel: u16, channels: usize) -> Speaker {
        if channels < 2 {
            return self.mono.clone();
        }
        self.by_channel.get(usize::from(channel)).cloned().unwrap_or_else(Speaker::unknown)
    }
}

/// The utterances of a recording, in order of time, ids from 0. `channels` counts those with different sound.
pub fn stitch(clips: &[(Clip, ClipText)], speakers: &Speakers, channels: usize) -> Vec<Utterance> {
    let mut utterances: Vec<Utterance> = clips
        .iter()
        .flat_map(|(clip, text)| {
            let speaker = speakers.on(clip.key.channel, channels);
            pieces(clip, text).into_iter().map(move |piece| piece.utterance(clip, text, speaker.clone()))
        })
        .collect();
    utterances.sort_by_key(|utterance| (utterance.start_ms, utterance.channel, utterance.end_ms));
    for (id, utterance) in (0..).zip(&mut utterances) {
        utterance.id = id;
    }
    utterances
}

/// The language most of the speech is in, where it is known.
pub fn language(utterances: &[Utterance]) -> Option<String> {
    let mut spoken_ms: BTreeMap<&str, u64> = BTreeMap::new();
    for utterance in utterances {
        if let Some(language) = &utterance.language {
            *spoken_ms.entry(language).or_default() += utterance.end_ms - utterance.start_ms;
        }
    }
    spoken_ms.into_iter().max_by_key(|(_, ms)| *ms).map(|(language, _)| language.to_owned())
}

/// Text with times in the recording.
struct Piece {
    start_ms: u64,
    end_ms: u64,
    text: String,
    words: Vec<Word>,
}

impl Piece {
    fn utterance(self, clip: &Clip, text: &ClipText, speaker: Speaker) -> Utterance {
        Utterance {
            id: 0,
            channel: clip.key.channel,
            speaker,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            time_precision: text.time_precision,
            language: text.language.clone(),
            text: self.text,
            words: self.words,
        }
    }
}

fn pieces(clip: &Clip, text: &ClipText) -> Vec<Piece> {
    match text.time_precision {
        TimePrecision::Estimated => text.segments.iter().flat_map(|segment| estimated(clip, segment)).collect(),
        TimePrecision::Segment | TimePrecision::Word => {
            text.segments.iter().flat_map(|segment| timed(clip, segment)).collect()
        }
    }
}

/// A segment with times, cut where its words lie in different turns.
fn timed(clip: &Clip, segment: &TimedText) -> Vec<Piece> {
    let words: Vec<Word> = segment
        .words
        .iter()
        .map(|word| {
            let start_ms = clip.to_recording_ms(word.start_ms, true);
            // A word across a seam ends where its own turn ends, not after the silence that was left out.
            let end_ms = clip.to_recording_ms(word.end_ms, false).min(end_of_region(clip, word.start_ms)).max(start_ms);
            Word { start_ms, end_ms, offset: word.offset, text: word.text.clone() }
        })
        .collect();
    if words.is_empty() {
        let start_ms = clip.to_recording_ms(segment.start_ms, true);
        let end_ms = clip.to_recording_ms(segment.end_ms, false).max(start_ms);
        return vec![Piece { start_ms, end_ms, text: segment.text.clone(), words }];
    }
    let characters: Vec<char> = segment.text.chars().collect();
    let mut pieces = Vec::new();
    let mut first = 0;
    for next in 1..=words.len() {
        let is_turn_over =
            next == words.len() || words[next].start_ms.saturating_sub(words[next - 1].end_ms) > TURN_GAP_MS;
        if !is_turn_over {
            continue;
        }
        // Every character of the segment belongs to some piece: text between the words stays with the word before it.
        let from = if first == 0 { 0 } else { words[first].offset };
        let to = if next == words.len() { characters.len() } else { words[next].offset };
        let raw: String = characters.get(from..to).unwrap_or_default().iter().collect();
        let lead = raw.chars().count() - raw.trim_start().chars().count();
        let text = raw.trim().to_owned();
        if !text.is_empty() {
            let words: Vec<Word> = words[first..next]
                .iter()
                .map(|word| Word { offset: word.offset.saturating_sub(from + lead), ..word.clone() })
                .collect();
            pieces.push(Piece { start_ms: words[0].start_ms, end_ms: words[words.len() - 1].end_ms, text, words });
        }
        first = next;
    }
    pieces
}

/// Where the region that holds a time of the clip ends, in recording time.
fn end_of_region(clip: &Clip, clip_ms: u64) -> u64 {
    let mut at = ms_to_samples(clip_ms);
    for region in &clip.regions {
        if at < region.samples() {
            return samples_to_ms(region.end);
        }
        at -= region.samples();
    }
    clip.regions.last().map_or(0, |region| samples_to_ms(region.end))
}

/// The silence that a region keeps around its speech, taken together.
const PADDING_MS: u64 = 400;

/// A segment without times: a turn gets the part of the text that it has room for.
fn estimated(clip: &Clip, segment: &TimedText) -> Vec<Piece> {
    let characters: Vec<char> = segment.text.chars().collect();
    let turns = turns(&clip.regions);
    #[expect(clippy::as_conversions, reason = "a float's 24 bits are hours of speech in milliseconds")]
    let lengths: Vec<f32> = turns.iter().map(|turn| turn.speech_ms as f32).collect();
    let mut pieces = Vec::new();
    let mut from = 0;
    for (turn, to) in turns.iter().zip(spread::ends(&characters, &lengths)) {
        let text: String = characters[from..to].iter().collect();
        let text = text.trim().to_owned();
        if !text.is_empty() {
            let (start_ms, end_ms) = (samples_to_ms(turn.start), samples_to_ms(turn.end));
            pieces.push(Piece { start_ms, end_ms, text, words: Vec::new() });
        }
        from = to;
    }
    pieces
}

struct Turn {
    start: u64,
    end: u64,
    /// Speech in it, without the silence around it.
    speech_ms: u64,
}

/// Regions with short pauses between them are one turn.
fn turns(regions: &[Region]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for region in regions {
        let speech_ms = samples_to_ms(region.samples()).saturating_sub(PADDING_MS).max(PADDING_MS / 4);
        match turns.last_mut() {
            Some(turn) if samples_to_ms(region.start - turn.end) <= TURN_GAP_MS => {
                turn.end = region.end;
                turn.speech_ms += speech_ms;
            }
            Some(_) | None => turns.push(Turn { start: region.start, end: region.end, speech_ms }),
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::ClipKey;

    fn clip(channel: u16, regions: &[(u64, u64)]) -> Clip {
        let regions = regions
            .iter()
            .map(|(start, end)| Region { start: ms_to_samples(*start), end: ms_to_samples(*end) })
            .collect();
        Clip { key: ClipKey { channel, index: 0 }, regions }
    }

    fn text(time_precision: TimePrecision, segments: Vec<TimedText>) -> ClipText {
        ClipText {
            language: Some("en".into()),
            segments,
            time_precision,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        }
    }

    fn timed_text(start_ms: u64, end_ms: u64, text: &str, words: &[(u64, u64, usize, &str)]) -> TimedText {
        let words = words
            .iter()
            .map(|(start_ms, end_ms, offset, text)| Word {
                start_ms: *start_ms,
                end_ms: *end_ms,
                offset: *offset,
                text: (*text).into(),
            })
            .collect();
        TimedText { start_ms, end_ms, text: text.into(), confidence: None, words }
    }

    fn call() -> Speakers {
        Speakers { by_channel: vec![Speaker("agent".into()), Speaker("customer".into())], mono: Speaker::unknown() }
    }

    #[test]
    fn turns_of_both_channels_come_in_order_of_time() {
        let clips = vec![
            (
                clip(0, &[(0, 2000), (10_000, 12_000)]),
                text(
                    TimePrecision::Segment,
                    vec![timed_text(0, 2000, "hello", &[]), timed_text(2000, 4000, "goodbye", &[])],
                ),
            ),
            (clip(1, &[(5000, 7000)]), text(TimePrecision::Segment, vec![timed_text(500, 1500, "hi", &[])])),
        ];
        let turns: Vec<_> =
            stitch(&clips, &call(), 2).into_iter().map(|u| (u.id, u.speaker.0, u.start_ms, u.end_ms, u.text)).collect();
        assert_eq!(
            turns,
            [
                (0, "agent".into(), 0, 2000, "hello".into()),
                (1, "customer".into(), 5500, 6500, "hi".into()),
                (2, "agent".into(), 10_000, 12_000, "goodbye".to_string()),
            ]
        );
    }

    #[test]
    fn a_files_name_is_that_of_its_channels_and_the_others_keep_theirs() {
        let offered = |name: Option<&str>| Part {
            uri: "a".into(),
            location: "/a".into(),
            version: None,
            offset_ms: 0,
            speaker: name.map(|name| Speaker(name.into())),
        };
        let joined = |first_channel: u16, channels: u16| JoinedPart {
            codec: "opus".into(),
            channels,
            sample_rate_hz: 48_000,
            duration_ms: 1,
            offset_ms: 0,
            first_channel,
            silence: Vec::new(),
        };
        let names = |names: &[Option<&str>], channels: &[u16]| {
            let mut first = 0;
            let parts: Vec<JoinedPart> = channels
                .iter()
                .map(|count| {
                    first += count;
                    joined(first - count, *count)
                })
                .collect();
            let offered: Vec<Part> = names.iter().map(|name| offered(*name)).collect();
            let speakers = call().of_parts(&offered, &parts);
            let all = usize::from(first);
            (0..first).map(|channel| speakers.on(channel, all).0).collect::<Vec<_>>()
        };
        assert_eq!(names(&[Some("customer"), Some("agent")], &[1, 1]), ["customer", "agent"]);
        assert_eq!(names(&[None, Some("guest")], &[2, 2]), ["agent", "customer", "guest", "guest"]);
        assert_eq!(names(&[None, None, Some("c")], &[1, 2, 1]), ["agent", "customer", "unknown", "c"]);
        assert_eq!(names(&[Some("alone")], &[1]), ["alone"]);
        assert_eq!(names(&[], &[]), [""; 0]);
    }

    #[test]
    fn a_segment_over_two_turns_is_cut_at_the_word() {
        let words = [(0, 900, 0, "Yes."), (2100, 2500, 5, "And"), (2500, 3000, 9, "then.")];
        let clips = vec![(
            clip(0, &[(0, 2000), (9000, 11_000)]),
            text(TimePrecision::Word, vec![timed_text(0, 3000, "Yes. And then.", &words)]),
        )];
        let turns = stitch(&clips, &call(), 2);
        assert_eq!(
            turns.iter().map(|u| (u.text.as_str(), u.start_ms, u.end_ms)).collect::<Vec<_>>(),
            [("Yes.", 0, 900), ("And then.", 9100, 10_000)]
        );
        assert_eq!(turns[1].words.iter().map(|w| w.offset).collect::<Vec<_>>(), [0, 4]);
    }

    #[test]
    fn a_word_across_a_seam_ends_with_its_own_turn() {
        let clips = vec![(
            clip(0, &[(0, 2000), (9000, 11_000)]),
            text(TimePrecision::Word, vec![timed_text(0, 2500, "late", &[(1500, 2500, 0, "late")])]),
        )];
        assert_eq!(stitch(&clips, &call(), 2)[0].end_ms, 2000);
    }

    #[test]
    fn text_without_times_is_spread_over_the_speech() {
        let clips = vec![(
            clip(0, &[(0, 2000), (9000, 11_000)]),
            text(TimePrecision::Estimated, vec![timed_text(0, 4000, "one two six ten", &[])]),
        )];
        let turns = stitch(&clips, &call(), 1);
        assert_eq!(
            turns.iter().map(|u| (u.text.as_str(), u.start_ms, u.end_ms)).collect::<Vec<_>>(),
            [("one two", 0, 2000), ("six ten", 9000, 11_000)]
        );
        assert_eq!(turns[0].speaker, Speaker::unknown());
    }
}
