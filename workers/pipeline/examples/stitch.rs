//! Stitches saved clips: on each line of standard input a list of clips with their texts, `[[Clip, ClipText], …]`; on
//! each line of standard output the list of their utterances. With the word `estimated` the texts lose their times
//! first, as if the recogniser gave none.

use std::io::{BufRead, Write};

use earmark_core::{Clip, ClipText, Speaker, TimePrecision, TimedText};
use earmark_pipeline::{Speakers, stitch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_estimated = std::env::args().nth(1).is_some_and(|word| word == "estimated");
    let speakers = Speakers { by_channel: Vec::new(), mono: Speaker::unknown() };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let mut clips: Vec<(Clip, ClipText)> = serde_json::from_str(&line?)?;
        if is_estimated {
            for (clip, text) in &mut clips {
                *text = without_times(clip, text);
            }
        }
        serde_json::to_writer(&mut out, &stitch(&clips, &speakers, 1))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// One text from the clip's beginning to its end.
fn without_times(clip: &Clip, text: &ClipText) -> ClipText {
    let joint = if text.language.as_deref() == Some("zh") { "" } else { " " };
    let texts: Vec<&str> = text.segments.iter().map(|segment| segment.text.as_str()).collect();
    let whole = TimedText {
        start_ms: 0,
        end_ms: clip.duration_ms(),
        text: texts.join(joint),
        confidence: None,
        words: Vec::new(),
    };
    let segments = if texts.is_empty() { Vec::new() } else { vec![whole] };
    ClipText { segments, time_precision: TimePrecision::Estimated, ..text.clone() }
}
