//! Mistakes in rule files are answered with file, line, column and a suggestion.

use earmark_core::Failure;
use earmark_rules::{RuleSet, SourceFile};

const HEAD: &str = "rules:\n  - id: r\n    category: c\n    severity: high\n";

#[test]
fn every_mistake_names_its_place_and_what_to_write_instead() {
    let rule = |body: &str| format!("{HEAD}{body}");
    let cases = [
        (rule("    wrods: [a]\n"), "5:5: unknown field `wrods`", "did you mean `words`?"),
        (
            rule("    words: [a]\n    homophones: {min_char: 3}\n"),
            "unknown field `min_char`",
            "did you mean `min_chars`?",
        ),
        (rule("    words: [a]\n    colour: red\n"), "6:5: unknown field `colour`", "use one of id, category"),
        (
            "rules:\n  - id: r\n    category: c\n    severity: hihg\n    words: [a]\n".into(),
            "4:15: `hihg`",
            "did you mean `high`?",
        ),
        (
            "rules:\n  - id: r\n    category: c\n    severity: 9\n    words: [a]\n".into(),
            "4:15: `9`",
            "low, medium, high, critical",
        ),
        (
            "rules:\n  - id: r\n    severity: low\n    words: [a]\n".into(),
            "the field `category` is missing",
            "add `category: …`",
        ),
        (rule("    words: []\n"), "5:12: `words` is empty", "at least one word"),
        (rule("    words: ['']\n"), "5:13: `words` holds an empty text", "between the quotes"),
        (rule("    words: [a, '，!']\n"), "5:16: nothing is left of `，!`", "at least one letter"),
        (rule("    words: [保證, 保证]\n"), "5:17: `保证` stands twice", "take one of them away"),
        (
            rule(&format!("    words: [a, {}]\n", "长".repeat(201))),
            "5:16: `长长长长长长长长长长长长长长长长长长长长…` has 201 characters, more than the 200",
            "`first…second`",
        ),
        (rule("    words: [a…]\n"), "5:13: `a…` begins or ends with an ellipsis", "only an exception"),
        (rule("    words: ['a…{}b']\n"), "5:13: the ellipsis in `a…{}b` has `{}` behind it", "`first…{3}second`"),
        (rule("    words: ['a…{0}b']\n"), "has `{0}` behind it, and its bound is 1 to 40", "how many characters"),
        (rule("    words: ['a...{41}b']\n"), "has `{41}` behind it, and its bound is 1 to 40", "how many characters"),
        (
            rule("    words:\n      - a…{3 b\n"),
            "6:9: the ellipsis in `a…{3 b` has `{3 b` behind it",
            "`first…{3}second`",
        ),
        (rule(""), "2:9: the rule has none of", "`must_say:`"),
        (rule("    words: [a]\n    must_say: [b]\n"), "6:15: the rule has both", "two rules"),
        (rule("    words: [a]\n    homophones: {min_chars: 2}\n"), "`min_chars` is 2", "use 3 or more"),
        (rule("    words: [a]\n    speaker: agnet\n"), "6:14: `agnet` speaks", "did you mean `agent`?"),
        (rule("    words: [a]\n    within: {first_secs: 0}\n"), "`first_secs` is 0", "from 1"),
        ("rules:\n  - {id: 坏 id, category: c, severity: low, words: [a]}\n".into(), "`坏 id` is no rule id", "a-z"),
        (
            rule("    words: [a]\n") + &HEAD[7..] + "    words: [b]\n",
            "6:9: the rule id `r` is taken, f.yaml:2",
            "of its own",
        ),
        (rule("    when: {nera: {of: [a, b], secs: 3}}\n"), "5:12: unknown field `nera`", "did you mean `near`?"),
        (rule("    when: {near: {of: [a, b], sec: 3}}\n"), "unknown field `sec`", "did you mean `secs`?"),
        (rule("    when: {near: {of: [a, b]}}\n"), "5:18: `near` does not say how near", "`secs: 10`"),
        (rule("    when: {near: {of: [a], secs: 3}}\n"), "5:23: the list needs 2 conditions and has 1", "list each"),
        (rule("    when: {near: {of: [a, b], secs: 3, turns: 1}}\n"), "the distance is given twice", "keep one of"),
        (rule("    when: {near: {of: [a, b], secs: -3}}\n"), "`secs` is -3", "a number from 0"),
        (rule("    when: {all: []}\n"), "5:17: `all` is empty", "at least one"),
        (rule("    when: {all: [a], any: [b]}\n"), "5:27: the condition has both `all` and `any`", "under `all:`"),
        (rule("    when: {all: [a, {speaker: agent}]}\n"), "5:21: the condition asks nothing", "say what is asked"),
        (rule("    when: {all: [a, ['']]}\n"), "5:22: `words` holds an empty text", "between the quotes"),
        (rule("    when: {at_least: {n: 3, of: [a, b]}}\n"), "5:26: `n` is 3, and the list has 2", "up to the length"),
        (rule("    when: {count: {of: a, at_least: 0}}\n"), "`at_least` is 0", "number from 1"),
        (rule("    when: {repeated: {of: a, times: 1}}\n"), "`times` is 1", "number from 2"),
        (rule("    when: {silence: {}}\n"), "the field `longer_than_secs` is missing", "`longer_than_secs: …`"),
        (rule("    when: {duration: {}}\n"), "5:22: `duration` needs one limit", "`shorter_than_secs`"),
        (rule("    when: {interruption: {by: agnet}}\n"), "5:31: `agnet` speaks", "did you mean `agent`?"),
        (rule("    when: {lane: cal}\n"), "5:18: `cal` is not one of", "did you mean `call`?"),
        (rule("    when: {queue: {nto: vip}}\n"), "5:19: unknown field `nto`", "did you mean `not`?"),
        (rule("    when: {all: [a], except: [b]}\n"), "`except` stands here without `words`", "beside the `words`"),
        (rule("    when: [a]\n    except: [b]\n"), "6:13: `except` stands here without `words`", "beside the `words`"),
        ("rules:\n  - id：a\n".into(), "`id：a`", "`：` is the Chinese colon"),
        ("rules:\n  - id: a\n    words:\n     - a\n    - b\n".into(), "5:7: ", "in the same column as the others"),
        (
            rule("    homophones: false\n    when: [a]\n"),
            "5:17: `homophones` stands here without `words`",
            "beside the `words` that it is for",
        ),
        (rule("    when: [a]\n    normalise: {case: false}\n"), "6:16: `normalise` stands here", "beside the `words`"),
        (
            rule("    when: [a]\n    english: {sound_alikes: true}\n"),
            "6:14: `english` stands here",
            "beside the `words`",
        ),
        (
            rule("    when: {all: [{any: [a], homophones: false}, b]}\n"),
            "5:41: `homophones` stands here without `words`",
            "beside the `words`",
        ),
        (rule("    words: [a]\n    when: [b]\n"), "6:11: the rule has both `words` and `when`", "two rules"),
        (
            rule("    when: {all: [{all: [{all: [{all: [{all: [{all: [{all: [{all: [a]}]}]}]}]}]}]}]}\n"),
            "nested deeper than 8 levels",
            "two rules",
        ),
        (rule("    within: {first_secs: 3, last_secs: 3}\n    words: [a]\n"), "names 2 parts", "one of `first_secs`"),
        (rule("    within: {}\n    words: [a]\n"), "5:13: `within` names 0 parts", "one of `first_secs`"),
        (rule("    within: {first_percent: 100}\n    words: [a]\n"), "`first_percent` is 100", "from 1 to 99"),
        (rule("    within: {from_secs: 9, to_secs: 9}\n    words: [a]\n"), "not after `from_secs`", "be more than"),
        (rule("    valid: {from: 2026-13-01}\n    words: [a]\n"), "5:19: `2026-13-01` is no date", "`2026-01-31`"),
        (rule("    actions: [alrt]\n    words: [a]\n"), "5:15: `alrt` is not one of", "did you mean `alert`?"),
        (
            rule("    words: [a]\n    examples: {hit: [[{agent: a, customer: b}]]}\n"),
            "a turn is one speaker and what was said",
            "quotes",
        ),
        (rule("    words: [a]\n    examples: {hit: [[{agent: a, at: soon}]]}\n"), "`at: soon` is no time", "quotes"),
        (rule("    words: [a]\n    examples: {hit: [{lane: call}]}\n"), "either `text` or `dialogue`", "quotes"),
        (rule("    words: [a]\n    words: [b]\n"), "6:5: `words` stands here a second time", "keep one"),
        (rule("    words: [a, ~]\n"), "5:16: `words` has nothing behind it here", "needs quotes"),
        (rule("    words:\n"), "5:11: `words` has nothing behind it here", "write what belongs"),
        (rule("    words:\n      - a\n      -\n"), "7:8: `words` has nothing behind it here", "write what belongs"),
        (rule("    words: [a]\n    message:\n"), "6:13: `message` has nothing behind it here", "take it away"),
        (
            rule("    words: [a]\n    within: {first_secs: null}\n"),
            "6:26: `first_secs` has nothing behind it here",
            "take it away",
        ),
        (
            rule("    words: [a]\n    message: n\n"),
            "6:14: `n` behind `message` is read as false, not as a text",
            "put it in quotes: `'n'`",
        ),
        (rule("    when: {any: [a, yes]}\n"), "5:21: `yes` behind `any` is read as true", "`'yes'`"),
        (rule("    words: [a]\n    message: 3\n"), "6:14: `message` is `3`", "stands in quotes"),
        (rule("    words: 保证\n"), "5:12: `words` is `保证`", "a list: `[first, second]`"),
        (rule("    words: [加微信, a: b]\n"), "5:18: `words` is `a: b`", "quotes keep"),
        (rule("    words: [a]\n    within: 60\n"), "6:13: `within` is `60`", "`name: value`"),
        (rule("    words: [a]\n    shadow: maybe\n"), "6:13: `shadow` is `maybe`", "`true` or `false`"),
        (rule("    words: [a]\n    homophones: maybe\n"), "6:17: `homophones` is `maybe`", "`min_chars`"),
        (rule("    words: [a]\n    examples:\n      hit:\n      - 3\n"), "8:9: `hit` is `3`", "in quotes"),
        (
            rule("    words: [a]\n    version: 99999999999\n"),
            "6:14: `version` is 99999999999, and must be a whole number from 0 to 4294967295",
            "give a whole number",
        ),
        (
            rule("    words: [a]\n    within: {first_secs: 4294967296}\n"),
            "6:26: `first_secs` is 4294967296, and must be a whole number from 1",
            "4294967295",
        ),
        (rule("    words: [a]\n    score: .nan\n"), "6:12: `score` is NaN, and must be a number", "give a number"),
        (rule("    words: [a]\n    homophones: {min_chars: -3}\n"), "6:29: `min_chars` is -3", "from 3"),
        (
            rule("    when: {silence: {longer_than_secs: 99999999}}\n"),
            "`longer_than_secs` is 99999999, and must be a number from 0 to 31536000",
            "31536000",
        ),
        (rule("    when: {near: {of: [a, b], secs: 1e99}}\n"), "5:37: `secs` is 1e99", "from 0 to 31536000"),
        (
            rule("    when: {talk_share: {speaker: agent, more_than_percent: 150}}\n"),
            "5:60: `more_than_percent` is 150, and must be a number from 0 to 100",
            "0 to 100",
        ),
        (rule("    when: {overlap: {more_than_percent: 101}}\n"), "`more_than_percent` is 101", "0 to 100"),
        (rule("    when: {energy: {louder_than_dbfs: .nan}}\n"), "`louder_than_dbfs` is NaN", "-200 to 0"),
        (rule("    when: {interruption: {by: agent, at_least: 0}}\n"), "`at_least` is 0", "from 1"),
        (rule("    when: {metadata: {a: {more_than: x}}}\n"), "5:26: `more_than` is x", "give a number"),
        (rule("    when: {metadata: {a: ~}}\n"), "5:26: `a` has nothing behind it", "needs quotes"),
        (rule("    when: {queue: []}\n"), "5:19: `queue` is empty", "at least one"),
        (
            rule("    patterns: ['(abcdefghijklmnopqrstuvwxyz']\n"),
            "5:16: `(abcdefghijklmnopqrs…` is no regular expression",
            "single quotes",
        ),
        (rule("    patterns: [a, a]\n"), "5:19: `a` stands twice", "take one"),
        (rule("    words: [*a]\n"), "5:13: `*a` refers to a mark", "into quotes"),
        (rule("    words: [承诺…{3}收益]\n"), "5:16: ", "inside brackets"),
        (rule("    words: [a]\n---\nrules: []\n"), "7:1: a second document", "`---`"),
        (rule("    words: [a]\n    examples: {hit: [[{agent: a, dbfs: 3}]]}\n"), "6:22: `dbfs` is 3", "-200 to 0"),
        (
            rule("    words: [a]\n    examples: {hit: [{text: a, duration_secs: -3}]}\n"),
            "6:22: `duration_secs: -3` is no time",
            "up to a year",
        ),
        (rule(&format!("    when: {}a{}\n", "{all: [".repeat(99), "]}".repeat(99))), "deeper than 64 levels", "eight"),
        ("rules:\n".into(), "1:7: `rules` has nothing behind it", "write what belongs"),
        ("rules: []\n".into(), "1:1: there is no rule here", "begin the file with `rules:`"),
        ("".into(), "there is no rule here", "begin the file with `rules:`"),
        ("rules:\n  - id: r\n\tcategory: c\n".into(), "found a tab", "not tabs"),
        (rule("    words: [a, b\n"), "5:12: the `[` that opens here is never closed", "write `]`"),
        (rule("    words: [a, b\n    message: x\n"), "5:12: the `[` that opens here is never closed", "write `]`"),
        (rule("    words: [a, b\n\n  - id: s\n"), "5:12: the `[` that opens here is never closed", "write `]`"),
        (rule("    words: [a}\n"), "5:12: the `[` that opens here is never closed", "write `]`"),
        (
            rule("    words: [a]\n    homophones: {min_chars: 4\n    message: x\n"),
            "6:17: the `{` that opens here is never closed",
            "write `}`",
        ),
        (rule("    words: ['a, b]\n"), "5:13: the `'` that opens here is never closed", "the same quote"),
        (rule("    words: [\"a, b]\n"), "5:13: the `\"` that opens here is never closed", "the same quote"),
        (rule("    words: [a]]\n"), "5:15: a bracket is closed here that was not opened", "take it away"),
        (rule("    words: ['a, b]\n    message: 'x'\n"), "6:15: a text in quotes ends before this", "each text above"),
        (rule("    message: 'it's'\n"), "5:18: a text in quotes ends before this", "`''` stands for `'`"),
    ];
    for (text, message, hint) in cases {
        let files = [SourceFile { path: "f.yaml".into(), text: text.clone() }];
        let errors = RuleSet::compile("test", &files).expect_err(&text);
        assert!(errors.to_string().starts_with("f.yaml:"), "{errors}");
        assert!(errors.to_string().contains(message), "{text}\n{errors}");
        assert!(errors.hint().unwrap().contains(hint), "{text}\n{errors}\n{:?}", errors.hint());
        assert_eq!(errors.code(), "rules.invalid");
    }
}

#[test]
fn all_mistakes_of_all_files_are_named_at_once() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let two = format!("{HEAD}    words: ['', '!']\n");
    let errors = RuleSet::compile("test", &[file("b.yaml", &two), file("a.yaml", "rules: 3")]).unwrap_err();
    let paths: Vec<_> = errors.errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["a.yaml", "b.yaml", "b.yaml"]);
}
