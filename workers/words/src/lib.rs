//! Finds words in a text, however they are written, spoken or heard. No I/O.

mod finder;
mod folding;
mod index;
mod numbers;
mod phrase;
mod reduction;
mod sound;
mod terms;

pub use finder::Finder;
pub use folding::differences::Differences;
pub use folding::fold::{Class, fold};
pub use folding::passage::{Passage, Place};
pub use phrase::builder::{PhrasesBuilder, Unfit};
pub use phrase::cell::Cell;
pub use phrase::ellipsis::{Gap, MAX_BOUND, bad_bound, stretches};
pub use phrase::phrases::{ListTexts, Phrase, Phrases, Repeats};
pub use reduction::reading::reduced;
pub use sound::fuzzy::{FUZZY, Fuzzy};
pub use terms::hit::{Hit, Role, Way};
pub use terms::matching::{English, HOMOPHONE_LEAST_CHARS, HOMOPHONE_MIN_CHARS, Homophones, Matching};
pub use terms::pattern::{BadPattern, Pattern};
pub use terms::term::Term;
