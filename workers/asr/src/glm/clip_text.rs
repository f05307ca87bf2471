//! An answer to a clip's text: what is believed of it, with times, and in which language it is.

use earmark_core::{ClipText, Dropped, TimePrecision, TimedText};

use super::form::hotwords;
use super::json_answer::{Answer, Part};
use super::language::language;
use crate::ClipRequest;
use crate::hallucination::{is_read_back, is_speakable, is_stock, is_within, loops, normalised};

/// Below this (the loudest 100 ms, decibels relative to full scale) hardly anybody speaks: stock phrases, loops and
/// texts that were told beforehand are then not believed.
const QUIET_DB: f32 = -50.0;
/// Below this nobody does: a few steps of 16 bits.
const SILENT_DB: f32 = -75.0;

/// What was heard in a clip of `duration_ms`, of which `billed_ms` are paid for.
pub(super) fn clip_text(answer: &Answer, request: &ClipRequest, duration_ms: u64, billed_ms: u64) -> ClipText {
    let text = answer.text.trim();
    let characters: Vec<char> = text.chars().collect();
    let loops = loops(&characters);
    let kept: String = characters
        .iter()
        .enumerate()
        .filter(|(at, _)| !loops.iter().any(|part| part.contains(at)))
        .map(|(_, character)| *character)
        .collect();

    let mut dropped = Vec::new();
    let mut segments = Vec::new();
    let mut time_precision = TimePrecision::Estimated;
    if let Some(reason) = reason_to_drop(text, &kept, !loops.is_empty(), request, duration_ms) {
        dropped.push(Dropped {
            start_ms: 0,
            end_ms: Some(duration_ms),
            reason: reason.into(),
            characters: characters.len(),
        });
    } else {
        #[expect(clippy::as_conversions, reason = "numbers of characters, which 64 bits hold")]
        let start_ms = |at: usize| duration_ms * at as u64 / characters.len().max(1) as u64;
        dropped.extend(loops.iter().map(|part| Dropped {
            start_ms: start_ms(part.start),
            end_ms: Some(start_ms(part.end)),
            reason: "loop".into(),
            characters: part.len(),
        }));
        if loops.is_empty() && is_all_of(&answer.parts, text) {
            time_precision = TimePrecision::Segment;
            segments = timed(&answer.parts, duration_ms);
        } else if !kept.trim().is_empty() {
            segments.push(segment(0, duration_ms, &kept));
        }
    }
    let said: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    let language = if segments.is_empty() { None } else { language(&said, &request.language) };
    ClipText { language, segments, time_precision, dropped, billed_ms, refused: None, other_language: None }
}

/// Why nothing of `text` is believed; `kept` is what is left of it without its loops.
fn reason_to_drop(
    text: &str,
    kept: &str,
    has_loops: bool,
    request: &ClipRequest,
    duration_ms: u64,
) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    let is_below = |limit_db: f32| request.loudness_db.is_some_and(|loudness_db| loudness_db < limit_db);
    if is_below(SILENT_DB) || (is_below(QUIET_DB) && is_stock(text)) || !is_speakable(kept, duration_ms) {
        return Some("no_speech");
    }
    if is_below(QUIET_DB) && has_loops {
        return Some("loop");
    }
    let terms = hotwords(&request.glossary);
    let preceding = request.preceding.as_deref().unwrap_or_default();
    let told = [&terms.join(" "), request.prompt.as_deref().unwrap_or_default(), preceding].join(" ");
    // People do say a name that is in the glossary, and do say again what they, or a machine, just said.
    let is_likely_said = is_within(text, preceding) || terms.iter().any(|term| is_within(text, term));
    let is_echo = (is_read_back(text, &told) && !is_likely_said) || (is_below(QUIET_DB) && is_within(text, &told));
    is_echo.then_some("prompt_echo")
}

/// Whether the parts make up the text.
fn is_all_of(parts: &[Part], text: &str) -> bool {
    let joined: String = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
    !parts.is_empty() && normalised(&joined, false) == normalised(text, false)
}

/// In order of time, inside the clip.
fn timed(parts: &[Part], duration_ms: u64) -> Vec<TimedText> {
    let mut segments: Vec<TimedText> = parts
        .iter()
        .filter(|part| !part.text.trim().is_empty())
        .map(|part| segment(part.start_ms.min(duration_ms), part.end_ms.min(duration_ms), &part.text))
        .collect();
    segments.sort_by_key(|segment| segment.start_ms);
    segments
}

fn segment(start_ms: u64, end_ms: u64, text: &str) -> TimedText {
    TimedText { start_ms, end_ms, text: text.trim().to_owned(), confidence: None, words: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LanguageChoice, Sound};

    fn request(loudness_db: Option<f32>) -> ClipRequest {
        let language = LanguageChoice::Detect { candidates: vec!["zh".into(), "en".into()], likely: None };
        ClipRequest {
            prompt: Some("以下是银行客服与客户的对话。".into()),
            preceding: Some("请输入您的卡号，按井号键结束。".into()),
            glossary: ["中国工商银行股份有限公司", "聚宝盆理财", "天天盈"].map(str::to_owned).to_vec(),
            loudness_db,
            ..ClipRequest::new(Sound::of(Vec::new().into()), language, "test".into())
        }
    }

    #[test]
    fn what_nobody_said_is_dropped_with_its_reason_and_what_people_say_stays() {
        const LOUD: Option<f32> = Some(-20.0);
        const QUIET: Option<f32> = Some(-60.0);
        const SILENT: Option<f32> = Some(-120.0);
        let cases = [
            ("这里的天气怎么样？", LOUD, 3000, "这里的天气怎么样？", None),
            ("这里的天气怎么样？", QUIET, 3000, "这里的天气怎么样？", None),
            ("这里的天气怎么样？", SILENT, 3000, "", Some("no_speech")),
            ("这里的天气怎么样？", None, 300, "", Some("no_speech")),
            ("我要要要要要要要要要要要要", LOUD, 5000, "我要", Some("loop")),
            ("我要要要要要要要要要要要要", None, 5000, "我要", Some("loop")),
            ("我要要要要要要要要要要要要", QUIET, 5000, "", Some("loop")),
            ("谢谢观看", LOUD, 3000, "谢谢观看", None),
            ("谢谢观看", QUIET, 3000, "", Some("no_speech")),
            ("以下是银行客服与客户的对话", LOUD, 5000, "", Some("prompt_echo")),
            ("聚宝盆理财、天天盈，以下是银行", None, 5000, "", Some("prompt_echo")),
            ("中国工商银行股份有限公司。", LOUD, 5000, "中国工商银行股份有限公司。", None),
            ("中国工商银行股份有限公司。", QUIET, 5000, "", Some("prompt_echo")),
            ("天天盈", LOUD, 2000, "天天盈", None),
            ("请输入您的卡号，按井号键结束。", LOUD, 5000, "请输入您的卡号，按井号键结束。", None),
            ("请输入您的卡号，按井号键结束。", QUIET, 5000, "", Some("prompt_echo")),
            ("  ", LOUD, 5000, "", None),
        ];
        for (text, loudness_db, duration_ms, expected, reason) in cases {
            let answer = Answer { text: text.into(), parts: Vec::new() };
            let clip = clip_text(&answer, &request(loudness_db), duration_ms, 0);
            let said: String = clip.segments.iter().map(|segment| segment.text.as_str()).collect();
            assert_eq!(said, expected, "{text} {loudness_db:?}");
            assert_eq!(clip.dropped.first().map(|dropped| dropped.reason.as_str()), reason, "{text} {loudness_db:?}");
            assert_eq!(clip.language.is_some(), !expected.is_empty(), "{text}");
        }
    }

    #[test]
    fn times_are_the_recognisers_where_they_are_whole_and_else_the_clips() {
        let part = |start_ms, end_ms, text: &str| Part { start_ms, end_ms, text: text.into() };
        let (first, second) = (part(200, 1500, "Good morning."), part(1500, 9000, " How are you?"));
        let whole = [(0, 4000, "Good morning. How are you?")];
        let cases: [(_, &[_], _); 4] = [
            (
                vec![first.clone(), second.clone()],
                &[(200, 1500, "Good morning."), (1500, 4000, "How are you?")],
                TimePrecision::Segment,
            ),
            (
                vec![first.clone(), part(1500, 1500, " "), second],
                &[(200, 1500, "Good morning."), (1500, 4000, "How are you?")],
                TimePrecision::Segment,
            ),
            (vec![first], &whole, TimePrecision::Estimated),
            (Vec::new(), &whole, TimePrecision::Estimated),
        ];
        for (parts, expected, time_precision) in cases {
            let answer = Answer { text: "Good morning. How are you?".into(), parts };
            let clip = clip_text(&answer, &request(None), 4000, 4000);
            let seen: Vec<(u64, u64, &str)> =
                clip.segments.iter().map(|part| (part.start_ms, part.end_ms, part.text.as_str())).collect();
            assert_eq!((seen.as_slice(), clip.time_precision), (expected, time_precision), "{:?}", answer.parts);
            assert_eq!((clip.language.as_deref(), clip.billed_ms), (Some("en"), 4000));
        }
    }
}
