//! Which part of a text was said in which stretch of speech, where the recogniser does not say.
//!
//! People pause between sentences and speak at an even pace: of all ways to part the text, the one is taken whose parts
//! have as many syllables as their stretches have room for, with borders at punctuation rather than between words.

/// A pause falls within a sentence as seldom as a part that is off by two or three
/// deviations. Costs are squares of deviations.
const WITHIN_SENTENCE: f32 = 6.0;
/// A stretch with room for a syllable and more without any: noise, or nothing understood.
const WITHOUT_WORDS: f32 = 6.0;
/// At a comma, which recognisers put and leave out at will.
const AT_COMMA: f32 = 1.0;
/// How long a stop between two sentences of one stretch lasts, in syllables.
const STOP: f32 = 1.5;
/// The same at a comma.
const SHORT_STOP: f32 = 0.5;
/// How far the pace of a stretch is off from that of the whole, as a share of it: the deviation that costs 1.
const PACE: f32 = 0.25;
/// Syllables that any count may be off by.
const SLACK: f32 = 1.5;

/// For each stretch the place (in characters) where its part of `text` ends; the last ends with the text.
///
/// `lengths` are the stretches' lengths in any unit: of the speech itself, without the silence around it.
pub(super) fn ends(text: &[char], lengths: &[f32]) -> Vec<usize> {
    let Some(last) = lengths.len().checked_sub(1) else { return Vec::new() };
    let borders = borders(text);
    let whole: f32 = lengths.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let syllables = borders[borders.len() - 1].syllables;
    // The least cost of parting the text up to each border among the stretches so far, and how it is reached.
    let mut costs: Vec<f32> = borders.iter().map(|border| if border.at == 0 { 0.0 } else { f32::INFINITY }).collect();
    let mut ways: Vec<Vec<usize>> = Vec::with_capacity(lengths.len());
    for (stretch, length) in lengths.iter().enumerate() {
        let expected = syllables * length / whole;
        let variance = (PACE * expected).powi(2) + SLACK;
        let mut way = vec![0; borders.len()];
        let mut reached = vec![f32::INFINITY; borders.len()];
        for (to, border) in borders.iter().enumerate() {
            if stretch == last && to + 1 < borders.len() {
                continue;
            }
            for from in 0..=to {
                let off = border.syllables - borders[from].syllables - expected;
                let parting = if stretch == last { 0.0 } else { border.cost };
                let missing = if from == to { WITHOUT_WORDS * expected.min(1.0) } else { 0.0 };
                let cost = costs[from] + off * off / variance + parting + missing;
                if cost < reached[to] {
                    (reached[to], way[to]) = (cost, from);
                }
            }
        }
        costs = reached;
        ways.push(way);
    }
    let mut to = borders.len() - 1;
    let mut ends: Vec<usize> = ways
        .iter()
        .rev()
        .map(|way| {
            let end = borders[to].at;
            to = way[to];
            end
        })
        .collect();
    ends.reverse();
    ends
}

/// A place where a text may be parted.
struct Border {
    /// The first character behind it.
    at: usize,
    /// Syllables before it.
    syllables: f32,
    /// What parting it here costs.
    cost: f32,
}

/// The beginning, every place between two words or characters, and the end.
fn borders(text: &[char]) -> Vec<Border> {
    let mut borders = vec![Border { at: 0, syllables: 0.0, cost: 0.0 }];
    let mut syllables = 0.0;
    let mut at = 0;
    while at < text.len() {
        let word = text[at..].iter().take_while(|c| is_letter(**c)).count();
        syllables += if word > 0 {
            latin_syllables(&text[at..at + word])
        } else {
            f32::from(u8::from(text[at].is_alphanumeric()))
        };
        at += word.max(1);
        // Punctuation and blanks stay with the word before them.
        let mut cost = WITHIN_SENTENCE;
        while let Some(mark) = text.get(at).filter(|c| !c.is_alphanumeric()) {
            let (stop, least) = match mark {
                '.' | '!' | '?' | '。' | '！' | '？' | '…' => (STOP, 0.0),
                ',' | ';' | ':' | '，' | '；' | '：' | '、' | '—' => (SHORT_STOP, AT_COMMA),
                _ => (0.0, WITHIN_SENTENCE),
            };
            syllables += stop;
            cost = cost.min(least);
            at += 1;
        }
        borders.push(Border { at, syllables, cost });
    }
    borders
}

/// Letters and digits of words that are written together.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '\'' || (c.is_alphabetic() && ('\u{c0}'..'\u{2e80}').contains(&c))
}

/// Groups of vowels, at least one; each digit is a word.
fn latin_syllables(word: &[char]) -> f32 {
    let is_vowel = |c: char| !c.is_ascii() || "aeiouyAEIOUY".contains(c);
    let digits = word.iter().filter(|c| c.is_ascii_digit()).count();
    let groups =
        (0..word.len()).filter(|i| is_vowel(word[*i]) && !i.checked_sub(1).is_some_and(|i| is_vowel(word[i]))).count();
    // The e at the end of English words is silent more often than not.
    let is_silent = groups > 1 && word.last() == Some(&'e');
    #[expect(clippy::as_conversions, reason = "a word has a few syllables")]
    let syllables = (digits + groups - usize::from(is_silent)).max(1) as f32;
    syllables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, lengths: &[f32]) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let mut from = 0;
        ends(&characters, lengths)
            .into_iter()
            .map(|to| {
                let part = characters[from..to].iter().collect();
                from = to;
                part
            })
            .collect()
    }

    #[test]
    fn a_text_is_parted_at_its_punctuation_where_the_lengths_agree() {
        for (text, lengths, expected) in [
            (
                "好的。您上个月在我们这里存了三万五千元，对吗？",
                vec![0.5, 4.0],
                vec!["好的。", "您上个月在我们这里存了三万五千元，对吗？"],
            ),
            (
                "Of course. Before we start, can I take your number?",
                vec![0.6, 2.6],
                vec!["Of course. ", "Before we start, can I take your number?"],
            ),
            ("one two six ten", vec![2.0, 2.0], vec!["one two ", "six ten"]),
            ("一二三四五六七八九十", vec![4.0, 6.0], vec!["一二三四", "五六七八九十"]),
            ("whole", vec![3.0], vec!["whole"]),
            ("", vec![3.0, 1.0], vec!["", ""]),
            ("text", vec![], vec![]),
        ] {
            assert_eq!(parts(text, &lengths), expected, "{text}");
        }
    }

    #[test]
    fn a_stretch_of_noise_gets_no_words_of_a_sentence() {
        assert_eq!(parts("请问您是张先生吗？", &[3.0, 0.1]), ["请问您是张先生吗？", ""]);
    }

    #[test]
    fn words_have_the_syllables_of_speech() {
        for (word, expected) in
            [("guaranteed", 3.0), ("phone", 1.0), ("the", 1.0), ("rhythm", 1.0), ("42", 2.0), ("I'm", 1.0)]
        {
            assert_eq!(latin_syllables(&word.chars().collect::<Vec<_>>()), expected, "{word}");
        }
    }
}
