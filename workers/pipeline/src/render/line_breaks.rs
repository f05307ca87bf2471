//! Where a text may be broken, and how wide it is on a screen: Unicode's line breaking (UAX #14), with ICU's models of
//! where words end in Thai, Lao, Khmer and Burmese, told what subtitles want of it.

use icu_properties::props::{BidiClass, GeneralCategory, Script, TerminalPunctuation};
use icu_properties::{CodePointMapData, CodePointSetData};
use icu_segmenter::options::{LineBreakOptions, LineBreakStrictness, LineBreakWordOption};
use icu_segmenter::{GraphemeClusterSegmenter, LineSegmenter, LineSegmenterBorrowed};
use unicode_width::UnicodeWidthStr;

/// Finds the parts of texts.
pub struct LineBreaks {
    /// Between words.
    words: LineSegmenterBorrowed<'static>,
    /// Inside words too, wherever punctuation lets it.
    anywhere: LineSegmenterBorrowed<'static>,
}

impl LineBreaks {
    /// For any text.
    pub fn new() -> Self {
        // Strict: a line begins with no small kana, no `ー` and no `々`.
        let mut options = LineBreakOptions::default();
        options.strictness = Some(LineBreakStrictness::Strict);
        let mut anywhere = options;
        anywhere.word_option = Some(LineBreakWordOption::BreakAll);
        Self {
            // The models, not the dictionaries: a third of their size, and they find where a word that no dictionary has
            // ends. They cost 14 µs a character of these four scripts.
            words: LineSegmenter::new_lstm(options),
            anywhere: LineSegmenter::new_for_non_complex_scripts(anywhere),
        }
    }

    /// `text` (of one line) in parts between which a line may end, each with the spaces behind it; together they are the
    /// text. A part wider than `most_columns` is only what nothing can divide: one character as readers see it.
    ///
    /// What is written with spaces, Korean among it, is broken at spaces. Only what is too wide by itself is broken where
    /// Unicode's rules let it (an address behind a slash), and what still is, between any two of its characters.
    pub fn parts<'a>(&self, text: &'a str, is_korean: bool, most_columns: usize) -> Vec<&'a str> {
        let clusters: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(text).collect();
        let is_wide = has_wide_script(text);
        let fits = |part: &&str| columns(part.trim_end(), is_wide) <= most_columns;
        let breaks = allowed(text, self.words.segment_str(text), &clusters);
        let between_words =
            between(text, breaks.iter().copied().filter(|at| divides_words(text, &breaks, *at, is_korean)));
        let mut parts = Vec::new();
        for word in between_words {
            if fits(&word) {
                parts.push(word);
                continue;
            }
            for piece in cut(text, word, &breaks) {
                if fits(&piece) {
                    parts.push(piece);
                    continue;
                }
                let anywhere = allowed(text, self.anywhere.segment_str(text), &clusters);
                for shred in cut(text, piece, &anywhere) {
                    if fits(&shred) { parts.push(shred) } else { parts.extend(cut(text, shred, &clusters)) }
                }
            }
        }
        parts
    }
}

/// Columns of `text`: two for wide and full-width characters and emoji, none for marks that combine. Beside Chinese,
/// Japanese or Korean (`is_wide`) quotation marks and dashes take two as well, as fonts for these have them.
pub fn columns(text: &str, is_wide: bool) -> usize {
    if is_wide { text.width_cjk() } else { text.width() }
}

/// Whether `text` has Chinese, Japanese or Korean in it.
pub fn has_wide_script(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(script(c), Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul)
    })
}

/// Whether a reader pauses behind `part`: it ends a clause or, in a script that puts no spaces between words, a phrase.
pub fn ends_in_pause(part: &str) -> bool {
    let seen = part.trim_end();
    let clause = seen.trim_end_matches(|c| closes(c) || matches!(c, '"' | '\''));
    clause.ends_with(|c| CodePointSetData::new::<TerminalPunctuation>().contains(c))
        || seen.len() < part.len() && seen.ends_with(is_unspaced)
}

/// Whether `part` is a single character of a script without spaces, which is seldom a word.
pub fn is_lone_character(part: &str) -> bool {
    let mut characters = part.chars();
    characters.next().is_some_and(is_unspaced) && characters.next().is_none()
}

/// Whether `text` begins with a script that is written from right to left.
pub fn is_right_to_left(text: &str) -> bool {
    let strong = text
        .chars()
        .map(|c| CodePointMapData::<BidiClass>::new().get(c))
        .find(|class| [BidiClass::LeftToRight, BidiClass::RightToLeft, BidiClass::ArabicLetter].contains(class));
    strong.is_some_and(|class| class != BidiClass::LeftToRight)
}

/// The first characters of `text` as readers see them, as many as take no more than `most_columns`.
pub fn beginning(text: &str, most_columns: usize) -> &str {
    let is_wide = has_wide_script(text);
    let ends = GraphemeClusterSegmenter::new().segment_str(text);
    let end = ends.take_while(|end| columns(&text[..*end], is_wide) <= most_columns).last();
    &text[..end.unwrap_or(0)]
}

/// Those of `breaks` that divide no character as readers see it, nor end a line with an opening mark or begin one with
/// a closing one, even where a space stands between.
fn allowed(text: &str, breaks: impl Iterator<Item = usize>, clusters: &[usize]) -> Vec<usize> {
    breaks
        .filter(|at| clusters.binary_search(at).is_ok())
        .filter(|at| {
            let (before, behind) = text.split_at(*at);
            !before.trim_end().ends_with(opens) && !behind.trim_start().starts_with(closes)
        })
        .collect()
}

/// Whether two words meet at `at`, one of `breaks`: there is a space, or one of both is of a script that has none, unless
/// the other is Korean.
fn divides_words(text: &str, breaks: &[usize], at: usize, is_korean: bool) -> bool {
    let place = breaks.partition_point(|other| *other < at);
    let from = place.checked_sub(1).map_or(0, |before| breaks[before]);
    let to = breaks.get(place + 1).copied().unwrap_or(text.len());
    let (before, behind) = (&text[from..at], &text[at..to]);
    before.ends_with(is_blank)
        || !is_korean
            && (before.contains(is_unspaced) || behind.contains(is_unspaced))
            && !before.ends_with(is_hangul)
            && !behind.starts_with(is_hangul)
}

/// `part` of `text`, cut at those of `breaks` that lie in it.
fn cut<'a>(text: &'a str, part: &'a str, breaks: &[usize]) -> Vec<&'a str> {
    let from = part.as_ptr().addr() - text.as_ptr().addr();
    between(part, breaks.iter().filter(|at| **at > from && **at < from + part.len()).map(|at| at - from))
}

/// `text`, cut at `breaks`, without empty parts.
fn between(text: &str, breaks: impl Iterator<Item = usize>) -> Vec<&str> {
    let mut from = 0;
    let mut parts = Vec::new();
    for to in breaks.chain([text.len()]) {
        if to > from {
            parts.push(&text[from..to]);
            from = to;
        }
    }
    parts
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

fn is_hangul(c: char) -> bool {
    script(c) == Script::Hangul
}

/// A letter of a script that puts no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(
        script(c),
        Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Bopomofo
            | Script::Yi
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar
            | Script::Tibetan
            | Script::TaiLe
            | Script::NewTaiLue
            | Script::TaiTham
            | Script::TaiViet
            | Script::Javanese
            | Script::Balinese
    )
}

/// A space at which a line may end, or one that is not seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{200b}'
}

fn opens(c: char) -> bool {
    matches!(category(c), GeneralCategory::OpenPunctuation | GeneralCategory::InitialPunctuation)
}

fn closes(c: char) -> bool {
    matches!(category(c), GeneralCategory::ClosePunctuation | GeneralCategory::FinalPunctuation)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}
