//! Finds words in a text, however they are written, spoken or heard. No I/O.
//!
//! ```
//! use earmark_words::{Differences, Finder, Matching, Passage, Phrases, PhrasesBuilder, Term};
//!
//! let mut phrases = PhrasesBuilder::new(false);
//! phrases.add_inline("保证收益", 1).expect("it is a phrase");
//! let matching = Matching { normalise: Differences::DEFAULT, ..Matching::default() };
//! let (except, patterns) = (Phrases::default(), Vec::new());
//! let terms = [Term { phrases: phrases.finish(), except, patterns, matching }];
//! let finder = Finder::new(&terms).expect("one word is not too many");
//! let text = "這款產品保證嗯收益";
//! let hits = finder.hits(&terms, &Passage::of(text), &|_| text);
//! assert_eq!((hits[0].start, hits[0].end), (4, 9));
//! ```
//!
//! What flows through it, from the top down; a folder uses only those above it:
//!
//! ```text
//! folding/    a text, character by character          numerals  reducible  differences
//!               fold -> append -> passage             word_hash: what a word of letters is looked up by
//! sound/      how characters and words sound          readings  glances  pairs  fuzzy  english
//! phrase/     words and phrases, made ready           cell  ellipsis -> phrases, filled by builder (known)
//! reduction/  what speech adds, taken away            changes -> reading; originals, spelling: what is looked past
//! terms/      what is looked for, and what is found   matching  pattern -> term; hit
//! index       where phrases stand as written or heard spellings  sounds  latin, by bloom, gate, anchors; stands_alone
//! finder      all of it: index, rereading, patterns   neighbours say where to read again; reduced_phrases  pattern_set
//! ```

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
pub use folding::passage::Passage;
pub use phrase::builder::{PhrasesBuilder, Unfit};
pub use phrase::cell::Cell;
pub use phrase::ellipsis::{Gap, MAX_BOUND, bad_bound, stretches};
pub use phrase::phrases::{ListTexts, Phrase, Phrases, Repeats};
pub use reduction::originals::Texts;
pub use reduction::reading::reduced;
pub use sound::fuzzy::{FUZZY, Fuzzy};
pub use terms::hit::{Hit, Role, Way};
pub use terms::matching::{English, HOMOPHONE_LEAST_CHARS, HOMOPHONE_MIN_CHARS, Homophones, Matching};
pub use terms::pattern::{BadPattern, Pattern};
pub use terms::term::Term;
