//! The documents keep their word: each test that the table of operators names is there.
#![allow(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::path::Path;

const OPERATORS: &str = "## Operators of others";

#[test]
fn each_test_that_the_table_of_operators_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("../../docs/rules.md")).unwrap();
    let section = manual.split(OPERATORS).nth(1).unwrap().split("\n## ").next().unwrap();
    let mut sources = String::new();
    for entry in std::fs::read_dir(root.join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources += &std::fs::read_to_string(path).unwrap();
        }
    }
    let rows: Vec<&str> =
        section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Theirs")).collect();
    assert!(rows.len() >= 24, "{}", rows.len());
    for row in rows {
        let name = row.trim_end_matches(" |").rsplit("| ").next().unwrap().trim_matches(['`', ' ']);
        assert!(sources.contains(&format!("\nfn {name}() {{")), "no test `{name}`, named in {row}");
    }
}
