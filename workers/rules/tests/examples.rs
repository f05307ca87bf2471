//! Examples in the rules: dialogues with times, what is known of the recording, and the difference when one fails.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]

mod support;

use support::rules;

#[test]
fn examples_show_every_kind_of_rule() {
    for body in [
        "    when: {silence: {longer_than_secs: 5}}\n    examples:\n      hit:\n        \
         - - {agent: 您好, at: 0:00}\n          - {customer: 好, at: 0:10}\n      miss:\n        \
         - [{agent: 您好}, {customer: 好, pause_secs: 4}]\n",
        "    when: {near: {of: [投诉, 退款], secs: 3}}\n    examples:\n      hit:\n        \
         - [{customer: 投诉}, {customer: 退款, pause_secs: 3}]\n      miss:\n        \
         - [{customer: 投诉}, {customer: 退款, pause_secs: 3.5}]\n",
        "    when: {unanswered: {question: 能退吗, by: agent, secs: 5}}\n    examples:\n      hit:\n        \
         - [{customer: 能退吗}, {agent: 您好, pause_secs: 6}]\n      miss:\n        \
         - [{customer: 能退吗}, {agent: 您好, pause_secs: 1}]\n",
        "    when: {all: [投诉, {queue: vip}]}\n    examples:\n      hit:\n        \
         - {text: 投诉, metadata: {queue: vip}}\n      miss:\n        - 投诉\n        \
         - {dialogue: [{customer: 投诉}], metadata: {queue: sales}, lane: call}\n",
        "    applies_to: {queues: [vip], lanes: [call]}\n    words: [投诉]\n    examples:\n      hit:\n        \
         - 投诉\n        - {text: 投诉, metadata: {queue: vip}, lane: call}\n      miss:\n        \
         - {text: 投诉, metadata: {queue: sales}}\n        - {text: 投诉, lane: archive}\n",
        "    when: {speech_rate: {speaker: agent, more_than_per_min: 100}}\n    examples:\n      hit:\n        \
         - [{agent: 一二三四五六七八九十一二, lasts_secs: 6}]\n      miss:\n        \
         - [{agent: 一二三四五六七八九十一二, lasts_secs: 10}]\n",
        "    when: {energy: {louder_than_dbfs: -20}}\n    examples:\n      hit:\n        \
         - [{agent: 您好您好, dbfs: -10}]\n      miss:\n        - [{agent: 您好您好, dbfs: -30}]\n",
        "    when: {duration: {longer_than_secs: 60}}\n    examples:\n      hit:\n        \
         - {text: 您好, duration_secs: 61}\n      miss:\n        - {text: 您好, duration_secs: 60}\n",
    ] {
        let report = rules(body).run_examples();
        assert!(report.count >= 2 && report.failures.is_empty(), "{body}\n{:#?}", report.failures);
    }
}

#[test]
fn an_example_that_fails_shows_what_was_expected_and_what_was_found() {
    let set = rules("    words: [投诉]\n    examples: {hit: [您好], miss: [我要投訴]}\n");
    let failures = set.run_examples().failures;
    assert_eq!(failures[0].difference(), ["- expected a finding of `r`", "+ found nothing"]);
    assert_eq!(
        failures[1].difference(),
        ["- expected no finding of `r`", "+ found “投訴” at 0:00 (folded, by `投诉`): c: heard “投訴”"]
    );
}
