//! What `rules check` warns of.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]

mod support;

use support::rules;

#[test]
fn what_never_holds_sets_nothing_off_or_is_too_broad_is_warned_of() {
    let cases = [
        ("    when: {all: [投诉, {none: [投诉, 退款]}]}\n", "asks for `投诉`", true),
        ("    when: {all: [[投诉, 举报], {none: [投诉]}]}\n", "never hold", false),
        ("    when: {all: [投诉, {none: [{words: [投诉], speaker: agent}]}]}\n", "never hold", false),
        ("    when: {any: [{all: [投诉, {missing: {of: 投诉}}]}, 退款]}\n", "never hold", true),
        ("    words: [投诉]\n    valid: {from: 2026-02-01, until: 2026-01-31}\n", "never valid", true),
        ("    words: [投诉]\n    valid: {from: 2026-01-31, until: 2026-01-31}\n", "never valid", false),
        ("    words: [投诉]\n    shadow: true\n    actions: [alert]\n", "on trial", true),
        ("    words: [投诉]\n    shadow: true\n", "on trial", false),
        ("    words: [口交]\n", "add `路口交通` under `except`", true),
        ("    words: [口交]\n    except: [路口交通]\n", "add `出口交货` under `except`", true),
        ("    words: [口交]\n    except: [路口交通, 出口交货, 窗口交费]\n", "under `except`", false),
        ("    words: [投诉]\n", "no examples under `hit`", true),
    ];
    for (body, warning, is_there) in cases {
        let warnings: Vec<String> = rules(body).lint().warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.iter().any(|text| text.contains(warning)), is_there, "{body}\n{warnings:#?}");
    }
}
