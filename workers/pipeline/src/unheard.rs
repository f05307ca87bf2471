//! What is told of speech that is not in the text: which of the recogniser's words were not believed, and where nothing is
//! left.

use std::collections::BTreeMap;

use earmark_core::{Clip, ClipText, Span, Warning, samples_to_ms};

/// Places nearer than this are told as one.
const APART_MS: u64 = 1000;
/// No more places are named in words; all are in the warning's spans.
const NAMED: usize = 5;

/// One warning for each channel and reason for which text was not believed.
pub(crate) fn dropped(clips: &[(Clip, ClipText)]) -> Vec<Warning> {
    let mut by_reason: BTreeMap<(u16, &str), (usize, usize, Vec<Span>)> = BTreeMap::new();
    for (clip, text) in clips {
        for dropped in &text.dropped {
            let (times, characters, spans) = by_reason.entry((clip.key.channel, dropped.reason.as_str())).or_default();
            *times += 1;
            *characters += dropped.characters;
            let end_ms = dropped.end_ms.unwrap_or_else(|| clip.duration_ms());
            spans.extend(places(clip, dropped.start_ms, end_ms));
        }
    }
    let warning = |((channel, reason), (times, characters, spans)): ((u16, &str), (usize, usize, Vec<Span>))| {
        let spans = merged(spans);
        let (stretches, characters) =
            (counted(times, "stretch", "stretches"), counted(characters, "character", "characters"));
        let detail = format!(
            "{stretches} of text ({characters}) from the recogniser, on channel {channel} {}, not believed: {reason}",
            in_words(&spans)
        );
        Warning::new("text_dropped", detail).on(channel).within(spans)
    };
    by_reason.into_iter().map(warning).collect()
}

/// The warning of a recording without text: that nobody speaks in it, or what was heard all the same.
pub(crate) fn nothing_said(clips: &[(Clip, ClipText)]) -> Warning {
    if clips.is_empty() {
        return Warning::new("no_speech", "no speech was found in the recording");
    }
    let spans = merged(clips.iter().flat_map(|(clip, _)| places(clip, 0, clip.duration_ms())).collect());
    let reasons: Vec<&str> = {
        let mut reasons: Vec<&str> =
            clips.iter().flat_map(|(_, text)| &text.dropped).map(|dropped| dropped.reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    };
    let is_refused = clips.iter().any(|(_, text)| text.refused.is_some());
    let place = in_words(&spans);
    let (code, why) = if is_refused {
        ("no_text", "the provider refused to hear it".to_owned())
    } else if reasons.iter().any(|reason| *reason != "no_speech") {
        let reasons: Vec<&str> = reasons.iter().map(|reason| explained(reason)).collect();
        ("no_text", format!("nothing that the recogniser gave is believed ({})", reasons.join("; ")))
    } else {
        ("no_speech", "the recogniser finds no words in it".to_owned())
    };
    let lead = if code == "no_speech" { "no speech was found in the recording" } else { "the recording has no text" };
    Warning::new(code, format!("{lead}: {place} something sounds like speech, but {why}")).within(spans)
}

/// A reason in words.
fn explained(reason: &str) -> &str {
    match reason {
        "loop" => "it repeats itself as nobody does",
        "no_speech" => "nobody seems to have said it",
        "no_time" => "its words took no time",
        "other_language" => "it is in another language",
        "prompt_echo" => "it only reads back what the recogniser was told",
        other => other,
    }
}

/// Where a stretch of a clip lies in the recording: a part for each of its regions.
pub(crate) fn places(clip: &Clip, start_ms: u64, end_ms: u64) -> Vec<Span> {
    let (start_ms, end_ms) = (clip.to_recording_ms(start_ms, true), clip.to_recording_ms(end_ms, false));
    let mut spans: Vec<Span> = Vec::new();
    for region in &clip.regions {
        let span =
            Span { start_ms: samples_to_ms(region.start).max(start_ms), end_ms: samples_to_ms(region.end).min(end_ms) };
        if span.start_ms < span.end_ms {
            spans.push(span);
        }
    }
    if spans.is_empty() {
        spans.push(Span { start_ms, end_ms: start_ms.max(end_ms) });
    }
    spans
}

/// In order, neighbours made one.
pub(crate) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start_ms, span.end_ms));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start_ms <= last.end_ms + APART_MS => last.end_ms = last.end_ms.max(span.end_ms),
            _ => merged.push(span),
        }
    }
    merged
}

/// "from 00:03 to 00:12, from 01:05 to 01:07 and in 3 more places".
pub(crate) fn in_words(spans: &[Span]) -> String {
    let named: Vec<String> = spans
        .iter()
        .take(NAMED)
        .map(|span| format!("from {} to {}", clock(span.start_ms), clock(span.end_ms.div_ceil(1000) * 1000)))
        .collect();
    let more = spans.len().saturating_sub(NAMED);
    let more =
        if more == 0 { String::new() } else { format!(" and in {}", counted(more, "more place", "more places")) };
    format!("{}{more}", named.join(", "))
}

/// "00:03", "1:02:03".
fn clock(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use earmark_core::{ClipKey, Dropped, Region, TimePrecision, ms_to_samples};

    use super::*;

    fn clip(channel: u16, regions: &[(u64, u64)]) -> Clip {
        let region = |(start, end): &(u64, u64)| Region { start: ms_to_samples(*start), end: ms_to_samples(*end) };
        Clip { key: ClipKey { channel, index: 0 }, regions: regions.iter().map(region).collect() }
    }

    fn text(dropped: &[(u64, Option<u64>, &str, usize)]) -> ClipText {
        let dropped = dropped.iter().map(|(start_ms, end_ms, reason, characters)| Dropped {
            start_ms: *start_ms,
            end_ms: *end_ms,
            reason: (*reason).into(),
            characters: *characters,
        });
        ClipText {
            language: None,
            segments: Vec::new(),
            time_precision: TimePrecision::Segment,
            dropped: dropped.collect(),
            billed_ms: 0,
            refused: None,
            other_language: None,
        }
    }

    #[test]
    fn dropped_text_is_told_by_channel_and_reason_with_places_in_the_recording() {
        let clips = [
            (
                clip(0, &[(1000, 3000), (60_000, 62_000)]),
                text(&[(500, Some(1500), "loop", 40), (2500, None, "loop", 1)]),
            ),
            (clip(1, &[(5000, 6000)]), text(&[(0, Some(1000), "no_speech", 3)])),
        ];
        let warnings = dropped(&clips);
        assert_eq!(
            warnings.iter().map(|warning| warning.detail.as_str()).collect::<Vec<_>>(),
            [
                "2 stretches of text (41 characters) from the recogniser, on channel 0 from 00:01 to 00:03, from 01:00 \
                 to 01:02, not believed: loop",
                "1 stretch of text (3 characters) from the recogniser, on channel 1 from 00:05 to 00:06, not believed: \
                 no_speech",
            ]
        );
        let span = |start_ms, end_ms| Span { start_ms, end_ms };
        assert_eq!(
            (warnings[0].channel, warnings[0].spans.as_slice()),
            (Some(0), &[span(1500, 2500), span(60_500, 62_000)][..])
        );
        assert_eq!((warnings[1].channel, warnings[1].spans.as_slice()), (Some(1), &[span(5000, 6000)][..]));
    }

    #[test]
    fn a_recording_without_text_says_what_was_heard_and_is_silent_only_where_nothing_was() {
        let heard = || clip(0, &[(3000, 9000)]);
        let cases = [
            (vec![], "no_speech", "no speech was found in the recording"),
            (vec![(heard(), text(&[]))], "no_speech", "finds no words"),
            (vec![(heard(), text(&[(0, None, "no_speech", 9)]))], "no_speech", "from 00:03 to 00:09"),
            (vec![(heard(), text(&[(0, None, "loop", 9)]))], "no_text", "repeats itself"),
            (vec![(heard(), text(&[(0, None, "other_language", 9)]))], "no_text", "another language"),
        ];
        for (clips, code, part) in cases {
            let warning = nothing_said(&clips);
            assert_eq!(warning.code, code, "{warning:?}");
            assert!(warning.detail.contains(part), "{warning:?}");
        }
    }
}
