//! No text and no rule file brings the engine down, and every span cuts out what was matched.
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

use std::sync::LazyLock;

use earmark_core::{Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};
use proptest::prelude::*;

static STARTER: LazyLock<RuleSet> = LazyLock::new(RuleSet::starter);

/// Every option of matching, on words that the pieces of [`text`] make up.
static OPTIONS: LazyLock<RuleSet> = LazyLock::new(|| {
    let options = [
        "words: [保证收益, 加微信, '12', 十二个月, 一定, no risk, guaranteed returns]",
        "words: [保证…收益, 强迫]\n    normalise: {split_characters: true}\n    homophones: {min_chars: 3, tones: true}",
        "words: [保证收益, No Risk]\n    normalise: false\n    homophones: false",
        "words: [保证收益]\n    normalise: {fillers: false, spaces: false}\n    homophones: {min_chars: 3, fuzzy: true}",
        "words: [guaranteed returns, favourite]\n    english: {spelling_variants: true, sound_alikes: true}",
        "patterns: ['\\d+', '[^a-z]收', 'r\\w+s']\n    except: [收收益]",
    ];
    let rule = |(number, options)| format!("  - id: r{number}\n    category: c\n    severity: high\n    {options}\n");
    let text = format!("rules:\n{}", options.iter().enumerate().map(rule).collect::<String>());
    RuleSet::compile("options", &[SourceFile { path: "a.yaml".into(), text }]).expect("written above")
});

/// Pieces that hit, half hit and disturb, in any order.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("保證收益"),
        Just("薄本保锡"),
        Just("加"),
        Just("威信"),
        Just("不会要求"),
        Just("guaranteed "),
        Just("returns"),
        Just("retirns"),
        Just("嗯"),
        Just("那个"),
        Just("保"),
        Just("收"),
        Just("收益"),
        Just("no risk "),
        Just("um "),
        Just("一"),
        Just("十"),
        Just("二"),
        Just("12"),
        Just("3,000"),
        Just("点"),
        Just("个月"),
        Just("弓虽迫"),
        Just("favorite"),
        Just("What’s App me"),
        Just("，"),
        Just("。"),
        Just(" "),
        Just("\u{200b}"),
        Just("e\u{301}"),
        Just("𠮷"),
        Just("👍🏽"),
        Just("İ"),
    ];
    prop_oneof![proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()), any::<String>(),]
}

fn rule_file() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("rules:\n".to_owned()),
        Just("  - id: a\n".to_owned()),
        Just("    category: c\n    severity: high\n".to_owned()),
        Just("    words: [a, …, 保证…收益]\n".to_owned()),
        Just("    words: ['a…{3}', '…{', '保证…{40}收益', '收…{}益']\n".to_owned()),
        Just("    except: ['…', '!…']\n".to_owned()),
        Just("    must_say: &x [b]\n".to_owned()),
        Just("    homophones: {min_chars: 99999999}\n".to_owned()),
        Just("    within: {first_secs: 4294967295}\n".to_owned()),
        Just("    examples: {hit: [a, [agent: b]], miss: [3]}\n".to_owned()),
        Just("    message: *x\n".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_span_cuts_out_what_was_matched(texts in proptest::collection::vec(text(), 1..4), gap_ms in 0_u64..2000) {
        let mut start_ms = 0;
        let mut utterances = Vec::new();
        for (id, text) in texts.into_iter().enumerate() {
            utterances.push(Utterance {
                id: id as u32,
                channel: 0,
                speaker: Speaker::unknown(),
                start_ms,
                end_ms: start_ms + 1000,
                time_precision: TimePrecision::Estimated,
                language: None,
                text,
                words: Vec::new(),
            });
            start_ms += 1000 + gap_ms;
        }
        let context = Context::default();
        for finding in STARTER.find(&utterances, &context).into_iter().chain(OPTIONS.find(&utterances, &context)) {
            let Some(id) = finding.utterance_id else { continue };
            let [start, end] = finding.span.unwrap();
            let text: Vec<char> = utterances[id as usize].text.chars().collect();
            prop_assert!(start < end && end <= text.len());
            prop_assert_eq!(text[start..end].iter().collect::<String>(), finding.matched);
            prop_assert!(finding.start_ms <= finding.end_ms && finding.end_ms <= start_ms);
        }
    }

    #[test]
    fn a_word_is_found_in_any_surroundings_that_are_no_letters(word in "[一-龥]{2,6}", before in "[一-龥 ，。]{0,8}", after in "[一-龥 ，。]{0,8}") {
        let text = format!("rules:\n  - {{id: a, category: c, severity: low, words: ['{word}']}}\n");
        let set = RuleSet::compile("test", &[SourceFile { path: "a.yaml".into(), text }]).unwrap();
        let found = set.find_in_text(&format!("{before}{word}{after}"));
        prop_assert!(!found.is_empty());
    }

    #[test]
    fn no_rule_file_brings_the_compiler_down(text in rule_file()) {
        let files = [SourceFile { path: "a.yaml".into(), text }];
        match RuleSet::compile("test", &files) {
            Ok(set) => {
                set.run_examples();
                set.lint();
                set.find_in_text("保证收益 a b");
            }
            Err(errors) => prop_assert!(errors.errors.iter().all(|error| error.line > 0 && error.column > 0)),
        }
    }
}
