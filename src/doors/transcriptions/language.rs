//! Languages by the names that `verbose_json` has for them: English words in small letters.

/// ISO 639-1 and the name, one behind the other: the languages of multilingual Whisper models.
const NAMES: &str = "af afrikaans am amharic ar arabic as assamese az azerbaijani ba bashkir be belarusian bg bulgarian bn bengali \
    bo tibetan br breton bs bosnian ca catalan cs czech cy welsh da danish de german el greek en english \
    es spanish et estonian eu basque fa persian fi finnish fo faroese fr french gl galician gu gujarati ha hausa \
    haw hawaiian he hebrew hi hindi hr croatian ht haitian hu hungarian hy armenian id indonesian is icelandic \
    it italian ja japanese jw javanese ka georgian kk kazakh km khmer kn kannada ko korean la latin \
    lb luxembourgish ln lingala lo lao lt lithuanian lv latvian mg malagasy mi maori mk macedonian ml malayalam \
    mn mongolian mr marathi ms malay mt maltese my myanmar ne nepali nl dutch nn nynorsk no norwegian oc occitan \
    pa punjabi pl polish ps pashto pt portuguese ro romanian ru russian sa sanskrit sd sindhi si sinhala \
    sk slovak sl slovenian sn shona so somali sq albanian sr serbian su sundanese sv swedish sw swahili ta tamil \
    te telugu tg tajik th thai tk turkmen tl tagalog tr turkish tt tatar uk ukrainian ur urdu uz uzbek \
    vi vietnamese yi yiddish yo yoruba yue cantonese zh chinese";

/// What `verbose_json` calls the language with the code `code`; the code itself where it has no name.
pub fn name(code: &str) -> &str {
    let mut words = NAMES.split_ascii_whitespace();
    while let (Some(known), Some(name)) = (words.next(), words.next()) {
        if known == code {
            return name;
        }
    }
    code
}

/// The code of what a caller calls a language: `zh`, `zh-CN`, `chinese`.
pub fn code(called: &str) -> &str {
    let mut words = NAMES.split_ascii_whitespace();
    while let (Some(code), Some(name)) = (words.next(), words.next()) {
        if name == called {
            return code;
        }
    }
    called.split_once(['-', '_']).map_or(called, |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_belong_together() {
        assert_eq!(NAMES.split_ascii_whitespace().count() % 2, 0);
        for (called, expected_code, expected_name) in
            [("zh", "zh", "chinese"), ("english", "en", "english"), ("zh-cn", "zh", "chinese"), ("xx", "xx", "xx")]
        {
            assert_eq!((code(called), name(code(called))), (expected_code, expected_name), "{called}");
        }
    }
}
