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
        ("    words: [坏]\n", "`坏` is a single character and will be found inside other words", true),
        ("    words: [X]\n", "`X` is a single letter or digit and will be found wherever it stands by itself", true),
        ("    words: [X]\n", "inside other words", false),
        ("    words: [为什么]\n", "`为什么` is said in nearly every call", true),
        ("    words: [Please]\n", "`Please` is said in nearly every call", true),
        ("    must_say: [您好]\n", "nearly every call", false),
        ("    when: {all: [投诉, 不行]}\n", "nearly every call", false),
        ("    words: [份证]\n", "add `身份证` under `except`", true),
        ("    words: [are]\n", "under `except`", false),
        ("    patterns: ['.']\n", "the expression `.` matches `的`", true),
        ("    patterns: ['\\w{4,}']\n", "`\\w{4,}` matches `请问有什么可以帮您`", true),
        ("    patterns: ['我|你']\n", "matches `我`", true),
        ("    patterns: ['\\d']\n", "matches `7`", true),
        ("    patterns: ['\\d{3}-\\d{4}']\n", "matches", false),
        ("    words: [guaranteed returns]\n    patterns: ['guaranteed?']\n", "found already by the expression", true),
        ("    words: [guaranteed returns]\n    patterns: ['^guaranteed?']\n", "found already", false),
        ("    words: [保证收益]\n    patterns: ['保证']\n", "found already", false),
        ("    words: [保证收益]\n    homophones: false\n    patterns: ['保证']\n", "found already", true),
        ("    words: [投诉]\n", "no examples under `hit`", true),
    ];
    for (body, warning, is_there) in cases {
        let warnings: Vec<String> = rules(body).lint().warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.iter().any(|text| text.contains(warning)), is_there, "{body}\n{warnings:#?}");
    }
}

#[test]
fn an_expression_of_two_rules_is_warned_of_where_it_stands() {
    let body =
        "    patterns: ['加.?微']\n  - id: s\n    category: c\n    severity: low\n    patterns:\n      - 加.?微\n";
    let warnings: Vec<String> = rules(body).lint().warnings.iter().map(ToString::to_string).collect();
    let expected = "rules.yaml:10: rule `s`: the expression `加.?微` is also one of rule `r`: both will report it";
    assert!(warnings.iter().any(|warning| warning == expected), "{warnings:#?}");
}
