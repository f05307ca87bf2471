//! Recordings that users of such tools reported, made anew: what was said is in the report, at its time, by whom it was
//! said, and what could not be heard is named. The program with the built-in engine; `tests/fixtures/cases`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fmt::Write as _;

use serde_json::Value;
use support::{Machine, fixture};

const A: &str = "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them";
const B: &str = "he was not an ill disposed young man";
const C: &str = "unless to be rather cold hearted and rather selfish is to be ill disposed";
const GO: &str = "go forward ten meters";
const CLUBS: &str = "seven of clubs";

/// Times may be off by so much, ms.
const SLACK_MS: u64 = 250;

/// A file, codec, channels, length in ms; by whom what is said, and when the file says it begins, in ms; warnings.
type Case<'a> = (&'a str, &'a str, u64, u64, &'a [(&'a str, &'a str, u64)], &'a [&'a str]);

const CASES: &[Case<'_>] = &[
    ("amr-in-3gp.3gp", "amr_nb", 1, 7100, &[("unknown", A, 0)], &[]),
    ("audio-starts-5s-late.mp4", "aac", 1, 12_100, &[("unknown", A, 5000)], &[]),
    ("audio-starts-5s-late.webm", "opus", 1, 12_106, &[("unknown", A, 5000)], &[]),
    ("block-align-half.wav", "pcm_s16le", 1, 2990, &[("unknown", B, 100)], &[]),
    ("block-align-of-one-channel.wav", "pcm_s16le", 2, 5300, &[("agent", B, 100), ("customer", C, 0)], &[]),
    ("block-align-of-two-channels.wav", "pcm_s16le", 1, 2990, &[("unknown", B, 100)], &[]),
    ("both-talk-at-once.mulaw8k.wav", "pcm_mulaw", 2, 7100, &[("agent", A, 0), ("customer", C, 400)], &[]),
    ("call.g726-32", "adpcm_g726le", 1, 2990, &[("unknown", B, 100)], &[]),
    ("call.g729", "g729", 1, 2990, &[("unknown", B, 100)], &[]),
    ("call.sln24", "pcm_s16le", 1, 2990, &[("unknown", B, 100)], &[]),
    (
        "chained-mono-then-stereo.opus.ogg",
        "opus",
        2,
        8290,
        &[("agent", B, 100), ("customer", C, 3000)],
        &["channels_changed", "channel_leakage"],
    ),
    ("data-size-never-updated.wav", "pcm_mulaw", 1, 7100, &[("unknown", A, 0)], &["sound_behind_end"]),
    ("echo-120ms.mulaw8k.wav", "pcm_mulaw", 2, 9100, &[("customer", B, 100), ("agent", C, 3800)], &["channel_leakage"]),
    (
        "echo-loudspeaker-in-room.mulaw8k.wav",
        "pcm_mulaw",
        2,
        9100,
        &[("customer", B, 100), ("agent", C, 3800)],
        &["channel_leakage"],
    ),
    ("g711-in-matroska.mkv", "pcm_mulaw", 1, 2990, &[("unknown", B, 100)], &[]),
    ("g729-tag-0133.wav", "g729", 1, 2990, &[("unknown", B, 100)], &[]),
    ("headset.msbc", "sbc", 1, 2990, &[("unknown", B, 100)], &[]),
    ("joined-parts.mp3", "mp3", 1, 8290, &[("unknown", B, 100), ("unknown", C, 3000)], &[]),
    ("middle-cut-out.m4a", "aac", 1, 8690, &[("unknown", B, 100), ("unknown", C, 3600)], &["edited_out"]),
    (
        "mono-then-stereo.mp3",
        "mp3",
        2,
        8460,
        &[("agent", B, 100), ("customer", C, 3200)],
        &["channels_changed", "channel_leakage"],
    ),
    ("muted-12-minutes.mka", "opus", 1, 725_310, &[("unknown", B, 100), ("unknown", C, 720_000)], &[]),
    ("ogg-clock-starts-at-10h.opus.ogg", "opus", 1, 2990, &[("unknown", B, 100)], &[]),
    ("rate-changes.aac", "aac", 1, 8410, &[("unknown", B, 100), ("unknown", C, 3200)], &[]),
    ("silence-first.alaw", "pcm_alaw", 1, 3240, &[("unknown", B, 350)], &[]),
    (
        "three-channels-mix-first.mulaw8k.wav",
        "pcm_mulaw",
        3,
        5990,
        &[("agent", B, 100), ("customer", GO, 3500)],
        &["channel_leakage"],
    ),
    ("two-audio-tracks.mp4", "aac", 2, 5300, &[("agent", B, 100), ("customer", C, 0)], &["tracks_joined"]),
    ("two-audio-tracks-first-silent.mp4", "aac", 2, 5300, &[("customer", C, 0)], &["tracks_joined"]),
    ("two-data-chunks.wav", "pcm_mulaw", 1, 8290, &[("unknown", B, 100), ("unknown", C, 3000)], &[]),
    (
        "two-streams-side-by-side.opus.ogg",
        "opus",
        2,
        5300,
        &[("agent", B, 100), ("customer", C, 0)],
        &["tracks_joined"],
    ),
    (
        "two-wav-files-joined.wav",
        "pcm_mulaw",
        1,
        8290,
        &[("unknown", B, 100), ("unknown", C, 3000)],
        &["recordings_joined"],
    ),
    ("video-outlasts-sound.avi", "mp3", 1, 3096, &[("unknown", B, 150)], &[]),
];

#[test]
fn nothing_that_was_said_is_lost_or_given_to_somebody_else() {
    let reports = reports(&CASES.iter().map(|case| case.0).collect::<Vec<_>>(), &[]);
    let mut wrong = String::new();
    for (case, report) in CASES.iter().zip(&reports) {
        let (name, codec, channels, length_ms, said, warnings) = *case;
        let recording = &report["recording"];
        let facts = (recording["codec"].as_str().unwrap(), recording["channels"].as_u64().unwrap());
        if facts != (codec, channels) || recording["duration_ms"].as_u64().unwrap().abs_diff(length_ms) > 10 {
            let _ = writeln!(wrong, "{name}: {facts:?} {}", recording["duration_ms"]);
        }
        let codes: Vec<&str> =
            array(report, "warnings").iter().map(|warning| warning["code"].as_str().unwrap()).collect();
        if codes != warnings {
            let _ = writeln!(wrong, "{name}: {}", report["warnings"]);
        }
        for (speaker, sentence, start_ms) in said {
            if let Err(why) = check(report, speaker, sentence, *start_ms) {
                let _ = writeln!(wrong, "{name}: {why}");
            }
        }
        let heard: usize = array(report, "utterances").iter().map(|utterance| words(&utterance["text"]).len()).sum();
        let there: usize = said.iter().map(|(_, sentence, _)| sentence.split(' ').count()).sum();
        if heard > there + 2 {
            let _ = writeln!(wrong, "{name}: {heard} words instead of {there}: {}", report["utterances"]);
        }
        if let Err(why) = balanced(report) {
            let _ = writeln!(wrong, "{name}: {why}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_nobody_decodes_is_named_with_what_to_do() {
    for (name, code, message, hint) in [
        ("rtp-two-legs.pcap", "decode.unsupported", "packet capture", "WAV"),
        ("participant.mjr", "decode.unsupported", "Janus", "janus-pp-rec"),
        ("voice.silk", "decode.unsupported", "SILK", "convert"),
        ("two-directions.raw", "decode.needs_declaration", "encoding, sample rate and channels", "--sound"),
    ] {
        let ran = Machine::new().run(&["run", "--json", &fixture(&format!("cases/{name}"))]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let error = &ran.json()[0]["error"];
        assert_eq!(error["code"], code, "{name}");
        for (part, expected) in [("message", message), ("hint", hint)] {
            assert!(error[part].as_str().unwrap().contains(expected), "{name}: {error}");
        }
    }
}

#[test]
fn what_the_producer_says_of_one_recording_counts_for_it() {
    let turned = &reports(&["agent-on-the-right.wav"], &["--speakers", "customer,agent"])[0];
    for (speaker, sentence, start_ms) in [("customer", B, 100), ("agent", C, 3000)] {
        check(turned, speaker, sentence, start_ms).unwrap();
    }
    let raw = &reports(&["two-directions.raw"], &["--sound", "pcm_s16le:8000:2"])[0];
    for (speaker, sentence, start_ms) in [("agent", B, 100), ("customer", CLUBS, 3000)] {
        check(raw, speaker, sentence, start_ms).unwrap();
    }
    assert_eq!(raw["recording"]["duration_ms"], 4600);
}

#[test]
fn a_call_keeps_its_findings_behind_a_hold() {
    let report = &reports(&["talk-hold-talk-piped.mp3"], &[])[0];
    let ids: Vec<&str> = array(report, "findings").iter().map(|finding| finding["rule_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 6, "{ids:?}");
    let first_ms = array(report, "findings").iter().map(|finding| finding["start_ms"].as_u64().unwrap()).max().unwrap();
    assert!(first_ms > 80_000, "none behind the hold: {ids:?}");
    assert_eq!(report["warnings"].as_array().unwrap().len(), 0, "{}", report["warnings"]);
    balanced(report).unwrap();
}

/// One report for each of `names`, in order.
fn reports(names: &[&str], more: &[&str]) -> Vec<Value> {
    let files: Vec<String> = names.iter().map(|name| fixture(&format!("cases/{name}"))).collect();
    let words = ["run", "--json"].into_iter().chain(more.iter().copied()).chain(files.iter().map(String::as_str));
    let ran = Machine::new().run(&words.collect::<Vec<_>>());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let reports = ran.json();
    let of = |file: &String| reports.iter().find(|report| report["recording"]["uri"] == file.as_str()).unwrap().clone();
    files.iter().map(of).collect()
}

fn array<'a>(report: &'a Value, field: &str) -> &'a [Value] {
    report[field].as_array().unwrap()
}

/// Words in lower case.
fn words(text: &Value) -> Vec<String> {
    let text =
        text.as_str().unwrap().to_lowercase().replace("mr.", "mister").replace("10", "ten").replace('7', "seven");
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether `speaker` says most words of `sentence`, from `start_ms` on; why not.
fn check(report: &Value, speaker: &str, sentence: &str, start_ms: u64) -> Result<(), String> {
    let own = array(report, "utterances").iter().filter(|utterance| utterance["speaker"] == speaker);
    let mut missing: Vec<&str> = sentence.split(' ').collect();
    let wanted = missing.len();
    let mut first = None;
    for word in own.flat_map(|utterance| array(utterance, "words")) {
        let is_near = word["start_ms"].as_u64().unwrap() + SLACK_MS >= start_ms;
        for text in words(&word["text"]).iter().filter(|_| is_near) {
            if let Some(at) = missing.iter().position(|word| word == text) {
                missing.remove(at);
                first.get_or_insert(word["start_ms"].as_u64().unwrap());
            }
        }
    }
    if missing.len() * 10 > wanted * 4 {
        return Err(format!("{speaker} lacks {missing:?}: {}", report["utterances"]));
    }
    match first {
        Some(first) if first.abs_diff(start_ms) <= SLACK_MS + 350 => Ok(()),
        first => Err(format!("{speaker} begins at {first:?} ms instead of {start_ms}")),
    }
}

/// Whether the ledger of a report is balanced; why not.
fn balanced(report: &Value) -> Result<(), String> {
    let recording = &report["recording"];
    let accounting = &recording["accounting"];
    let ms = |of: &Value, part: &str| of[part].as_u64().unwrap();
    let channels = accounting["channels"].as_array().unwrap();
    for of in channels.iter().chain([accounting]) {
        if ms(of, "decoded_ms") != ms(of, "heard_ms") + ms(of, "silent_ms") + ms(of, "filled_ms") {
            return Err(format!("the ledger does not add up: {of}"));
        }
    }
    let whole = ms(recording, "duration_ms") * ms(recording, "channels");
    if whole.abs_diff(ms(accounting, "decoded_ms")) > channels.len().try_into().unwrap() {
        return Err(format!("{whole} ms were decoded, {accounting} are accounted for"));
    }
    Ok(())
}
