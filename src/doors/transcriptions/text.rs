//! A clip's segments as one text.

use earmark_core::ClipText;

/// The segments' texts, with a space between them where words are written with spaces.
pub fn whole(clip: &ClipText) -> String {
    let mut whole = String::new();
    for segment in &clip.segments {
        let text = segment.text.trim();
        if needs_space(&whole, text) {
            whole.push(' ');
        }
        whole.push_str(text);
    }
    whole
}

/// Where each segment's text begins and ends in [`whole`], in bytes; together they are all of it.
pub fn pieces(clip: &ClipText) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for segment in &clip.segments {
        let text = segment.text.trim();
        let is_apart = pieces.last().is_some_and(|before| needs_space(before, text));
        pieces.push(if is_apart { format!(" {text}") } else { text.to_owned() });
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn needs_space(before: &str, after: &str) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), after.chars().next()) else { return false };
    !(is_wide(last) || is_wide(first))
}

/// Written without spaces: Chinese, Japanese, and their punctuation.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::{TimePrecision, TimedText};

    #[test]
    fn segments_are_joined_as_their_language_is_written() {
        for (segments, expected) in [
            (&["Good morning.", " How are you?"][..], "Good morning. How are you?"),
            (&["您好，", "这里是客服。"], "您好，这里是客服。"),
            (&["请用", "WhatsApp", "now"], "请用WhatsApp now"),
            (&["一", " ", "two"], "一two"),
            (&[], ""),
        ] {
            let segments = segments.iter().map(|text| TimedText {
                start_ms: 0,
                end_ms: 1,
                text: (*text).into(),
                confidence: None,
                words: Vec::new(),
            });
            let clip = ClipText {
                language: None,
                segments: segments.collect(),
                time_precision: TimePrecision::Segment,
                dropped: Vec::new(),
                billed_ms: 0,
                refused: None,
                other_language: None,
            };
            assert_eq!(whole(&clip), expected);
            assert_eq!(pieces(&clip).concat(), expected);
        }
    }
}
