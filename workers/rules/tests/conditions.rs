//! Every operator of the language: what it hits, what it misses, and where its window ends.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::as_conversions, reason = "small numbers, written in this test")]

mod support;

use earmark_core::{FindingKind, Speaker};
use earmark_rules::Context;
use proptest::prelude::*;
use support::{Case, dialogue, each, rules, when};

#[test]
fn all_any_at_least_and_none_say_something_once_of_a_recording() {
    each(&[
        Case("all: [投诉, 退款]", "c 0: 我要投诉 | c 9: 我要退款", &["2000:投诉,退款"]),
        Case("all: [投诉, 退款]", "c 0: 我要投诉 | c 9: 不要了", &[]),
        Case("all: [投诉, {none: [律师]}]", "c 0: 我要投诉", &["2000:投诉"]),
        Case("all: [投诉, {none: [律师]}]", "c 0: 我要投诉 | c 9: 找律师", &[]),
        Case("any: [投诉, {words: [律师], speaker: customer}]", "c 0: 找律师 | c 9: 投诉", &["1000:律师,投诉"]),
        Case("any: [投诉, 律师]", "c 0: 您好", &[]),
        Case("at_least: {n: 2, of: [投诉, 律师, 起诉]}", "c 0: 律师 | c 9: 起诉", &["0:律师,起诉"]),
        Case("at_least: {n: 2, of: [投诉, 律师, 起诉]}", "c 0: 律师 | c 9: 律师", &[]),
        Case("none: [再见, 拜拜]", "a 0: 好的", &["0:"]),
        Case("none: [再见, 拜拜]", "a 0: 拜拜", &[]),
        Case("all: [{any: [{all: [甲方, 乙方]}, 丙方]}, 丁方]", "c 0: 丁方 | c 5: 丙方", &["0:丁方,丙方"]),
        Case("all: [{any: [{all: [甲方, 乙方]}, 丙方]}, 丁方]", "c 0: 丁方 | c 5: 甲方", &[]),
    ]);
}

#[test]
fn near_before_after_and_between_keep_to_their_distance() {
    // A character takes a second: 投诉 ends 2 s after it begins.
    each(&[
        Case("near: {of: [投诉, 退款], secs: 3}", "c 0: 投诉 | c 5: 退款", &["0:投诉,退款"]),
        Case("near: {of: [投诉, 退款], secs: 3}", "c 0: 退款 | c 5: 投诉", &["5000:退款,投诉"]),
        Case("near: {of: [投诉, 退款], secs: 2.9}", "c 0: 投诉 | c 5: 退款", &[]),
        Case("near: {of: [投诉, 退款, 律师], secs: 3}", "c 0: 退款 | c 5: 投诉 | c 10: 律师", &["5000:退款,投诉,律师"]),
        Case("near: {of: [投诉, 投诉], secs: 3}", "c 0: 投诉", &[]),
        Case("near: {of: [投诉, 退款], words: 2}", "c 0: 投诉一二退款", &["0:投诉,退款"]),
        Case("near: {of: [投诉, 退款], words: 1}", "c 0: 投诉一二退款", &[]),
        Case("near: {of: [complaint, refund], words: 2}", "c 0: a complaint and a refund", &["1200:complaint,refund"]),
        Case("near: {of: [complaint, refund], words: 1}", "c 0: a complaint and a refund", &[]),
        Case("near: {of: [投诉, 退款], turns: 1}", "c 0: 投诉 | a 9: 退款", &["0:投诉,退款"]),
        Case("near: {of: [投诉, 退款], turns: 1}", "c 0: 投诉 | a 9: 您好 | c 19: 退款", &[]),
        Case("near: {of: [投诉, 退款], turns: 0}", "c 0: 投诉 | c 9: 退款", &["0:投诉,退款"]),
        Case("before: {find: 投诉, anchor: 退款, secs: 3}", "c 0: 投诉 | c 5: 退款", &["0:投诉,退款"]),
        Case("before: {find: 投诉, anchor: 退款, secs: 2}", "c 0: 投诉 | c 5: 退款", &[]),
        Case("before: {find: 投诉, anchor: 退款}", "c 0: 退款 | c 5: 投诉", &[]),
        Case("after: {find: 投诉, anchor: 退款, secs: 3}", "c 0: 退款 | c 5: 投诉", &["5000:退款,投诉"]),
        Case("after: {find: 投诉, anchor: 退款, secs: 2}", "c 0: 退款 | c 5: 投诉", &[]),
        Case("after: {find: 投诉, anchor: 退款}", "c 0: 投诉 | c 5: 退款", &[]),
        Case("after: {find: 投诉, anchor: 退款, turns: 1}", "c 0: 退款 | a 5: 投诉", &["5000:退款,投诉"]),
        Case(
            "between: {find: 投诉, from: 你好, to: 再见}",
            "c 0: 你好 | c 5: 投诉 | c 9: 再见",
            &["5000:你好,投诉,再见"],
        ),
        Case("between: {find: 投诉, from: 你好, to: 再见}", "c 0: 你好 | c 5: 再见 | c 9: 投诉 | c 15: 再见", &[]),
        Case("between: {find: 投诉, from: 你好, to: 再见}", "c 0: 投诉 | c 5: 你好 | c 9: 再见", &[]),
        Case(
            "between: {find: 投诉, from: 你好, to: 再见, secs: 7}",
            "c 0: 你好 | c 5: 投诉 | c 9: 再见",
            &["5000:你好,投诉,再见"],
        ),
        Case("between: {find: 投诉, from: 你好, to: 再见, secs: 6}", "c 0: 你好 | c 5: 投诉 | c 9: 再见", &[]),
    ]);
}

#[test]
fn sequences_counts_and_repetitions_are_found_once_for_each_beginning() {
    each(&[
        Case(
            "sequence: {of: [甲方, 乙方, 丙方], secs: 3}",
            "c 0: 甲方 | c 5: 乙方 | c 10: 丙方",
            &["0:甲方,乙方,丙方"],
        ),
        Case("sequence: {of: [甲方, 乙方, 丙方], secs: 2}", "c 0: 甲方 | c 5: 乙方 | c 10: 丙方", &[]),
        Case("sequence: {of: [甲方, 乙方, 丙方]}", "c 0: 甲方 | c 5: 丙方 | c 10: 乙方", &[]),
        // The first 乙方 leads nowhere; the second does.
        Case(
            "sequence: {of: [甲方, 乙方, 丙方], secs: 6}",
            "c 0: 甲方 | c 3: 乙方 | c 7: 乙方 | c 15: 丙方",
            &["0:甲方,乙方,丙方"],
        ),
        Case("count: {of: 投诉, at_least: 3, secs: 10}", "c 0: 投诉 | c 5: 投诉 | c 10: 投诉", &["0:投诉,投诉,投诉"]),
        Case("count: {of: 投诉, at_least: 3, secs: 9}", "c 0: 投诉 | c 5: 投诉 | c 10: 投诉", &[]),
        Case("count: {of: [投诉, 举报], at_least: 2}", "c 0: 投诉 | c 50: 举报", &["0:投诉,举报"]),
        Case(
            "count: {of: 投诉, at_least: 2, secs: 5}",
            "c 0: 投诉 | c 5: 投诉 | c 20: 投诉 | c 25: 投诉",
            &["0:投诉,投诉", "20000:投诉,投诉"],
        ),
        Case("repeated: {of: [投诉, 举报], times: 2}", "c 0: 投诉 | c 50: 举报", &[]),
        Case("repeated: {of: [投诉, 举报], times: 2}", "c 0: 投诉 | c 5: 举报 | c 50: 投诉", &["0:投诉,投诉"]),
        Case("repeated: {of: 投诉, times: 2, secs: 4}", "c 0: 投诉 | c 5: 投诉", &[]),
    ]);
}

#[test]
fn a_question_without_an_answer_is_found_where_it_was_asked() {
    let asks = "unanswered: {question: 能退吗, answer: [可以, 不能], by: agent, secs: 5}";
    let replies = "unanswered: {question: 能退吗, by: agent, secs: 5}";
    each(&[
        Case(asks, "c 0: 能退吗 | a 4: 可以", &[]),
        Case(asks, "c 0: 能退吗 | a 8: 可以", &[]),
        Case(asks, "c 0: 能退吗 | a 9: 可以", &["0:能退吗"]),
        Case(asks, "c 0: 能退吗 | c 4: 可以吧", &["0:能退吗"]),
        Case(asks, "a 0: 可以 | c 4: 能退吗", &["4000:能退吗"]),
        Case(replies, "c 0: 能退吗 | a 8: 嗯嗯", &[]),
        Case(replies, "c 0: 能退吗 | a 9: 嗯嗯", &["0:能退吗"]),
        Case("unanswered: {question: 能退吗, by: agent, turns: 1}", "c 0: 能退吗 | a 90: 嗯嗯", &[]),
        Case("unanswered: {question: 能退吗}", "c 0: 能退吗 | c 9: 喂喂", &["0:能退吗"]),
        Case("unanswered: {question: 能退吗}", "u 0: 能退吗 | u 9: 喂喂", &[]),
    ]);
}

#[test]
fn only_what_begins_inside_its_window_counts() {
    // The recording is 100 s long.
    each(&[
        Case("{words: [投诉], within: {first_secs: 30}}", "c 29: 投诉", &["29000:投诉"]),
        Case("{words: [投诉], within: {first_secs: 30}}", "c 30: 投诉", &[]),
        Case("{words: [投诉], within: {last_secs: 30}}", "c 70: 投诉", &["70000:投诉"]),
        Case("{words: [投诉], within: {last_secs: 30}}", "c 69: 投诉", &[]),
        Case("{words: [投诉], within: {first_percent: 20}}", "c 19: 投诉", &["19000:投诉"]),
        Case("{words: [投诉], within: {first_percent: 20}}", "c 20: 投诉", &[]),
        Case("{words: [投诉], within: {last_percent: 20}}", "c 80: 投诉", &["80000:投诉"]),
        Case("{words: [投诉], within: {last_percent: 20}}", "c 79: 投诉", &[]),
        Case(
            "{words: [投诉], within: {from_secs: 10, to_secs: 20}}",
            "c 9: 投诉 | c 15: 投诉 | c 20: 投诉",
            &["15000:投诉"],
        ),
        Case("{words: [投诉], within: {first_turns: 2}}", "a 0: 喂 | c 9: 投诉 | a 15: 投诉", &["9000:投诉"]),
        Case("{words: [投诉], within: {last_turns: 1}}", "a 0: 喂 | c 9: 投诉 | a 15: 投诉", &["15000:投诉"]),
        Case("missing: {of: [工号], within: {first_secs: 30}}", "a 29: 工号", &[]),
        Case("missing: {of: [工号], within: {first_secs: 30}}", "a 30: 工号", &["0:"]),
        Case("missing: {of: [再见], within: {last_turns: 1}}", "a 0: 再见 | c 9: 好", &["0:"]),
    ]);
}

#[test]
fn speakers_count_by_term_and_are_inherited() {
    each(&[
        Case(
            "all: [{said: [投诉], speaker: customer}, {said: [没用], speaker: agent}]",
            "c 0: 投诉 | a 9: 没用",
            &["0:投诉,没用"],
        ),
        Case("all: [{said: [投诉], speaker: customer}, {said: [没用], speaker: agent}]", "a 0: 投诉 | a 9: 没用", &[]),
        Case("{all: [投诉, 没用], speaker: agent}", "c 0: 投诉 | a 9: 没用", &[]),
        Case("{all: [投诉, 没用], speaker: agent}", "u 0: 投诉 | u 9: 没用", &["0:投诉,没用"]),
        Case("all: [{words: [投诉], except: [不…投诉]}, 退款]", "c 0: 不想投诉 | c 9: 退款", &[]),
    ]);
}

#[test]
fn metadata_tenant_lane_and_language_can_be_asked_for() {
    let context = || Context {
        duration_ms: 100_000,
        language: Some("zh-CN".into()),
        lane: Some(earmark_core::Lane::Call),
        tenant: Some(earmark_core::Tenant::parse("acme").unwrap()),
        metadata: serde_json::from_str(r#"{"queue": "vip", "customer": {"tier": 3, "tags": ["new", "gold"]}}"#)
            .unwrap(),
        ..Context::default()
    };
    let cases = [
        ("queue: vip", true),
        ("queue: [sales, vip]", true),
        ("queue: sales", false),
        ("queue: {not: vip}", false),
        ("tenant: acme", true),
        ("tenant: [other]", false),
        ("lane: call", true),
        ("lane: {not: [archive, webhook]}", true),
        ("language: zh", true),
        ("language: en", false),
        ("metadata: {customer.tier: 3}", true),
        ("metadata: {customer.tier: '3'}", true),
        ("metadata: {customer.tier: {more_than: 2}}", true),
        ("metadata: {customer.tier: {more_than: 3}}", false),
        ("metadata: {customer.tier: {more_than: 1, less_than: 3}}", false),
        ("metadata: {customer.tags: gold}", true),
        ("metadata: {queue: vip, customer.tier: 4}", false),
        ("metadata: {nobody: knows}", false),
        ("agent: {not: 007}", false),
    ];
    for (condition, holds) in cases {
        let set = rules(&format!("    when: {{all: [投诉, {{{condition}}}]}}\n"));
        let found = set.find(&dialogue("c 0: 投诉"), &context());
        assert_eq!(!found.is_empty(), holds, "{condition}");
    }
    for (body, count) in [
        ("{queues: [vip]}", 1),
        ("{queues: [sales]}", 0),
        ("{tenants: [acme]}", 1),
        ("{tenants: [other]}", 0),
        ("{agents: ['7']}", 0),
        ("{metadata: {customer.tier: {less_than: 9}}}", 1),
    ] {
        let set = rules(&format!("    applies_to: {body}\n    words: [投诉]\n"));
        assert_eq!(set.find(&dialogue("c 0: 投诉"), &context()).len(), count, "{body}");
    }
}

#[test]
fn a_combination_shows_every_place_and_says_in_words_how_they_combine() {
    let body = "    score: 2.5\n    actions: [alert, block]\n    message: {zh: 威胁, en: threat}\n    \
                when: {near: {of: [投诉, {words: [退款], speaker: customer}], secs: 10}}\n";
    let set = rules(body);
    let context = Context { language: Some("zh".into()), duration_ms: 60_000, ..Context::default() };
    let found = set.find(&dialogue("c 0: 退款 | c 5: 投诉"), &context);
    let finding = &found[0];
    assert_eq!(finding.kind, FindingKind::Combination);
    assert_eq!(finding.reason, "威胁：听到“退款”（customer，0:00）、“投诉”（customer，0:05）；相隔不超过10秒");
    assert_eq!((finding.matched.as_str(), finding.utterance_id, finding.start_ms), ("投诉", Some(1), 5000));
    let evidence: Vec<_> = finding.evidence.iter().map(|evidence| evidence.phrase.as_deref()).collect();
    assert_eq!(evidence, [Some("退款"), Some("投诉")]);
    assert_eq!((finding.score, finding.actions.len(), finding.is_shadow), (Some(2.5), 2, false));
    let english = Context { language: Some("en".into()), ..context };
    let reason = &set.find(&dialogue("c 0: 退款 | c 5: 投诉"), &english)[0].reason;
    assert_eq!(reason, "threat: heard “退款” (customer, 0:00), “投诉” (customer, 0:05); no more than 10 s apart");
}

#[test]
fn shadow_rules_and_dates_of_validity_reach_the_findings() {
    const DAY_MS: i64 = 86_400_000;
    // 2026-01-01 is day 20454 since 1970.
    let set = rules("    shadow: true\n    valid: {from: 2026-01-01, until: 2026-01-31}\n    words: [投诉]\n");
    for (day, count) in [(20_453, 0), (20_454, 1), (20_484, 1), (20_485, 0)] {
        let context = Context { accepted_at_ms: Some(day * DAY_MS + 5), ..Context::default() };
        let found = set.find(&dialogue("c 0: 投诉"), &context);
        assert_eq!(found.len(), count, "{day}");
        assert!(found.iter().all(|finding| finding.is_shadow));
    }
    let last = Context { accepted_at_ms: Some(20_485 * DAY_MS - 1), ..Context::default() };
    assert_eq!(set.find(&dialogue("c 0: 投诉"), &last).len(), 1);
    assert_eq!(set.find(&dialogue("c 0: 投诉"), &Context::default()).len(), 1, "nobody knows when");
}

#[test]
fn a_part_of_a_recording_shows_only_what_nothing_said_later_takes_back() {
    for (condition, is_early) in [
        ("投诉", true),
        ("all: [投诉, 退款]", true),
        ("near: {of: [投诉, 退款], secs: 99}", true),
        ("sequence: {of: [投诉, 退款]}", true),
        ("count: {of: [投诉, 退款], at_least: 2}", true),
        ("{words: [投诉], within: {first_secs: 30}}", true),
        ("{words: [投诉], within: {last_secs: 100}}", false),
        ("{words: [投诉], within: {first_percent: 50}}", false),
        ("all: [投诉, {none: [律师]}]", false),
        ("all: [投诉, {missing: {of: [律师]}}]", false),
        ("unanswered: {question: 投诉, by: agent}", false),
        ("silence: {longer_than_secs: 1}", false),
        ("missing: {of: [律师]}", false),
    ] {
        let set = rules(&support::when(condition));
        let (utterances, context) = (dialogue("c 0: 投诉 | c 9: 退款"), support::context());
        assert_eq!(!set.find_early(&utterances, &context).is_empty(), is_early, "{condition}");
        assert!(!set.find(&utterances, &context).is_empty(), "{condition}");
    }
}

#[test]
fn a_finding_by_sound_in_a_combination_caps_its_severity() {
    let set = rules(
        "    when: {all: [{words: [保本保息], homophones: {max_severity: low}}, {words: [退款], speaker: customer}]}\n",
    );
    let severity = |text| set.find(&dialogue(text), &support::context())[0].severity;
    assert_eq!(severity("a 0: 薄本保锡 | c 9: 退款"), earmark_core::Severity::Low);
    assert_eq!(severity("a 0: 保本保息 | c 9: 退款"), earmark_core::Severity::High);
}

#[test]
fn many_hits_in_a_long_talk_are_combined_without_squares_of_work() {
    let set = rules(
        "    when: {near: {of: [[投诉, 甲方], [退款, 乙方], {count: {of: 投诉, at_least: 2, secs: 5}}], secs: 9}}\n",
    );
    let utterances: Vec<_> = (0..20_000)
        .map(|number| support::said(number, 0, "customer", 3_000 * u64::from(number), "投诉甲方退款乙方"))
        .collect();
    let found = set.find(&utterances, &Context::default());
    assert_eq!(found.len(), 40_000);
    assert!(found.iter().all(|finding| finding.speaker == Some(Speaker("customer".into()))));
}

#[test]
fn many_questions_that_nobody_answers_are_found_without_squares_of_work() {
    let set = rules("    when: {unanswered: {question: 能退吗}}\n");
    let utterances: Vec<_> =
        (0..100_000).map(|number| support::said(number, 0, "customer", 4_000 * u64::from(number), "能退吗")).collect();
    assert_eq!(set.find(&utterances, &Context::default()).len(), 100_000);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reply_is_whatever_another_says_soon_enough(
        turns in proptest::collection::vec((0_u64..4, 1_u64..9, 0_u16..3, any::<bool>()), 0..30),
        by in proptest::sample::select(vec![None, Some("agent"), Some("unknown")]),
        secs in proptest::option::of(0_u64..6),
    ) {
        let speakers = ["agent", "customer", "unknown"];
        let mut utterances = Vec::new();
        let mut start_ms = 0;
        for (pause, lasts, channel, is_question) in turns {
            start_ms += 1000 * pause;
            // The question comes late in what is said: others may begin and end before it.
            let text = if is_question { "喂喂喂能退吗" } else { "喂喂" };
            let said = support::said(utterances.len() as u32, channel, speakers[usize::from(channel)], start_ms, text);
            let end_ms = start_ms + if is_question { 6000 } else { 1000 * lasts };
            utterances.push(earmark_core::Utterance { end_ms, ..said });
        }
        let is_replied = |asked: usize| utterances.iter().enumerate().skip(asked + 1).any(|(_, reply)| {
            let question = &utterances[asked];
            let is_by = match by {
                Some(by) => reply.speaker.0 == by || reply.speaker.0 == "unknown",
                None => reply.speaker != question.speaker || reply.speaker.0 == "unknown",
            };
            let gap_ms = reply.start_ms.saturating_sub(question.end_ms);
            is_by && reply.end_ms > question.start_ms + 3000 && secs.is_none_or(|secs| gap_ms <= 1000 * secs)
        });
        let is_question = |at: &usize| utterances[*at].text.ends_with("能退吗");
        let open = (0..utterances.len()).filter(is_question).filter(|&at| !is_replied(at));
        let expected: Vec<u32> = open.map(|at| utterances[at].id).collect();
        let by = by.map_or(String::new(), |by| format!(", by: {by}"));
        let secs = secs.map_or(String::new(), |secs| format!(", secs: {secs}"));
        let set = rules(&when(&format!("unanswered: {{question: 能退吗{by}{secs}}}")));
        let found = set.find(&utterances, &Context::default());
        let mut found: Vec<u32> = found.iter().filter_map(|finding| finding.utterance_id).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
