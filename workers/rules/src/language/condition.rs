//! What a rule asks of a recording: words, how they stand to one another, the voices, the recording itself.

use crate::language::field_test::FieldTest;
use crate::language::term_scope::TermScope;
use crate::language::voice::Voice;

/// A condition, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Each place where the term (by its place in the set) was said.
    Term(usize),
    /// Every one of them.
    All(Vec<Condition>),
    /// One of them or more.
    Any(Vec<Condition>),
    /// Not one of them.
    None(Vec<Condition>),
    /// So many of them or more.
    AtLeast { least: usize, of: Vec<Condition> },
    /// Each place of the first that has a place of every other near it.
    Near { of: Vec<Condition>, most: Distance },
    /// Each place of `find` that has `anchor` on the side.
    Beside { find: Box<Condition>, anchor: Box<Condition>, side: Side, most: Option<Distance> },
    /// Each place of `find` behind `from` and before the `to` that follows it.
    Between { find: Box<Condition>, from: Box<Condition>, to: Box<Condition>, most: Option<Distance> },
    /// Each place of the first that the others follow one by one.
    Sequence { of: Vec<Condition>, most: Option<Distance> },
    /// So many places, within the distance of the first of them where one is given.
    Count { of: Box<Condition>, least: usize, most: Option<Distance> },
    /// The same phrase so many times.
    Repeated { of: Box<Condition>, times: usize, most: Option<Distance> },
    /// Each place of `question` that no answer follows; without `answer`, whatever is said is one.
    Unanswered { question: Box<Condition>, answer: Option<Box<Condition>>, by: Option<String>, most: Option<Distance> },
    /// Nothing of it, though somebody spoke who might have said it.
    Missing(Box<Condition>),
    /// A property of the voices.
    Voice(Voice),
    /// A property of the recording.
    Recording(FieldTest),
}

/// Where the anchor stands, seen from what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is found comes before it.
    Behind,
    /// What is found comes after it.
    Ahead,
}

/// How far apart two places may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distance {
    pub(crate) unit: Unit,
    /// In milliseconds, words or turns.
    pub(crate) most: u64,
}

/// What distance is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds, from the end of one to the beginning of the other.
    Time,
    /// Chinese characters and English words in between.
    Words,
    /// How often the speaker changes in between; 0: the same turn.
    Turns,
}

impl Condition {
    /// The conditions inside, in the order in which they are written.
    pub(crate) fn children(&self) -> Vec<&Condition> {
        match self {
            Self::Term(_) | Self::Voice(_) | Self::Recording(_) => Vec::new(),
            Self::All(of) | Self::Any(of) | Self::None(of) => of.iter().collect(),
            Self::AtLeast { of, .. } | Self::Near { of, .. } | Self::Sequence { of, .. } => of.iter().collect(),
            Self::Count { of, .. } | Self::Repeated { of, .. } | Self::Missing(of) => vec![of],
            Self::Beside { find, anchor, .. } => vec![find, anchor],
            Self::Between { find, from, to, .. } => vec![find, from, to],
            Self::Unanswered { question, answer, .. } => {
                std::iter::once(&**question).chain(answer.as_deref()).collect()
            }
        }
    }

    /// The terms inside, in order.
    pub(crate) fn terms(&self) -> Vec<usize> {
        match self {
            Self::Term(term) => vec![*term],
            other => other.children().into_iter().flat_map(Self::terms).collect(),
        }
    }

    /// Whether it cannot hold unless some term is said: then nothing is done where nothing was.
    pub(crate) fn needs_words(&self) -> bool {
        match self {
            Self::Term(_) => true,
            Self::None(_) | Self::Missing(_) | Self::Voice(_) | Self::Recording(_) => false,
            Self::Any(of) => of.iter().all(Self::needs_words),
            Self::AtLeast { least, of } => of.iter().filter(|child| !child.needs_words()).count() < *least,
            Self::Unanswered { question, .. } => question.needs_words(),
            other => other.children().into_iter().any(Self::needs_words),
        }
    }

    /// Whether a part of a recording that shows it, shows it for good: what is said later takes nothing back.
    pub(crate) fn is_early(&self, scopes: &[TermScope]) -> bool {
        match self {
            Self::Term(term) => {
                scopes.get(*term).is_some_and(|scope| scope.within.is_none_or(|within| within.is_early()))
            }
            Self::None(_) | Self::Missing(_) | Self::Unanswered { .. } | Self::Voice(_) => false,
            Self::Recording(_) => true,
            other => other.children().into_iter().all(|child| child.is_early(scopes)),
        }
    }
}
