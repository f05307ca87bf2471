//! What to write instead of a mistake.

use super::problem::RuleProblem;

const QUOTES: &str = "; a number, or a word like `no`, is a text when it stands in quotes";

impl RuleProblem {
    /// What to write instead; none where the message says it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownField { field: value, known } | Self::UnknownChoice { value, known } => {
                return Some(match nearest(value, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("use one of {}", known.join(", ")),
                });
            }
            Self::UnknownSpeaker { meant, .. } => return Some(format!("did you mean `{meant}`?")),
            Self::NoSuchList { meant: Some(meant), .. } => return Some(format!("did you mean `{meant}`?")),
            Self::MissingField(field) => return Some(format!("add `{field}: …` to the rule")),
            Self::Unclosed('[') => "write `]` at the end of the list; a text with `[` in it needs quotes around it",
            Self::Unclosed('{') => {
                "write `}` behind the last of its fields; a text with `{` in it needs quotes around it"
            }
            Self::Unclosed(_) => "write the same quote at the end of the text",
            Self::Unopened => "take it away; a text with a bracket in it needs quotes around it",
            Self::BehindQuotes => {
                "see that each text above ends with the quote that it begins with; in single quotes `''` stands for `'`"
            }
            Self::Yaml(message) if message.contains("found a tab") => {
                "a tab stands in front of the line: indent with spaces, not tabs"
            }
            Self::Yaml(message) if message.contains("block collection") || message.contains("block mapping") => {
                "begin the line in the same column as the others of its list, or as the other fields of its rule"
            }
            Self::Yaml(_) => {
                "a text with `: `, `#` or a leading `-`, `*`, `&`, `!`, `%`, `@` needs quotes around it, and inside \
                 brackets one with `,`, `[`, `]`, `{` or `}`"
            }
            Self::TooMuchYaml => "put the words into list files, or make several files of it",
            Self::Nested { .. } => "close each bracket; conditions may stand in conditions up to eight levels deep",
            Self::SeveralDocuments => "take the line `---` away, or put what follows into a file of its own",
            Self::UnknownAnchor(_) => "put a text that begins with `*` into quotes",
            Self::DuplicateField(_) => "keep one of them, or put what both say into one",
            Self::Nothing(_) => {
                "write what belongs there, or take it away; a text that is `null` or `~` needs quotes around it"
            }
            Self::ReadAsSwitch { value, .. } => {
                return Some(format!(
                    "put it in quotes: `'{value}'`; YAML reads y, yes, on, n, no, off so without them"
                ));
            }
            Self::WrongForm { value, .. } if value.contains('：') => {
                "behind the name of a field stand a colon and a space, `: `; `：` is the Chinese colon and part of a text"
            }
            Self::WrongForm { wanted, .. } => {
                return Some(format!("write {wanted}{}", if wanted.contains("text") { QUOTES } else { "" }));
            }
            Self::BadTime { .. } => "write `0:05`, or seconds, up to a year; the text of a turn in quotes",
            Self::BadTurn => {
                "write `- agent: …`, and if need be `at`, `pause_secs`, `lasts_secs` or `dbfs`, in braces: \
                 `{agent: …, at: 0:05}`; a text with `: ` or `,` in it needs quotes"
            }
            Self::BadExample => "give one of them, and what is known of the recording beside it; texts in quotes",
            Self::NoRules => "begin the file with `rules:` and list the rules below it",
            Self::DuplicateId { .. } => "give each rule an id of its own",
            Self::BadId(_) => "use 1 to 80 of a-z A-Z 0-9 . _ -",
            Self::NothingToFind => {
                "add `words:` with what must not be said, `must_say:` with what must be said in one of these ways, \
                 or `when:` with a condition"
            }
            Self::TwoKinds { .. } => "make two rules of it, or one condition under `when:`",
            Self::NoCondition => "say what is asked: `words: […]`, `all: […]`, `near: {of: […], secs: 10}`, …",
            Self::TwoConditions { .. } => "put each in an entry of its own, under `all:` or `any:`",
            Self::Misplaced { field, beside } => {
                return Some(format!("write `{field}` beside the `{beside}` that it is for"));
            }
            Self::TooDeep { .. } => "make two rules of it, or put what is inside on one level",
            Self::TooManyConditions { .. } => "put words that stand for one another in one list of `words:`",
            Self::TooFewConditions { .. } => "list each of the things that stand near one another, or follow",
            Self::MoreThanThere { .. } => "give a number up to the length of the list",
            Self::NoDistance(_) => "add `secs: 10`, `words: 5` or `turns: 2`",
            Self::TwoDistances => "keep one of `secs`, `words` and `turns`",
            Self::NotOneLimit { choices, .. } => return Some(format!("give {choices}, one of them")),
            Self::OutOfRange { limits, .. } => return Some(format!("give {limits}")),
            Self::NotOneWindow(_) => {
                "give one of `first_secs`, `last_secs`, `first_turns`, `last_turns`, `first_percent`, `last_percent`, \
                 or `from_secs` with `to_secs`"
            }
            Self::EmptyWindow => "let `to_secs` be more than `from_secs`",
            Self::BadDate(_) => "write year, month and day: `2026-01-31`",
            Self::EmptyList(_) => "list at least one word below it",
            Self::EmptyText(_) => "write something between the quotes, or take the line away",
            Self::FoldedAway(_) => "write at least one letter, digit or character",
            Self::LongWord { .. } => {
                "list the part that matters; two parts with a few words between them are one phrase: `first…second`"
            }
            Self::NoSuchList { meant: None, .. } => {
                "give its path from the folder of the rule set on, as `lists/insults.txt`; the name ends in .txt"
            }
            Self::NumberedLine(_) => "put the word first: what follows a tab is left out",
            Self::ListOutside(_) => {
                "put it into that folder: lists are part of the set, of its hash and of what is kept with it"
            }
            Self::NoWords => "write one word or phrase on each line; lines that begin with # are comments",
            Self::TooManyMistakes(_) => "see whether it is a list at all: one word or phrase on each line, in UTF-8",
            Self::OpenEnd(_) => "an ellipsis stands between two words; only an exception may begin or end with one",
            Self::BadBound { .. } => {
                "write how many characters or words may stand between at most: `first…{3}second`; without a bound \
                 it is eight characters or four words"
            }
            Self::DuplicateWord(_) => {
                "take one of them away; width, case, spaces and traditional characters do not count"
            }
            Self::BadPattern { .. } => {
                "put it in single quotes and a `\\` before signs that are meant as they are; look-around and \
                              back-references do not exist here"
            }
            Self::EmptyPattern(_) => "use `+` for `*`, or add what must stand there",
            Self::TooFewForHomophones(_) => "use 3 or more; below that nearly everything sounds alike",
            Self::TooLarge(_) => "split the set, or shorten its lists",
        };
        Some(hint.into())
    }
}

/// The choice most like `value`, when it is likely that it was meant.
pub fn nearest<'a>(value: &str, choices: &[&'a str]) -> Option<&'a str> {
    let value: Vec<char> = value.to_lowercase().replace('-', "_").chars().collect();
    let plain = |choice: &str| choice.replace('-', "_").chars().collect::<Vec<_>>();
    let scored = choices.iter().map(|choice| (edits(&value, &plain(choice)), *choice));
    let (edits, choice) = scored.min_by_key(|(edits, _)| *edits)?;
    let most = (choice.len().max(value.len()) / 3).max(1);
    (edits <= most).then_some(choice)
}

/// How many characters must be added, taken away, changed or swapped with a neighbour to make `b` of `a`.
fn edits(a: &[char], b: &[char]) -> usize {
    // A text of another size is no slip of the finger; this also bounds the work.
    if a.len().abs_diff(b.len()) > 8 {
        return usize::MAX;
    }
    let mut above: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let changed = last[j] + usize::from(a[i] != b[j]);
            let mut fewest = changed.min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                fewest = fewest.min(above[j - 1] + 1);
            }
            row.push(fewest);
        }
        above = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
