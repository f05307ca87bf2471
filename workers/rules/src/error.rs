//! What is wrong with a rule file, where, and what to write instead.

use earmark_core::{Disposition, Failure};

/// Everything found wrong in a set of rule files; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RuleErrors {
    /// In order of file and line.
    pub errors: Vec<RuleError>,
}

impl Failure for RuleErrors {
    fn code(&self) -> &'static str {
        "rules.invalid"
    }

    fn hint(&self) -> Option<String> {
        self.errors.first().and_then(|error| error.problem.hint())
    }

    fn disposition(&self) -> Disposition {
        Disposition::Fail
    }
}

/// One mistake in a rule file. Shown as `path:line:column: what is wrong`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {problem}")]
pub struct RuleError {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub problem: RuleProblem,
}

/// What can be wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// No YAML, or another type than the field takes.
    #[error("{0}")]
    Yaml(String),
    /// A field nobody knows.
    #[error("unknown field `{field}`")]
    UnknownField {
        /// As written.
        field: String,
        /// What may stand there.
        known: Vec<&'static str>,
    },
    /// A word that is none of the choices.
    #[error("`{value}` is not one of the choices")]
    UnknownChoice {
        /// As written.
        value: String,
        /// What may stand there.
        known: Vec<&'static str>,
    },
    /// A field that every rule needs.
    #[error("the field `{0}` is missing")]
    MissingField(&'static str),
    /// No rule in any file.
    #[error("there is no rule here")]
    NoRules,
    /// Two rules with one id.
    #[error("the rule id `{id}` is taken, {other} has it")]
    DuplicateId {
        /// The id.
        id: String,
        /// `path:line` of the other rule.
        other: String,
    },
    /// An id that cannot be typed on a command line.
    #[error("`{0}` is no rule id")]
    BadId(String),
    /// A rule that looks for nothing.
    #[error("the rule has none of `words`, `must_say` and `when`")]
    NothingToFind,
    /// Two kinds in one rule.
    #[error("the rule has both `{first}` and `{second}`")]
    TwoKinds {
        /// As written.
        first: &'static str,
        /// As written.
        second: &'static str,
    },
    /// Fields, and none of them asks anything.
    #[error("the condition asks nothing")]
    NoCondition,
    /// Two things asked in one condition.
    #[error("the condition has both `{first}` and `{second}`")]
    TwoConditions {
        /// As written.
        first: &'static str,
        /// As written.
        second: &'static str,
    },
    /// A field where it means nothing.
    #[error("`{field}` stands here without `{beside}`")]
    Misplaced {
        /// As written.
        field: &'static str,
        /// What it belongs to.
        beside: &'static str,
    },
    /// Conditions in conditions in conditions.
    #[error("the conditions are nested deeper than {most} levels")]
    TooDeep {
        /// How deep they may be.
        most: usize,
    },
    /// More conditions than anybody reads.
    #[error("the list has {count} conditions, more than the {most} that it may have")]
    TooManyConditions {
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// One thing is near nothing.
    #[error("the list has {count} conditions and needs {fewest}")]
    TooFewConditions {
        /// How many it has.
        count: usize,
        /// How many it must have.
        fewest: usize,
    },
    /// So many of fewer.
    #[error("`n` is {n}, and the list has {there}")]
    MoreThanThere {
        /// As written.
        n: usize,
        /// How many there are.
        there: usize,
    },
    /// Near without how near.
    #[error("`{0}` does not say how near")]
    NoDistance(&'static str),
    /// Two measures of one distance.
    #[error("the distance is given twice")]
    TwoDistances,
    /// None or several of the limits of an operator.
    #[error("`{operator}` needs one limit")]
    NotOneLimit {
        /// The operator.
        operator: &'static str,
        /// The limits that it may have.
        choices: &'static str,
    },
    /// A number out of its range.
    #[error("`{field}` is {value}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// As written; in words, for numbers that may be fractions.
        value: String,
        /// What it must be at least.
        least: u32,
    },
    /// No part of a recording.
    #[error("`{field}` is {value}, and a part has 1 to 99 percent")]
    BadPercent {
        /// The field.
        field: &'static str,
        /// As written.
        value: u32,
    },
    /// No window, or several.
    #[error("`within` names {0} parts of the recording")]
    NotOneWindow(usize),
    /// A window that ends before it begins.
    #[error("`to_secs` is not after `from_secs`")]
    EmptyWindow,
    /// Not a date.
    #[error("`{0}` is no date")]
    BadDate(String),
    /// A list without an entry.
    #[error("`{0}` is empty")]
    EmptyList(&'static str),
    /// A text without a character.
    #[error("`{0}` holds an empty text")]
    EmptyText(&'static str),
    /// Nothing of the word is left once spaces and signs are taken away.
    #[error("nothing is left of `{0}` when spaces and signs are taken away")]
    FoldedAway(String),
    /// A word that nobody says in one breath.
    #[error("`{start}…` has {chars} characters, more than the {most} that a word or phrase may have")]
    LongWord {
        /// Its first characters.
        start: String,
        /// How many it has.
        chars: usize,
        /// How many it may have.
        most: usize,
    },
    /// An ellipsis with nothing on one side.
    #[error("`{0}` begins or ends with an ellipsis")]
    OpenEnd(String),
    /// An ellipsis with a bound that is none.
    #[error("the ellipsis in `{word}` has `{bound}` behind it, and its bound is 1 to {most}")]
    BadBound {
        /// The word or phrase.
        word: String,
        /// As written.
        bound: String,
        /// What it may be at most.
        most: usize,
    },
    /// A list file that is not there.
    #[error("there is no list file `{path}`")]
    NoSuchList {
        /// As written.
        path: String,
        /// A list file of the set with a name like it.
        meant: Option<String>,
    },
    /// A list file without a word.
    #[error("there is no word in this list")]
    NoWords,
    /// A list file that is full of mistakes.
    #[error("this list has more than {0} mistakes; the rest of it was not looked at")]
    TooManyMistakes(usize),
    /// The same word twice in a list.
    #[error("`{0}` stands twice in the list")]
    DuplicateWord(String),
    /// A regular expression that cannot be used, in the words of whoever read it.
    #[error("`{start}` is no regular expression: {why}")]
    BadPattern {
        /// Its first characters.
        start: String,
        /// What is wrong.
        why: String,
    },
    /// A regular expression that matches everywhere.
    #[error("`{0}` can match where nothing stands")]
    EmptyPattern(String),
    /// Homophones of very short words are everywhere.
    #[error("`min_chars` is {0}")]
    TooFewForHomophones(u32),
    /// A number out of its range.
    #[error("`{field}` is 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// Somebody nobody knows, one letter away from somebody known.
    #[error("`{value}` speaks in no recording")]
    UnknownSpeaker {
        /// As written.
        value: String,
        /// Who was meant.
        meant: &'static str,
    },
    /// A set beyond what the index can hold.
    #[error("the words of this set do not fit the index: {0}")]
    TooLarge(String),
}

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
            Self::Zero { field } => return Some(format!("leave `{field}` out, or give a number from 1")),
            Self::Yaml(_) => {
                "a text with `: `, `#` or a leading `-`, `*`, `&`, `!`, `%`, `@` needs quotes around it; \
                              indent with spaces, not tabs"
            }
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
            Self::OutOfRange { least, .. } => return Some(format!("give a number from {least}")),
            Self::BadPercent { .. } => "give a whole number from 1 to 99",
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
pub(crate) fn nearest<'a>(value: &str, choices: &[&'a str]) -> Option<&'a str> {
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
