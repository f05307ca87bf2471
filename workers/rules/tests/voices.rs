//! What rules find in the voices: every property, its limit from both sides, and what one channel cannot show.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

mod support;

use earmark_core::{Finding, FindingKind, Speech};
use earmark_rules::Context;
use support::{context, dialogue, rules, when};

fn found(condition: &str, text: &str, context: &Context) -> Vec<Finding> {
    rules(&when(condition)).find(&dialogue(text), context)
}

/// Condition, dialogue (each character takes a second), begin and end of each finding.
type Case = (&'static str, &'static str, &'static [(u64, u64)]);

#[test]
fn silence_is_found_where_nobody_speaks_and_after_whom_it_is_asked_for() {
    let cases: &[Case] = &[
        ("silence: {longer_than_secs: 7}", "a 0: 您好 | c 10: 好", &[(2_000, 10_000), (11_000, 100_000)]),
        ("silence: {longer_than_secs: 8}", "a 0: 您好 | c 10: 好 | a 11: 再见", &[(13_000, 100_000)]),
        ("silence: {longer_than_secs: 4}", "a 5: 您好 | c 93: 好好好好", &[(0, 5_000), (7_000, 93_000)]),
        ("silence: {longer_than_secs: 7, after: customer}", "c 0: 您好 | a 10: 好", &[(2_000, 10_000)]),
        ("silence: {longer_than_secs: 7, after: customer}", "a 0: 您好 | a 10: 好", &[]),
        ("silence: {longer_than_secs: 7, after: customer}", "u 0: 您好 | u 10: 好", &[]),
        ("{silence: {longer_than_secs: 7}, within: {first_secs: 5}}", "a 0: 您好 | c 10: 好", &[(2_000, 10_000)]),
    ];
    for (condition, text, expected) in cases {
        let found = found(condition, text, &context());
        let places: Vec<_> = found.iter().map(|finding| (finding.start_ms, finding.end_ms)).collect();
        assert_eq!(&places, expected, "{condition} in {text}");
        assert!(found.iter().all(|finding| finding.kind == FindingKind::Voice && finding.utterance_id.is_none()));
    }
    let text = "a 0: 您好 | c 10.4: 好";
    let english = Context { language: Some("en".into()), ..context() };
    let reason = |context: &Context| found("silence: {longer_than_secs: 7}", text, context)[0].reason.clone();
    assert_eq!(reason(&english), "c: 8.4 s of silence from 0:02");
    assert_eq!(reason(&context()), "c：从0:02起静默8.4秒");
}

#[test]
fn shares_overlaps_and_interruptions_need_voices_that_can_be_told_apart() {
    // Agent 6 s, customer 4 s, 2 s of them at once.
    let lively = "a 0: 一二三四五六 | c 4: 一二三四";
    let cases: &[Case] = &[
        ("talk_share: {speaker: agent, more_than_percent: 59}", lively, &[(0, 100_000)]),
        ("talk_share: {speaker: agent, more_than_percent: 60}", lively, &[]),
        ("talk_share: {speaker: customer, less_than_percent: 41}", lively, &[(0, 100_000)]),
        ("talk_share: {speaker: customer, less_than_percent: 40}", lively, &[]),
        ("talk_share: {speaker: agent, more_than_percent: 1}", "u 0: 一二三四五六", &[]),
        ("overlap: {longer_than_secs: 1.9}", lively, &[(4_000, 6_000)]),
        ("overlap: {longer_than_secs: 2}", lively, &[]),
        ("overlap: {more_than_percent: 24}", lively, &[(0, 100_000)]),
        ("overlap: {more_than_percent: 25}", lively, &[]),
        ("overlap: {more_than_percent: 0}", "u 0: 一二三四五六 | u 2: 一二三", &[]),
        ("interruption: {by: customer}", lively, &[(4_000, 6_000)]),
        ("interruption: {by: customer, longer_than_secs: 2}", lively, &[]),
        ("interruption: {by: customer, at_least: 2}", lively, &[]),
        ("interruption: {by: agent}", lively, &[]),
        ("interruption: {by: customer}", "a 0: 一二三四五六 | c 0.2: 一二三四", &[]),
        ("interruption: {by: any}", "u 0: 一二三四五六 | u 2: 一二三", &[]),
        (
            "interruption: {by: customer, at_least: 2}",
            "a 0: 一二三四 | c 3: 一二 | a 10: 一二三四 | c 12: 一二三",
            &[(3_000, 4_000)],
        ),
    ];
    for (condition, text, expected) in cases {
        let found = found(condition, text, &context());
        let places: Vec<_> = found.iter().map(|finding| (finding.start_ms, finding.end_ms)).collect();
        assert_eq!(&places, expected, "{condition} in {text}: {found:#?}");
    }
    let twice = "a 0: 一二三四 | c 3: 一二 | a 10: 一二三四 | c 12: 一二三";
    let twice = found("interruption: {by: customer, at_least: 2}", twice, &context());
    assert_eq!(twice[0].evidence.len(), 2);
}

#[test]
fn speed_is_counted_in_chinese_characters_or_english_words_by_the_minute_of_speech() {
    // A character a second: 60 a minute.
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("speech_rate: {speaker: agent, more_than_per_min: 59}", "a 0: 一二三四五六", Some("c：agent每分钟60字")),
        ("speech_rate: {speaker: agent, more_than_per_min: 60}", "a 0: 一二三四五六", None),
        ("speech_rate: {speaker: agent, less_than_per_min: 61}", "a 0: 一二三四五六", Some("c：agent每分钟60字")),
        ("speech_rate: {speaker: customer, more_than_per_min: 1}", "a 0: 一二三四五六", None),
        ("speech_rate: {speaker: agent, more_than_per_min: 1}", "u 0: 一二三四五六", None),
        ("speech_rate: {more_than_per_min: 1}", "u 0: 一二三四五六", Some("c：所有人每分钟60字")),
        // Less than five seconds of speech show nothing.
        ("speech_rate: {more_than_per_min: 1}", "a 0: 一二三四", None),
    ];
    for (condition, text, expected) in cases {
        let found = found(condition, text, &context());
        assert_eq!(found.first().map(|finding| finding.reason.as_str()), *expected, "{condition} in {text}");
    }
    let english = Context { language: Some("en".into()), ..context() };
    let reason = found("speech_rate: {speaker: agent, more_than_per_min: 1}", "a 0: one two three four", &english);
    // 4 words in 18 s.
    assert_eq!(reason[0].reason, "c: agent speaks 13 words a minute");
}

#[test]
fn levels_come_from_the_segmenter_and_are_nowhere_without_it() {
    let loud = |levels: &[f32]| {
        let speech = levels.iter().enumerate().map(|(number, dbfs)| Speech {
            channel: 0,
            start_ms: 2_000 * number as u64,
            end_ms: 2_000 * number as u64 + 1_000,
            level_dbfs: Some(*dbfs),
        });
        Context { speech: speech.collect(), ..context() }
    };
    let text = "a 0: 您好";
    for (condition, levels, starts) in [
        ("energy: {louder_than_dbfs: -20}", &[-30.0, -19.0][..], &[2_000][..]),
        ("energy: {louder_than_dbfs: -19}", &[-30.0, -19.0], &[]),
        ("energy: {quieter_than_dbfs: -39}", &[-40.0, -40.0], &[0]),
        ("energy: {quieter_than_dbfs: -40}", &[-40.0, -40.0], &[]),
        ("energy: {rise_db: 10}", &[-30.0, -30.0, -20.0], &[4_000]),
        ("energy: {rise_db: 10.5}", &[-30.0, -30.0, -20.0], &[]),
        ("energy: {speaker: agent, rise_db: 10}", &[-30.0, -30.0, -20.0], &[4_000]),
        ("energy: {speaker: customer, rise_db: 10}", &[-30.0, -30.0, -20.0], &[]),
    ] {
        let found = found(condition, text, &loud(levels));
        let places: Vec<_> = found.iter().map(|finding| finding.start_ms).collect();
        assert_eq!(places, starts, "{condition} in {levels:?}");
    }
    assert!(found("energy: {louder_than_dbfs: -99}", text, &context()).is_empty());
}

#[test]
fn length_and_an_abrupt_end_are_known_where_the_length_is() {
    let long = |duration_ms| Context { duration_ms, ..context() };
    for (condition, text, duration_ms, is_found) in [
        ("duration: {longer_than_secs: 9}", "a 0: 您好", 9_001, true),
        ("duration: {longer_than_secs: 9}", "a 0: 您好", 9_000, false),
        ("duration: {shorter_than_secs: 9}", "a 0: 您好", 8_999, true),
        ("duration: {shorter_than_secs: 9}", "a 0: 您好", 9_000, false),
        ("duration: {shorter_than_secs: 9}", "a 0: 您好", 0, false),
        ("abrupt_end: {within_secs: 2}", "a 0: 您好", 4_000, true),
        ("abrupt_end: {within_secs: 2}", "a 0: 您好", 4_001, false),
        ("abrupt_end: {}", "a 0: 您好", 3_000, true),
        ("abrupt_end: {by: agent}", "a 0: 您好", 3_000, true),
        ("abrupt_end: {by: customer}", "a 0: 您好", 3_000, false),
        ("abrupt_end: {by: customer}", "u 0: 您好", 3_000, false),
        ("abrupt_end: {closing: [再见, 拜拜]}", "c 0: 那行吧 | a 4: 再见", 7_000, false),
        ("abrupt_end: {closing: [再见, 拜拜]}", "c 0: 那行吧 | a 4: 我们", 7_000, true),
        ("abrupt_end: {}", "a 0: 您好", 0, false),
        ("abrupt_end: {}", "", 9_000, false),
    ] {
        let found = found(condition, text, &long(duration_ms));
        assert_eq!(!found.is_empty(), is_found, "{condition} in {text}, {duration_ms}");
        assert!(found.iter().all(|finding| finding.kind == FindingKind::Voice), "{found:#?}");
    }
}

#[test]
fn the_segmenter_s_speech_goes_before_the_utterances_times() {
    let speech = |channel, start_ms, end_ms| Speech { channel, start_ms, end_ms, level_dbfs: None };
    let context = Context { speech: vec![speech(0, 0, 40_000), speech(1, 41_000, 99_000)], ..context() };
    let text = "a 0: 您好 | c 50: 好";
    assert!(found("silence: {longer_than_secs: 2}", text, &context).is_empty());
    let share = found("talk_share: {speaker: customer, more_than_percent: 59}", text, &context);
    // 58 of 98 seconds are 59.2 %.
    assert_eq!(share[0].reason, "c：customer说话占59.2%");
}
