//! Words in files of their own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use earmark_rules::{RuleSet, SourceFile};

const HEAD: &str = "rules:\n  - id: r\n    category: c\n    severity: high\n";

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn set(body: &str, lists: &[(&str, &str)]) -> Result<RuleSet, String> {
    let mut files = vec![file("r.yaml", &format!("{HEAD}{body}"))];
    files.extend(lists.iter().map(|(path, text)| file(path, text)));
    RuleSet::compile("test", &files).map_err(|errors| {
        let lines = errors.errors.iter().map(|error| format!("{error} ({})", error.problem.hint().unwrap_or_default()));
        lines.collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn words_of_a_list_file_are_found_as_if_they_stood_in_the_rule() {
    let words = "\u{feff}# 禁语\r\n保证收益\r\n\r\n  guaranteed returns  \n让你…都知道\nwhat’s app";
    let body = "    words: [稳赚]\n    words_from: [./lists/a.txt, b.txt]\n    except_from: [c.txt]\n";
    let lists = [("lists/a.txt", words), ("b.txt", "C#\n"), ("c.txt", "不能…\n"), ("unnamed.txt", "好")];
    let set = set(body, &lists).unwrap();
    assert_eq!(set.word_count(), 6);
    for (text, matched, phrase) in [
        ("保證收益", "保證收益", "保证收益"),
        ("薄证收益", "薄证收益", "保证收益"),
        ("Guaranteed, returns", "Guaranteed, returns", "guaranteed returns"),
        ("让你单位的人都知道", "让你单位的人都知道", "让你…都知道"),
        ("Whats app", "Whats app", "what’s app"),
        ("c", "c", "C#"),
        ("稳赚", "稳赚", "稳赚"),
    ] {
        let found = set.find_in_text(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!((found[0].matched.as_str(), found[0].phrase.as_deref()), (matched, Some(phrase)), "{text}");
    }
    assert!(set.find_in_text("好，我们不能保证收益").is_empty());
}

#[test]
fn a_remark_and_a_figure_behind_a_word_are_no_part_of_it() {
    let list = "稳赚不赔 # since May\n保证收益\t3\nC#\t12\t# a language\n#remark\nguaranteed returns  #\nnumber #1\n";
    let set = set("    words_from: [a.txt]\n", &[("a.txt", list)]).unwrap();
    for (text, phrase) in [
        ("这款稳赚不赔", "稳赚不赔"),
        ("这款保证收益", "保证收益"),
        ("C#", "C#"),
        ("guaranteed returns", "guaranteed returns"),
        ("number #1", "number #1"),
    ] {
        let found = set.find_in_text(text);
        assert_eq!(found.first().and_then(|one| one.phrase.as_deref()), Some(phrase), "{text}");
    }
    for text in ["since May", "3", "remark", "这款有风险"] {
        assert!(set.find_in_text(text).is_empty(), "{text}");
    }
    let numbered = error_of("1\t保证收益\n");
    assert!(numbered.contains("a.txt:1:1: `1` stands before a tab"), "{numbered}");
}

fn error_of(list: &str) -> String {
    set("    words_from: [a.txt]\n", &[("a.txt", list)]).unwrap_err()
}

#[test]
fn mistakes_in_list_files_are_named_with_their_own_place() {
    let from = "    words_from: [lists/insults.txt]\n";
    let long = format!("a\n{}\n", "长".repeat(201));
    let many = "!\n".repeat(500);
    let cases = [
        (
            from,
            "lists/insult.txt",
            "a",
            "r.yaml:5:18: there is no list file `lists/insults.txt` (did you mean `lists/insult.txt`?)",
        ),
        (from, "c.txt", "a", "r.yaml:5:18: there is no list file `lists/insults.txt` (give its path from the folder"),
        (
            "    words_from: [../a.txt]\n",
            "a.txt",
            "a",
            "r.yaml:5:18: the list file `../a.txt` lies outside of the folder",
        ),
        ("    words_from: [/a.txt]\n", "a.txt", "a", "r.yaml:5:18: the list file `/a.txt` lies outside of the folder"),
        ("    words_from: ['']\n", "a.txt", "a", "r.yaml:5:18: `words_from` holds an empty text"),
        ("    words_from: []\n", "c.txt", "a", "r.yaml:5:17: `words_from` is empty"),
        (from, "lists/insults.txt", "# nothing\n", "lists/insults.txt:1:1: there is no word in this list"),
        (from, "lists/insults.txt", "a\n  ，!\nb", "lists/insults.txt:2:3: nothing is left of `，!`"),
        (from, "lists/insults.txt", "a…\n", "lists/insults.txt:1:1: `a…` begins or ends with an ellipsis"),
        (from, "lists/insults.txt", "a…{3}b\na…{b}c\n", "lists/insults.txt:2:1: the ellipsis in `a…{b}c` has `{b}`"),
        (
            from,
            "lists/insults.txt",
            &long,
            "lists/insults.txt:2:1: `长长长长长长长长长长长长长长长长长长长长…` has 201",
        ),
        (from, "lists/insults.txt", &many, "lists/insults.txt:101:1: this list has more than 100 mistakes"),
        ("    must_say: [a]\n    words_from: [c.txt]\n", "c.txt", "a", "r.yaml:5:15: the rule has both"),
    ];
    for (body, path, text, message) in cases {
        let errors = set(body, &[(path, text)]).expect_err(message);
        assert!(errors.lines().any(|line| line.starts_with(message)), "{message}\n{errors}");
        assert!(errors.lines().count() <= 101, "{message}");
    }
}

#[test]
fn a_word_twice_in_a_list_is_a_warning_with_a_count() {
    let set =
        set("    words: [骗子]\n    words_from: [a.txt]\n", &[("a.txt", "好人\n騙子\n大骗子\n好 人\n好人\n坏\n")])
            .unwrap();
    assert_eq!(set.word_count(), 4);
    let warnings: Vec<String> = set.lint().warnings.iter().map(ToString::to_string).collect();
    for expected in [
        "a.txt:2: rule `r`: 3 lines of this list say again what stands before them; the first of them is `騙子`",
        "a.txt:3: rule `r`: `大骗子` is found already by `骗子` in the same list",
        "a.txt:6: rule `r`: `坏` is a single character and will be found inside other words",
    ] {
        assert!(warnings.iter().any(|warning| warning == expected), "{expected}\n{warnings:#?}");
    }
    let once = self::set("    words_from: [a.txt]\n", &[("a.txt", "骗子\n騙子\n")]).unwrap().lint();
    let expected = "a.txt:2: rule `r`: 1 line of this list says again what stands before it: `騙子`";
    assert!(once.warnings.iter().any(|warning| warning.to_string() == expected), "{once:#?}");
}

#[test]
fn a_list_is_part_of_the_set_s_hash_and_of_what_is_kept() {
    let rule = "    words_from: [a.txt]\n";
    let one = set(rule, &[("a.txt", "好人\n")]).unwrap();
    assert_ne!(one.id().sha256, set(rule, &[("a.txt", "坏人\n")]).unwrap().id().sha256);
    assert_eq!(RuleSet::compile("test", one.sources()).unwrap().id(), one.id());
    assert_eq!(one.sources()[1].named_lists(), ["a.txt"]);
}
