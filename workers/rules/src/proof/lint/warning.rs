//! What is allowed in a rule set and probably not meant.

/// A summary of a rule set, with what its author should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// How many rules.
    pub rules: usize,
    /// How many words and phrases they look for.
    pub words: usize,
    /// How many examples they carry.
    pub examples: usize,
    /// In order of file and line.
    pub warnings: Vec<LintWarning>,
}

/// Something to look at. Shown as `path:line: rule `id`: what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: rule `{rule_id}`: {problem}")]
pub struct LintWarning {
    /// The file of the rule, or the list file.
    pub path: String,
    /// Line in that file, from 1.
    pub line: u64,
    /// Id of the rule that it is about.
    pub rule_id: String,
    /// What is probably not meant.
    pub problem: LintProblem,
}

/// What is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LintProblem {
    /// One character is part of many words.
    #[error("`{0}` is a single character and will be found inside other words")]
    SingleCharacter(String),
    /// One letter or digit, which is a word of its own seldom and by accident.
    #[error("`{0}` is a single letter or digit and will be found wherever it stands by itself")]
    SingleLetter(String),
    /// Everybody says it.
    #[error("`{0}` is said in nearly every call, and so is this rule's finding")]
    CommonWord(String),
    /// An expression that matches what everybody says.
    #[error("the expression `{pattern}` matches `{talk}`, which is said in nearly every call")]
    BroadPattern {
        /// The expression, cut where it is long.
        pattern: String,
        /// What it matches of ordinary talk.
        talk: String,
    },
    /// Two rules have the same expression.
    #[error("the expression `{pattern}` is also one of rule `{other}`: both will report it")]
    SharedPattern {
        /// The expression, cut where it is long.
        pattern: String,
        /// The other rule.
        other: String,
    },
    /// An expression of the same rule finds it already.
    #[error("`{word}` is found already by the expression `{pattern}`, where it is spelled so")]
    CoveredByPattern {
        /// The word as its author wrote it.
        word: String,
        /// The expression, cut where it is long.
        pattern: String,
    },
    /// Matched by sound though short.
    #[error("`{0}` has fewer than four characters and is matched by sound: expect false hits, give exceptions")]
    ShortHomophone(String),
    /// Two rules find the same.
    #[error("`{word}` is also a word of rule `{other}`: both will report it")]
    SharedWord {
        /// The word as its author wrote it.
        word: String,
        /// The other rule.
        other: String,
    },
    /// A shorter word of the same rule finds it already.
    #[error("`{word}` is found already by `{shorter}` in the same list")]
    Covered {
        /// The longer word.
        word: String,
        /// The shorter word.
        shorter: String,
    },
    /// An exception around nothing.
    #[error("the exception `{0}` holds none of the rule's words and does nothing")]
    IdleException(String),
    /// A word that is inside one of the rule's exceptions.
    #[error("`{word}` can never be found: the exception `{except}` stands inside it or is the same")]
    Unreachable {
        /// The word as its author wrote it.
        word: String,
        /// The exception as its author wrote it.
        except: String,
    },
    /// Lines that say again what the list or the rule has.
    #[error("{}", repeated(*count, word))]
    RepeatedLines {
        /// How many lines there are too many.
        count: usize,
        /// The word on the first of them.
        word: String,
    },
    /// A short word that is part of common ones.
    #[error("`{word}` stands inside `{common}`, which is said in many calls: add `{common}` under `except`")]
    TooBroad {
        /// The word as its author wrote it.
        word: String,
        /// What holds it.
        common: String,
    },
    /// All of it and none of it.
    #[error("it can never hold: it asks for `{0}` and for a recording without it")]
    NeverHolds(String),
    /// Dates in the wrong order.
    #[error("it is never valid: `until` is before `from`")]
    NeverValid,
    /// A rule on trial sets nothing off.
    #[error("it has `actions`, and as a rule on trial (`shadow`) it sets none of them off")]
    ShadowActions,
    /// Nothing shows that the rule works.
    #[error("it has no examples under `{0}`")]
    NoExamples(&'static str),
    /// A reader sees the category only.
    #[error("it has no message: findings will say `{0}`")]
    NoMessage(String),
}

fn repeated(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 line of this list says again what stands before it: `{word}`"),
        _ => format!("{count} lines of this list say again what stands before them; the first of them is `{word}`"),
    }
}
