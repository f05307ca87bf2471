//! Words that stand alone, and speech in a language that was not asked for: the program with the built-in engine, on
//! recordings of a second or a few.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::Value;
use support::{Machine, fixture};

fn reports(names: &[&str]) -> Vec<Value> {
    let files: Vec<String> = names.iter().map(|name| fixture(&format!("cases/{name}"))).collect();
    let arguments: Vec<&str> = ["run", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let ran = Machine::new().run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()
}

fn of<'a>(reports: &'a [Value], name: &str) -> &'a Value {
    reports.iter().find(|report| report["recording"]["uri"].as_str().unwrap().ends_with(name)).unwrap()
}

fn text(report: &Value) -> String {
    let said = report["utterances"].as_array().unwrap().iter().map(|utterance| utterance["text"].as_str().unwrap());
    said.collect::<Vec<_>>().join(" ")
}

/// Letters and digits in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn warnings<'a>(report: &'a Value, code: &str) -> Vec<&'a Value> {
    report["warnings"].as_array().unwrap().iter().filter(|warning| warning["code"] == code).collect()
}

#[test]
fn an_answer_that_stands_alone_is_written_once_and_nothing_of_what_the_decoder_was_told() {
    let cases: [(&str, &[&str]); 5] = [
        ("short-shut-up-and-listen.wav", &["shutupandlisten"]),
        ("short-thats-right.wav", &["thatsright"]),
        ("short-ninhao.wav", &["您好", "你好"]),
        ("short-shiwo.wav", &["是我"]),
        ("short-keyi-mianfei-banli.wav", &["可以免费办理", "可以免费半里"]),
    ];
    let reports = reports(&cases.map(|(name, _)| name));
    for (name, expected) in cases {
        let report = of(&reports, name);
        let said = letters(&text(report));
        assert!(expected.contains(&said.as_str()), "{name}: {said} {}", report["warnings"]);
        assert!(warnings(report, "no_speech").is_empty(), "{name}: {}", report["warnings"]);
    }
}

#[test]
fn another_language_is_named_with_its_place_and_gets_no_invented_text() {
    let cases = [("french.mulaw8k.wav", "French (fr)"), ("spanish.mulaw8k.wav", "Spanish (es)")];
    let reports = reports(&cases.map(|(name, _)| name));
    for (name, language) in cases {
        let report = of(&reports, name);
        assert_eq!(text(report), "", "{name}");
        let other = warnings(report, "other_language");
        assert_eq!(other.len(), 1, "{name}: {}", report["warnings"]);
        assert!(other[0]["detail"].as_str().unwrap().contains(language), "{}", other[0]);
        assert_eq!(other[0]["channel"], 0, "{}", other[0]);
        assert_eq!(other[0]["spans"].as_array().unwrap().len(), 1, "{}", other[0]);
        assert!(warnings(report, "no_speech").is_empty(), "{name}: {}", report["warnings"]);
    }
}
