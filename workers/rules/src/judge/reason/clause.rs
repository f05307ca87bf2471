//! Pieces of reasons: what was heard or measured in one place, what was not heard.

use earmark_core::minutes_seconds;

use crate::judge::cluster::Spot;
use crate::judge::reason::example::example;
use crate::judge::voice::{Figure, Measure};
use crate::language::compiled::CompiledRules;
use crate::language::condition::Condition;
use crate::recording::facts::Recording;

/// Seconds, with a decimal where it is needed.
pub(super) fn secs(ms: u64) -> String {
    if ms.is_multiple_of(1000) { (ms / 1000).to_string() } else { format!("{:.1}", in_secs(ms)) }
}

#[expect(clippy::as_conversions, reason = "milliseconds are exact in a float far beyond any recording")]
fn in_secs(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// `“退款” (customer, 1:05)`, or what was measured.
pub(super) fn spot(recording: &Recording, spot: &Spot, language: &str) -> String {
    match spot {
        Spot::Mention(mention) => {
            let speaker = &recording.utterances[mention.utterance].speaker.0;
            let at = minutes_seconds(mention.start_ms);
            match language {
                "zh" => format!("“{}”（{speaker}，{at}）", mention.matched),
                _ => format!("“{}” ({speaker}, {at})", mention.matched),
            }
        }
        Spot::Voice(measure) => measured(measure, language),
    }
}

fn measured(measure: &Measure, language: &str) -> String {
    let Measure { figure, start_ms, end_ms, speaker, .. } = measure;
    let at = minutes_seconds(*start_ms);
    let long = format!("{:.1}", in_secs(end_ms - start_ms));
    let is_chinese = language == "zh";
    let who = speaker.as_deref().unwrap_or(if is_chinese { "所有人" } else { "everybody" });
    match (figure, is_chinese) {
        (Figure::Silence, true) => format!("从{at}起静默{long}秒"),
        (Figure::TalkShare { percent }, true) => format!("{who}说话占{percent:.1}%"),
        (Figure::Overlap, true) => format!("从{at}起同时说话{long}秒"),
        (Figure::OverlapShare { percent }, true) => format!("同时说话占{percent:.1}%"),
        (Figure::Interruption, true) => format!("{who}在{at}抢话，同时说话{long}秒"),
        (Figure::SpeechRate { per_min, .. }, true) => format!("{who}每分钟{per_min:.0}字"),
        (Figure::Level { dbfs }, true) => format!("{who}在{at}起音量{dbfs:.1} dBFS"),
        (Figure::Rise { db }, true) => format!("{who}在{at}音量比平时高{db:.1} dB"),
        (Figure::Duration, true) => format!("录音长{long}秒"),
        (Figure::AbruptEnd { after_ms }, true) => format!("{who}说完{}秒后录音结束", secs(*after_ms)),
        (Figure::Silence, false) => format!("{long} s of silence from {at}"),
        (Figure::TalkShare { percent }, false) => format!("{percent:.1} % of the speech is {who}'s"),
        (Figure::Overlap, false) => format!("{long} s of speech at once from {at}"),
        (Figure::OverlapShare { percent }, false) => format!("{percent:.1} % of the speech is at once"),
        (Figure::Interruption, false) => format!("{who} interrupts at {at}, {long} s at once"),
        (Figure::SpeechRate { per_min, is_characters: true }, false) => {
            format!("{who} speaks {per_min:.0} characters a minute")
        }
        (Figure::SpeechRate { per_min, .. }, false) => format!("{who} speaks {per_min:.0} words a minute"),
        (Figure::Level { dbfs }, false) => format!("{who} at {dbfs:.1} dBFS from {at}"),
        (Figure::Rise { db }, false) => format!("{who} {db:.1} dB above the usual at {at}"),
        (Figure::Duration, false) => format!("the recording is {long} s long"),
        (Figure::AbruptEnd { after_ms }, false) => {
            format!("the recording ends {} s after {who} spoke", secs(*after_ms))
        }
    }
}

/// What was not heard, and what the recording is: what holds without a place.
pub(super) fn absences(set: &CompiledRules, condition: &Condition, language: &str) -> Vec<String> {
    let is_chinese = language == "zh";
    let not_heard = |of: &Condition| {
        let example = example(set, of, language);
        if example.is_empty() {
            return None;
        }
        Some(if is_chinese {
            format!("没有听到“{example}”等")
        } else {
            format!("nothing like “{example}”")
        })
    };
    match condition {
        Condition::All(of) => of.iter().flat_map(|child| absences(set, child, language)).collect(),
        Condition::None(of) => of.iter().filter_map(not_heard).collect(),
        Condition::Missing(of) => not_heard(of).into_iter().collect(),
        Condition::Recording(test) => vec![test.describe(language)],
        _ => Vec::new(),
    }
}
