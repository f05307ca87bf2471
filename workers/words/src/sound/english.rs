//! English words that are spelled otherwise, and words that sound alike.

/// Suffixes with the two ways to spell them, as a word may end or go on; the first is turned into the second.
const ENDINGS: [(&str, &str); 24] = [
    ("isation", "ization"),
    ("isations", "izations"),
    ("ising", "izing"),
    ("ised", "ized"),
    ("iser", "izer"),
    ("ises", "izes"),
    ("ise", "ize"),
    ("yse", "yze"),
    ("ysed", "yzed"),
    ("ysing", "yzing"),
    ("ouring", "oring"),
    ("oured", "ored"),
    ("ourable", "orable"),
    ("ourite", "orite"),
    ("ourites", "orites"),
    ("ours", "ors"),
    ("our", "or"),
    ("elled", "eled"),
    ("elling", "eling"),
    ("eller", "eler"),
    ("ellers", "elers"),
    ("tres", "ters"),
    ("tre", "ter"),
    ("ogue", "og"),
];
/// Words that end so and are spelled one way only, and what would become another word.
const KEPT: [&str; 36] = [
    "our",
    "ours",
    "your",
    "yours",
    "hour",
    "hours",
    "four",
    "fours",
    "tour",
    "tours",
    "touring",
    "toured",
    "pour",
    "pouring",
    "poured",
    "sour",
    "flour",
    "wise",
    "rise",
    "rising",
    "rises",
    "raise",
    "promise",
    "promised",
    "promises",
    "exercise",
    "advise",
    "advised",
    "devise",
    "otherwise",
    "likewise",
    "surprise",
    "compromise",
    "enterprise",
    "noise",
    "revise",
];
/// WordHash that an ending has before it in every word with two spellings of it.
const STEM_LETTERS: usize = 3;
/// Words with two spellings that follow no rule; the first is turned into the second.
const WORDS: [(&str, &str); 39] = [
    ("grey", "gray"),
    ("greys", "grays"),
    ("programme", "program"),
    ("programmes", "programs"),
    ("cancelled", "canceled"),
    ("cancelling", "canceling"),
    ("cancellation", "cancelation"),
    ("cancellations", "cancelations"),
    ("licence", "license"),
    ("licences", "licenses"),
    ("defence", "defense"),
    ("offence", "offense"),
    ("offences", "offenses"),
    ("pretence", "pretense"),
    ("enrol", "enroll"),
    ("enrolment", "enrollment"),
    ("instalment", "installment"),
    ("instalments", "installments"),
    ("fulfil", "fulfill"),
    ("fulfilment", "fulfillment"),
    ("skilful", "skillful"),
    ("wilful", "willful"),
    ("jewellery", "jewelry"),
    ("tyre", "tire"),
    ("tyres", "tires"),
    ("kerb", "curb"),
    ("plough", "plow"),
    ("sceptical", "skeptical"),
    ("ageing", "aging"),
    ("judgement", "judgment"),
    ("acknowledgement", "acknowledgment"),
    ("cosy", "cozy"),
    ("mum", "mom"),
    ("okay", "ok"),
    ("practise", "practice"),
    ("practised", "practiced"),
    ("storey", "story"),
    ("draught", "draft"),
    ("whisky", "whiskey"),
];
/// Words with an `l` doubled that belongs there.
const DOUBLED: [&str; 13] = [
    "selling",
    "telling",
    "seller",
    "sellers",
    "teller",
    "tellers",
    "calling",
    "spelling",
    "spelled",
    "smelling",
    "compelled",
    "excelled",
    "rebelled",
];

/// `word` (lower case) as it is spelled in one way of several; none where that is how it stands.
pub(crate) fn standard_spelling(word: &str) -> Option<String> {
    if let Some((_, other)) = WORDS.iter().find(|(from, _)| *from == word) {
        return Some((*other).into());
    }
    if KEPT.contains(&word) || DOUBLED.contains(&word) {
        return None;
    }
    let (ending, other) = ENDINGS.iter().filter(|(ending, _)| word.ends_with(ending)).max_by_key(|(e, _)| e.len())?;
    let stem = &word[..word.len() - ending.len()];
    (stem.chars().count() >= STEM_LETTERS && stem.is_ascii()).then(|| format!("{stem}{other}"))
}

/// Shorter words are never taken for another by their sound alone.
pub(crate) const MIN_LETTERS: usize = 4;
const KEY_LETTERS: usize = 12;

/// How `word` (lower case) sounds: consonants that sound alike are one letter, a vowel counts where the word begins
/// and as `a` elsewhere. None for short words and for what is no English word.
pub(crate) fn sound_key(word: &str) -> Option<String> {
    if word.len() < MIN_LETTERS || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let letters = silent(word.as_bytes());
    let mut key = String::with_capacity(KEY_LETTERS);
    let mut at = 0;
    while at < letters.len() && key.len() < KEY_LETTERS {
        let rest = &letters[at..];
        let (sound, taken) = consonant(rest, at > 0);
        let is_repeated = sound.is_some() && key.ends_with(sound.unwrap_or_default());
        if let Some(sound) = sound
            && !is_repeated
        {
            key.push(sound);
        }
        at += taken;
    }
    Some(key)
}

/// `word` without the letters at its edges that nobody says.
fn silent(word: &[u8]) -> &[u8] {
    let word = match word {
        [b'k' | b'g' | b'p', b'n', ..] | [b'w', b'r', ..] | [b'p', b's', ..] => &word[1..],
        _ => word,
    };
    match word {
        [rest @ .., b'm', b'b'] => &word[..rest.len() + 1],
        [.., b'l' | b'r' | b'n' | b't' | b's' | b'c' | b'v' | b'd' | b'k' | b'm' | b'z' | b'p' | b'g', b'e'] => {
            &word[..word.len() - 1]
        }
        _ => word,
    }
}

/// The sound at the beginning of `rest`, and how many letters make it.
fn consonant(rest: &[u8], is_inside: bool) -> (Option<char>, usize) {
    let is_soft = |letter: Option<&u8>| matches!(letter, Some(b'e' | b'i' | b'y'));
    match rest {
        [b'a' | b'e' | b'i' | b'o' | b'u', ..] => {
            let vowels = rest.iter().take_while(|letter| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
            let taken = vowels.count();
            // Silent: right, thought.
            let silent = if rest[taken..].starts_with(b"ght") { 2 } else { 0 };
            (Some('a'), taken + silent)
        }
        [b't', b'i', b'o' | b'a', ..] | [b's', b'i', b'o', ..] if is_inside => (Some('x'), 2),
        [b't', b'c', b'h', ..] => (Some('c'), 3),
        [b's', b'c', b'h', ..] => (Some('k'), 3),
        [b's', b'h', ..] => (Some('x'), 2),
        [b'c', b'h', ..] => (Some('c'), 2),
        [b'c', b'k', ..] => (Some('k'), 2),
        [b'p', b'h', ..] => (Some('f'), 2),
        [b't', b'h', ..] => (Some('0'), 2),
        [b'w', b'h', ..] => (Some('w'), 2),
        [b'g', b'h', ..] if is_inside => (None, 2),
        [b'd', b'g', b'e' | b'i', ..] => (Some('j'), 2),
        [b's', b'c', b'e' | b'i', ..] => (Some('s'), 2),
        [b'c', ..] => (Some(if is_soft(rest.get(1)) { 's' } else { 'k' }), 1),
        [b'g', ..] => (Some(if is_soft(rest.get(1)) { 'j' } else { 'g' }), 1),
        [b'q', b'u', b'e'] => (Some('k'), 3),
        [b'q', b'u', ..] => (Some('k'), 2),
        [b'q', ..] => (Some('k'), 1),
        [b'x', ..] => (Some('k'), 1),
        [b'z', ..] => (Some('s'), 1),
        [b'y', ..] if is_inside => (Some('a'), 1),
        [b'h', ..] if is_inside => (None, 1),
        [letter, ..] => (Some(char::from(*letter)), 1),
        [] => (None, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_two_spellings_are_one_word() {
        let canonical = |word: &str| standard_spelling(word).unwrap_or_else(|| word.to_owned());
        for (a, b) in [
            ("colour", "color"),
            ("colours", "colors"),
            ("favourite", "favorite"),
            ("guaranteed", "guaranteed"),
            ("authorise", "authorize"),
            ("authorised", "authorized"),
            ("organisation", "organization"),
            ("cancelled", "canceled"),
            ("travelling", "traveling"),
            ("centre", "center"),
            ("grey", "gray"),
            ("programme", "program"),
            ("licence", "license"),
            ("instalment", "installment"),
            ("analyse", "analyze"),
            ("catalogue", "catalog"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
        for word in ["four", "hour", "your", "promise", "rise", "selling", "teller", "cheque", "contour's", "wise"] {
            assert_eq!(standard_spelling(word), None, "{word}");
        }
    }

    #[test]
    fn words_that_sound_alike_have_one_key() {
        for (a, b, is_alike) in [
            ("guaranteed", "garanteed", true),
            ("returns", "retirns", true),
            ("night", "nite", true),
            ("write", "right", true),
            ("phone", "fone", true),
            ("telegram", "telegramm", true),
            ("knight", "night", true),
            ("cheque", "check", true),
            ("whatsapp", "watsapp", true),
            ("account", "acount", true),
            ("profit", "prophet", true),
            ("returns", "risks", false),
            ("money", "many", true),
            ("secret", "sacred", false),
            ("bonus", "beans", false),
            ("telegram", "program", false),
        ] {
            assert_eq!(sound_key(a) == sound_key(b), is_alike, "{a} {b}: {:?} {:?}", sound_key(a), sound_key(b));
        }
        for word in ["pin", "pen", "a", "don't", "über"] {
            assert_eq!(sound_key(word), None, "{word}");
        }
    }
}
