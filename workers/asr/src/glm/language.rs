//! Which language a text is in, by the letters it is written in.

use crate::LanguageChoice;
use crate::scripts::{is_hangul, is_ideograph, is_kana, is_latin};

/// Languages that are not written in Latin letters, of those that recognisers know.
const NOT_LATIN: [&str; 45] = [
    "am", "ar", "as", "ba", "be", "bg", "bn", "bo", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk", "km", "kn",
    "ko", "lo", "mk", "ml", "mn", "mr", "my", "ne", "pa", "ps", "ru", "sa", "sd", "si", "sr", "ta", "te", "tg", "th",
    "tt", "ug", "uk", "ur", "yi", "yue", "zh",
];
/// Languages written in Chinese characters.
const HAN: [&str; 3] = ["zh", "yue", "ja"];
/// A word in Latin letters is as much as so many Chinese characters.
const CHARACTERS_A_WORD: usize = 2;
/// One kind of letters must have this many times what another has.
const CLEARLY: usize = 2;
/// In Japanese at least one letter in so many is kana.
const KANA_SHARE: usize = 6;

/// The language of `text` (ISO 639-1), asked for as `choice`: the one known, or the one whose letters it is written in.
/// `None` where that leaves doubt.
pub(super) fn language(text: &str, choice: &LanguageChoice) -> Option<String> {
    let (candidates, likely) = match choice {
        LanguageChoice::Fixed(language) => return Some(language.clone()),
        LanguageChoice::Detect { candidates, likely } => (candidates, likely.as_deref()),
    };
    let count = |is_meant: fn(char) -> bool| text.chars().filter(|character| is_meant(*character)).count();
    let (kana, hangul) = (count(is_kana), count(is_hangul));
    let han =
        count(is_ideograph) - text.chars().filter(|character| is_ideograph(*character) && is_kana(*character)).count();
    let latin = words(text) * CHARACTERS_A_WORD;
    let asian = han + kana + hangul;

    let is_possible =
        |language: &str| candidates.is_empty() || candidates.iter().any(|candidate| candidate == language);
    let certain = |language: &str| is_possible(language).then(|| language.to_owned());
    if asian > CLEARLY * latin {
        if hangul > CLEARLY * (han + kana) {
            return certain("ko");
        }
        if kana > 0 && kana * KANA_SHARE >= han {
            return certain("ja");
        }
        let is_han = hangul == 0 && kana == 0;
        return certain("zh")
            .filter(|_| is_han)
            .or_else(|| only(candidates, likely, |language| HAN.contains(&language)));
    }
    if latin > CLEARLY * asian {
        return only(candidates, likely, |language| !NOT_LATIN.contains(&language));
    }
    None
}

/// The one of `candidates` that `is_meant`; the likely one where there are more, or where any may come.
fn only(candidates: &[String], likely: Option<&str>, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let meant: Vec<&str> = candidates.iter().map(String::as_str).filter(|language| is_meant(language)).collect();
    match meant.as_slice() {
        [one] => Some((*one).to_owned()),
        [] if !candidates.is_empty() => None,
        _ => {
            likely.filter(|likely| is_meant(likely) && (meant.is_empty() || meant.contains(likely))).map(str::to_owned)
        }
    }
}

/// How many words in Latin letters.
fn words(text: &str) -> usize {
    text.split(|character: char| !is_latin(character) && character != '\'').filter(|word| !word.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_in_the_language_of_its_letters_among_those_that_may_come() {
        let cases: [(_, &[&str], _, _); 18] = [
            ("我想了解一下理财产品。", &["zh", "en"], None, Some("zh")),
            ("我想了解 ComfyUI 的用法", &["zh", "en"], None, Some("zh")),
            ("Thank you for calling, how may I help?", &["zh", "en"], None, Some("en")),
            ("Thank you, 王先生", &["zh", "en"], None, None),
            ("Guten Tag", &["de", "en"], None, None),
            ("Guten Tag", &["de", "en"], Some("de"), Some("de")),
            ("Guten Tag", &[], Some("de"), Some("de")),
            ("Guten Tag", &[], Some("zh"), None),
            ("Guten Tag", &[], None, None),
            ("Guten Tag", &["zh", "ru"], None, None),
            ("今日はいい天気ですね", &["ja", "zh"], None, Some("ja")),
            ("今日はいい天気ですね", &["zh", "en"], None, None),
            ("안녕하세요", &[], None, Some("ko")),
            ("东京", &["ja", "en"], None, Some("ja")),
            ("唔該", &["yue", "en"], None, Some("yue")),
            ("你好", &[], None, Some("zh")),
            ("12345", &["zh", "en"], Some("zh"), None),
            ("Здравствуйте", &["ru", "en"], None, None),
        ];
        for (text, candidates, likely, expected) in cases {
            let candidates = candidates.iter().map(|&language| language.to_owned()).collect();
            let choice = LanguageChoice::Detect { candidates, likely: likely.map(str::to_owned) };
            assert_eq!(language(text, &choice).as_deref(), expected, "{text} {choice:?}");
        }
        assert_eq!(language("", &LanguageChoice::Fixed("en".into())).as_deref(), Some("en"));
    }
}
