//! Speech in a language that the recogniser may not choose: told channel by channel, for of a word or two nobody can tell
//! its language. What was made of it is not believed where the recogniser was not sure either.

use std::collections::BTreeMap;

use earmark_asr::LanguageChoice;
use earmark_core::{Clip, ClipText, Dropped, OtherLanguage, Span, Warning};

use crate::unheard::{counted, in_words, merged, places};

/// A clip as long as this tells by itself. Of 135 clips as long, in Mandarin and English, none sounded like anything else;
/// shorter ones did, as sure as .96.
const TELLING_MS: u64 = 2000;
/// Where the languages allowed have more than this together, the clip may be in one of them.
const MOST_OF_CANDIDATES: f32 = 0.35;
/// Where they have less than this, they are out of the question …
const NONE_OF_CANDIDATES: f32 = 0.05;
/// … and a text has to be surer than this: Whisper translates what it is told is English, and is rather sure then. The
/// recogniser's mean probability of a token; English made of Spanish, French, Italian had .26 to .42.
const SURE_THOUGH_NONE: f32 = 0.6;
const SURE: f32 = 0.5;
/// Less than this is no language to name.
const NAMEABLE: f32 = 0.25;

/// Takes out of `clips` (in order of time) what was made of speech in another language, and says where there is some.
pub(crate) fn judge(clips: &mut [(Clip, ClipText)], choice: &LanguageChoice) -> Vec<Warning> {
    let candidates = match choice {
        LanguageChoice::Detect { candidates, .. } => candidates.join(", "),
        LanguageChoice::Fixed(language) => language.clone(),
    };
    let mut channels: Vec<u16> = clips.iter().map(|(clip, _)| clip.key.channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let mut warnings = Vec::new();
    for channel in channels {
        let mut of_channel: Vec<&mut (Clip, ClipText)> =
            clips.iter_mut().filter(|(clip, _)| clip.key.channel == channel).collect();
        warnings.extend(judge_channel(channel, &mut of_channel, &candidates));
    }
    warnings
}

/// What is found on a channel in one language.
#[derive(Default)]
struct Found {
    spans: Vec<Span>,
    dropped: usize,
    kept: usize,
}

fn judge_channel(channel: u16, clips: &mut [&mut (Clip, ClipText)], candidates: &str) -> Vec<Warning> {
    let (mut other_ms, mut own_ms) = (0, 0);
    for (clip, text) in clips.iter().map(|one| (&one.0, &one.1)) {
        match telling(clip, text) {
            Some(_) => other_ms += clip.duration_ms(),
            None if text.other_language.is_none() && !text.segments.is_empty() => own_ms += clip.duration_ms(),
            None => {}
        }
    }
    if other_ms == 0 {
        return Vec::new();
    }
    let mut languages: BTreeMap<Option<String>, Found> = BTreeMap::new();
    for (clip, text) in clips.iter_mut().map(|one| (&one.0, &mut one.1)) {
        // A short clip goes with most of its channel.
        let Some(other) = text.other_language.clone().filter(|_| telling(clip, text).is_some() || other_ms > own_ms)
        else {
            continue;
        };
        let name =
            telling(clip, text).filter(|other| other.probability >= NAMEABLE).map(|other| other.language.clone());
        let found = languages.entry(name).or_default();
        found.spans.extend(places(clip, 0, clip.duration_ms()));
        let (dropped, kept) = drop_unsure(text, &other);
        found.dropped += dropped;
        found.kept += kept;
    }
    // Where no language can be named, but most of the channel is in one, it is that one.
    let most = languages
        .iter()
        .filter(|(name, _)| name.is_some())
        .max_by_key(|(_, found)| found.spans.iter().map(|span| span.end_ms - span.start_ms).sum::<u64>())
        .and_then(|(name, _)| name.clone());
    if let Some(most) = most
        && let Some(unnamed) = languages.remove(&None)
    {
        let found = languages.entry(Some(most)).or_default();
        found.spans.extend(unnamed.spans);
        found.dropped += unnamed.dropped;
        found.kept += unnamed.kept;
    }
    languages.into_iter().map(|(name, found)| warning(channel, name.as_deref(), found, candidates)).collect()
}

/// The other language that a clip is in by its own evidence.
fn telling<'a>(clip: &Clip, text: &'a ClipText) -> Option<&'a OtherLanguage> {
    let is_long = clip.duration_ms() >= TELLING_MS;
    text.other_language.as_ref().filter(|other| is_long && other.candidates <= MOST_OF_CANDIDATES)
}

/// Takes away the segments that the recogniser was not sure of; how many characters went and stayed.
fn drop_unsure(text: &mut ClipText, other: &OtherLanguage) -> (usize, usize) {
    let least = if other.candidates <= NONE_OF_CANDIDATES { SURE_THOUGH_NONE } else { SURE };
    let (mut went, mut stayed) = (0, 0);
    let mut kept = Vec::new();
    for segment in std::mem::take(&mut text.segments) {
        let characters = segment.text.chars().count();
        if segment.confidence.is_none_or(|confidence| confidence >= least) {
            stayed += characters;
            kept.push(segment);
            continue;
        }
        went += characters;
        text.dropped.push(Dropped {
            start_ms: segment.start_ms,
            end_ms: Some(segment.end_ms),
            reason: "other_language".into(),
            characters,
        });
    }
    text.segments = kept;
    (went, stayed)
}

fn warning(channel: u16, language: Option<&str>, found: Found, candidates: &str) -> Warning {
    let spans = merged(found.spans);
    let sounds = match language {
        Some(code) => format!("sounds like {}, which is not among asr.languages ({candidates})", named(code)),
        None => format!("sounds like none of asr.languages ({candidates}), and like no other language clearly"),
    };
    let made = match (found.dropped, found.kept) {
        (0, 0) => "nothing of it is in the text".to_owned(),
        (dropped, 0) => {
            format!(
                "what the recogniser made of it ({}) is not in the text",
                counted(dropped, "character", "characters")
            )
        }
        (0, _) => "what the recogniser made of it is in the text, and may be invented".to_owned(),
        (dropped, _) => format!(
            "a part of what the recogniser made of it ({}) is not in the text, and the rest may be invented",
            counted(dropped, "character", "characters")
        ),
    };
    let detail = format!(
        "{} the speech on channel {channel} {sounds}; {made}; add the language to asr.languages to have it transcribed",
        in_words(&spans)
    );
    Warning::new("other_language", detail).on(channel).within(spans)
}

/// "French (fr)".
fn named(code: &str) -> String {
    let name = NAMES.split(',').find_map(|entry| entry.trim().split_once(' ').filter(|(of, _)| *of == code));
    name.map_or_else(|| format!("`{code}`"), |(_, name)| format!("{name} ({code})"))
}

/// What Whisper knows, in English.
const NAMES: &str = "af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, \
    bg Bulgarian, bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, \
    el Greek, en English, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, \
    gl Galician, gu Gujarati, ha Hausa, haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian Creole, \
    hu Hungarian, hy Armenian, id Indonesian, is Icelandic, it Italian, ja Japanese, jw Javanese, ka Georgian, \
    kk Kazakh, km Khmer, kn Kannada, ko Korean, la Latin, lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, \
    lv Latvian, mg Malagasy, mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, \
    my Burmese, ne Nepali, nl Dutch, nn Norwegian Nynorsk, no Norwegian, oc Occitan, pa Punjabi, pl Polish, ps Pashto, \
    pt Portuguese, ro Romanian, ru Russian, sa Sanskrit, sd Sindhi, si Sinhala, sk Slovak, sl Slovenian, sn Shona, \
    so Somali, sq Albanian, sr Serbian, su Sundanese, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, \
    tk Turkmen, tl Tagalog, tr Turkish, tt Tatar, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, yi Yiddish, \
    yo Yoruba, yue Cantonese, zh Chinese";

#[cfg(test)]
mod tests {
    use earmark_core::{ClipKey, Region, TimePrecision, TimedText, ms_to_samples};

    use super::*;

    /// Clips, what a warning says, how many texts are left.
    type Case = (Vec<(Clip, ClipText)>, &'static [&'static str], usize);

    /// A clip on channel 0 and what it sounds like: language, its probability, that of the candidates; how sure the text is.
    fn clip(start_ms: u64, length_ms: u64, other: Option<(&str, f32, f32)>, confidence: f32) -> (Clip, ClipText) {
        let (start, end) = (ms_to_samples(start_ms), ms_to_samples(start_ms + length_ms));
        let other = other.map(|(language, probability, candidates)| OtherLanguage {
            language: language.into(),
            probability,
            candidates,
        });
        let said = TimedText {
            start_ms: 0,
            end_ms: length_ms,
            text: "said".into(),
            confidence: Some(confidence),
            words: Vec::new(),
        };
        let text = ClipText {
            language: Some("en".into()),
            segments: vec![said],
            time_precision: TimePrecision::Segment,
            dropped: Vec::new(),
            billed_ms: 0,
            refused: None,
            other_language: other,
        };
        (Clip { key: ClipKey { channel: 0, index: 0 }, regions: vec![Region { start, end }] }, text)
    }

    fn choice() -> LanguageChoice {
        LanguageChoice::Detect { candidates: vec!["zh".into(), "en".into()], likely: None }
    }

    #[test]
    fn speech_in_another_language_is_named_and_what_was_made_of_it_unsurely_is_left_out() {
        let french = Some(("fr", 0.9, 0.02));
        let cases: Vec<Case> = vec![
            (vec![clip(3000, 9000, french, 0.4)], &["from 00:03 to 00:12", "French (fr)", "(zh, en)"], 0),
            // Sure of it: it stays, and is warned of.
            (vec![clip(0, 9000, french, 0.8)], &["French (fr)", "may be invented"], 1),
            // The candidates have their share.
            (vec![clip(0, 9000, Some(("ja", 0.5, 0.45)), 0.4)], &[], 1),
            // A short clip tells nothing by itself …
            (vec![clip(0, 900, Some(("ar", 0.96, 0.02)), 0.4)], &[], 1),
            // … nor against its neighbours …
            (
                vec![clip(0, 9000, None, 0.9), clip(9000, 2500, french, 0.4), clip(30_000, 900, french, 0.4)],
                &["from 00:09 to 00:12"],
                2,
            ),
            // … but goes with them.
            (vec![clip(0, 9000, french, 0.4), clip(30_000, 900, Some(("ar", 0.3, 0.4)), 0.4)], &["French (fr)"], 0),
            (vec![clip(0, 5000, Some(("th", 0.2, 0.1)), 0.4)], &["like no other language clearly"], 0),
            (vec![clip(0, 5000, None, 0.2)], &[], 1),
        ];
        for (at, (mut clips, parts, left)) in cases.into_iter().enumerate() {
            let warnings = judge(&mut clips, &choice());
            assert_eq!(warnings.is_empty(), parts.is_empty(), "{at}: {warnings:?}");
            for part in parts {
                assert!(warnings[0].detail.contains(part), "{at}: {warnings:?}");
            }
            assert_eq!(clips.iter().map(|(_, text)| text.segments.len()).sum::<usize>(), left, "{at}");
            let dropped = clips.iter().flat_map(|(_, text)| &text.dropped);
            assert!(dropped.clone().all(|dropped| dropped.reason == "other_language"), "{at}");
        }
    }
}
