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
    #[error("the rule has neither `words` nor `must_say`")]
    NothingToFind,
    /// Both kinds in one rule.
    #[error("the rule has both `words` and `must_say`")]
    TwoKinds,
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
    /// The same word twice in a list.
    #[error("`{0}` stands twice in the list")]
    DuplicateWord(String),
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
                "add `words:` with what must not be said, or `must_say:` with what must be said in one of these ways"
            }
            Self::TwoKinds => "make two rules of it",
            Self::EmptyList(_) => "list at least one word below it",
            Self::EmptyText(_) => "write something between the quotes, or take the line away",
            Self::FoldedAway(_) => "write at least one letter, digit or character",
            Self::LongWord { .. } => {
                "list the part that matters; two parts with a few words between them are one phrase: `first…second`"
            }
            Self::OpenEnd(_) => "an ellipsis stands between two words; only an exception may begin or end with one",
            Self::DuplicateWord(_) => {
                "take one of them away; width, case, spaces and traditional characters do not count"
            }
            Self::TooFewForHomophones(_) => "use 3 or more; below that nearly everything sounds alike",
            Self::TooLarge(_) => "split the set, or shorten its lists",
        };
        Some(hint.into())
    }
}

/// The choice most like `value`, when it is likely that it was meant.
pub(crate) fn nearest(value: &str, choices: &[&'static str]) -> Option<&'static str> {
    let value: Vec<char> = value.to_lowercase().replace('-', "_").chars().collect();
    let scored = choices.iter().map(|choice| (edits(&value, &choice.chars().collect::<Vec<_>>()), *choice));
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
