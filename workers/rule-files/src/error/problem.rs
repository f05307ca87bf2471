//! What can be wrong with a rule file, in the author's words.

/// Of a long value, so many characters are shown.
const SHOWN_CHARS: usize = 20;

/// What can be wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// No YAML, in the words of who reads it.
    #[error("{0}")]
    Yaml(String),
    /// A bracket, a brace or a quote with no end.
    #[error("the `{0}` that opens here is never closed")]
    Unclosed(char),
    /// An end with no beginning.
    #[error("a bracket is closed here that was not opened")]
    Unopened,
    /// A quote where the text goes on.
    #[error("a text in quotes ends before this, and more stands behind it")]
    BehindQuotes,
    /// More than the reader of YAML takes.
    #[error("there is more in this file than a rule file may have")]
    TooMuchYaml,
    /// Lists in lists, fields in fields.
    #[error("lists and fields are nested deeper than {most} levels")]
    Nested {
        /// How deep they may be.
        most: usize,
    },
    /// `---` inside a file.
    #[error("a second document begins here")]
    SeveralDocuments,
    /// What begins with `*` refers to what is marked with `&`.
    #[error("`{0}` refers to a mark that is not there")]
    UnknownAnchor(String),
    /// One field, given twice.
    #[error("`{0}` stands here a second time")]
    DuplicateField(String),
    /// A field's name, and nothing behind it, or an entry of its list that is empty.
    #[error("{}", nothing(.0))]
    Nothing(String),
    /// `no` is a word, and YAML's way to say false.
    #[error("`{value}` behind `{field}` is read as {read}, not as a text")]
    ReadAsSwitch {
        /// The field's name.
        field: String,
        /// What stands there, cut where it is long.
        value: String,
        /// What YAML takes it for.
        read: bool,
    },
    /// A list where a text belongs, a text where fields belong, and so on.
    #[error("{} is `{value}`, which is not what belongs there", named(field))]
    WrongForm {
        /// The field; empty where there is none.
        field: String,
        /// As written; long ones are cut.
        value: String,
        /// What may stand there.
        wanted: String,
    },
    /// A field nobody knows.
    #[error("unknown field `{field}`")]
    UnknownField {
        /// The field's name, as written.
        field: String,
        /// What may stand there.
        known: Vec<&'static str>,
    },
    /// A word that is none of the choices.
    #[error("`{value}` is not one of the choices")]
    UnknownChoice {
        /// What stands there, cut where it is long.
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
        /// The id that both rules have.
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
        /// The field that stands there first.
        first: &'static str,
        /// The field that stands there as well.
        second: &'static str,
    },
    /// Fields, and none of them asks anything.
    #[error("the condition asks nothing")]
    NoCondition,
    /// Two things asked in one condition.
    #[error("the condition has both `{first}` and `{second}`")]
    TwoConditions {
        /// The field that stands there first.
        first: &'static str,
        /// The field that stands there as well.
        second: &'static str,
    },
    /// A field where it means nothing.
    #[error("`{field}` stands here without `{beside}`")]
    Misplaced {
        /// The field's name, as written.
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
    #[error("the list needs {fewest} conditions and has {count}")]
    TooFewConditions {
        /// How many it has.
        count: usize,
        /// How many it must have.
        fewest: usize,
    },
    /// So many of fewer.
    #[error("`n` is {n}, and the list has {there}")]
    MoreThanThere {
        /// The number that is asked for.
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
        /// The condition's name, as `energy`.
        operator: &'static str,
        /// The limits that it may have.
        choices: &'static str,
    },
    /// No number, or one out of its range.
    #[error("{} is {value}, and must be {limits}", named(field))]
    OutOfRange {
        /// The field; empty where there is none.
        field: String,
        /// What stands there, cut where it is long.
        value: String,
        /// What it may be, as `a whole number from 1 to 99`.
        limits: String,
    },
    /// A time of an example.
    #[error("`{field}: {value}` is no time")]
    BadTime {
        /// The field's name.
        field: String,
        /// What stands there, cut where it is long.
        value: String,
    },
    /// A turn of an example.
    #[error("this is no turn of a dialogue: a turn is one speaker and what was said")]
    BadTurn,
    /// An example with both, or neither.
    #[error("an example has either `text` or `dialogue`")]
    BadExample,
    /// No window, or several.
    #[error("`within` names {0} parts of the recording")]
    NotOneWindow(usize),
    /// A window that ends before it begins.
    #[error("`to_secs` is not after `from_secs`")]
    EmptyWindow,
    /// What should be a date and is none.
    #[error("`{0}` is no date")]
    BadDate(String),
    /// A list without an entry.
    #[error("`{0}` is empty")]
    EmptyList(String),
    /// A text without a character.
    #[error("`{0}` holds an empty text")]
    EmptyText(&'static str),
    /// Nothing of the word is left once spaces and signs are taken away.
    #[error("nothing is left of `{0}` when spaces and signs are taken away")]
    FoldedAway(String),
    /// A word that nobody says in one breath.
    #[error("`{start}` has {chars} characters, more than the {most} that a word or phrase may have")]
    LongWord {
        /// The first characters of it.
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
        /// The bound, with its braces.
        bound: String,
        /// What it may be at most.
        most: usize,
    },
    /// A list file that is not there.
    #[error("there is no list file `{path}`")]
    NoSuchList {
        /// The path that the rule names.
        path: String,
        /// A list file of the set with a name like it.
        meant: Option<String>,
    },
    /// A list file that would not be part of the set.
    #[error("the list file `{0}` lies outside of the folder of the rule set")]
    ListOutside(String),
    /// A line of a list file has its word behind a number and a tab.
    #[error("`{0}` stands before a tab and would be taken for the word, which stands behind it")]
    NumberedLine(String),
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
        /// The first characters of it.
        start: String,
        /// What is wrong with it, in the words of whoever read it.
        why: String,
    },
    /// A regular expression that matches everywhere.
    #[error("`{0}` can match where nothing stands")]
    EmptyPattern(String),
    /// Homophones of very short words are everywhere.
    #[error("`min_chars` is {0}")]
    TooFewForHomophones(u32),
    /// Somebody nobody knows, one letter away from somebody known.
    #[error("`{value}` speaks in no recording")]
    UnknownSpeaker {
        /// What stands there, cut where it is long.
        value: String,
        /// The speaker who was probably meant.
        meant: &'static str,
    },
    /// A set beyond what the index can hold.
    #[error("the words of this set do not fit the index: {0}")]
    TooLarge(String),
}

/// `text`, cut where it is long.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn named(field: &str) -> String {
    if field.is_empty() { "this".into() } else { format!("`{field}`") }
}

fn nothing(field: &str) -> String {
    if field.is_empty() { "there is nothing here".into() } else { format!("`{field}` has nothing behind it here") }
}
