//! Text in, findings out: rule files in YAML are compiled once, then run over transcripts. No I/O.
//!
//! ```
//! use earmark_rules::RuleSet;
//!
//! let rules = RuleSet::starter();
//! let findings = rules.find_in_text("这款产品保证收益");
//! assert_eq!(findings[0].matched, "保证收益");
//! assert_eq!(findings[0].span, Some([4, 8]));
//! ```

mod judge;
mod language;
mod proof;
mod recording;
pub mod replay;
mod rule_set;

pub use earmark_rule_files::{RuleError, RuleErrors, SourceFile};
pub use language::rule::{AppliesTo, Rule, RuleKind, Valid};
pub use proof::examples::{ExampleFailure, ExampleReport};
pub use proof::lint::warning::{Lint, LintProblem, LintWarning};
pub use recording::context::Context;
pub use recording::within::Within;
pub use rule_set::RuleSet;
