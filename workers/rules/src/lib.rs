//! Text in, findings out: rule files in YAML are compiled once, then run over transcripts. No I/O.
//!
//! ```
//! use earmark_rules::RuleSet;
//!
//! let rules = RuleSet::starter();
//! let findings = rules.find_in_text("这款产品保證收益");
//! assert_eq!(findings[0].matched, "保證收益");
//! assert_eq!(findings[0].span, Some([4, 8]));
//! ```

use earmark_rule_files::{error, format, source};

mod account;
mod check;
mod condition;
mod english;
mod examples;
mod finder;
mod fold;
mod gap;
mod hints;
mod index;
mod lint;
mod logic;
mod metadata;
mod normalise;
mod numerals;
mod passage;
mod pattern;
mod phrase;
mod phrases;
mod reading;
mod reason;
mod reduce;
pub mod replay;
mod rule;
mod rule_set;
mod said;
mod search;
mod sound;
mod starter;
mod surroundings;
mod term;
mod texts;
mod timing;
mod verify;
mod voice;

pub use error::{RuleError, RuleErrors, RuleProblem};
pub use examples::{ExampleFailure, ExampleReport};
pub use lint::{Lint, LintProblem, LintWarning};
pub use rule::{AppliesTo, HOMOPHONE_MIN_CHARS, Rule, RuleKind, Valid, Within};
pub use rule_set::RuleSet;
pub use search::Context;
pub use sound::Fuzzy;
pub use source::SourceFile;
pub use term::Homophones;
