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
        (rule("    words: [a]\n    colour: red\n"), "6:5: unknown field `colour`", "use one of id, version"),
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
        ("rules: []\n".into(), "1:1: there is no rule here", "begin the file with `rules:`"),
        ("".into(), "there is no rule here", "begin the file with `rules:`"),
        ("rules:\n  - id: r\n\tcategory: c\n".into(), "found a tab", "not tabs"),
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
