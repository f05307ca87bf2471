//! Long texts and long lists: what is found stays right, and the work grows with the size and not with its square,
//! which would keep these tests busy for minutes.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

use earmark_core::FindingKind::{Exact, Homophone};
use earmark_core::{FindingKind, Speaker, TimePrecision, Utterance, Word};
use earmark_rules::{Context, RuleSet, SourceFile};

const TIMES: usize = 40_000;
const LISTED: usize = 100_000;

fn compile(body: &str) -> RuleSet {
    let text = format!("rules:\n  - id: r\n    category: c\n    severity: high\n{body}");
    match RuleSet::compile("test", &[SourceFile { path: "rules.yaml".into(), text }]) {
        Ok(set) => set,
        Err(errors) => panic!("{errors}"),
    }
}

fn said(text: String, words: Vec<Word>) -> Utterance {
    Utterance {
        id: 0,
        channel: 0,
        speaker: Speaker::unknown(),
        start_ms: 0,
        end_ms: 1000 * TIMES as u64,
        time_precision: TimePrecision::Estimated,
        language: None,
        text,
        words,
    }
}

/// Body of the rule, the text once, kind and span in it of the one finding; none: nothing is found.
type Case = (&'static str, &'static str, Option<(FindingKind, [usize; 2])>);

#[test]
fn every_one_of_many_hits_in_a_long_text_is_found_at_its_place_and_time() {
    let cases: &[Case] = &[
        ("    words: [hello]\n", "hello ", Some((Exact, [0, 5]))),
        ("    words: [hello]\n    within: {first_secs: 100000}\n", "hello ", Some((Exact, [0, 5]))),
        ("    words: [保本保息]\n", "薄本保锡。", Some((Homophone, [0, 4]))),
        ("    words: [收益, 保证收益]\n    except: [收益高]\n", "保证收益，", Some((Exact, [0, 4]))),
        ("    words: [收益]\n    except: [保证收益]\n", "保证收益，收益，", Some((Exact, [5, 7]))),
        ("    words: [收益]\n    except: [不能…]\n", "不能有收益，", None),
    ];
    for (body, once, expected) in cases {
        let size = once.chars().count();
        let found = compile(body).find(&[said(once.repeat(TIMES), Vec::new())], &Context::default());
        let Some((kind, [start, end])) = *expected else {
            assert_eq!(found.len(), 0, "{body} in {once}");
            continue;
        };
        assert_eq!(found.len(), TIMES, "{body} in {once}");
        for (number, finding) in found.iter().enumerate() {
            let place = Some([number * size + start, number * size + end]);
            assert_eq!((finding.kind, finding.span), (kind, place), "{body} in {once}");
            assert!(finding.start_ms >= 1000 * number as u64 && finding.end_ms <= 1000 * (number as u64 + 1));
        }
    }
}

#[test]
fn hits_in_a_long_text_have_the_times_of_their_words() {
    let word = |number: usize| Word {
        start_ms: 1000 * number as u64 + 100,
        end_ms: 1000 * number as u64 + 300,
        offset: number * 6,
        text: "hello".into(),
    };
    let utterance = said("hello ".repeat(TIMES), (0..TIMES).map(word).collect());
    let found = compile("    words: [hello]\n").find(&[utterance], &Context::default());
    assert_eq!(found.len(), TIMES);
    for (number, finding) in found.iter().enumerate() {
        assert_eq!((finding.start_ms, finding.end_ms), (word(number).start_ms, word(number).end_ms));
    }
}

#[test]
fn a_list_of_a_hundred_thousand_words_and_as_many_exceptions_is_looked_over() {
    // Hangul: no two of these fold to the same.
    let syllable = |index: usize| char::from_u32(0xac00 + index as u32).unwrap();
    let name = |number: usize| format!("{}{}가", syllable(number % 317), syllable(400 + number / 317));
    let body = |field: &str| {
        let lines: String = (0..LISTED).map(|number| format!("      - {}\n", name(number))).collect();
        format!("    {field}:\n{lines}")
    };
    let set = compile(
        &("    homophones: false\n".to_owned()
            + &body("words")
            + &format!("      - 好{}\n", name(7))
            + &body("except")),
    );
    let warnings: Vec<String> = set.lint().warnings.iter().map(|warning| warning.problem.to_string()).collect();
    let count = |what: &str| warnings.iter().filter(|warning| warning.contains(what)).count();
    assert_eq!(count("can never be found"), LISTED);
    assert_eq!(count("holds none"), 0);
    assert_eq!(count("is found already by"), 1);
}
