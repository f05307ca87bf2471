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
//!
//! What flows through it, from the top down; a folder uses only those above it, and `language` of `recording` no more
//! than its parts and its languages:
//!
//! ```text
//! rule files                                   utterances, and what is known beside them
//!     |                                                       |
//!     |  language/  what a rule may ask                       |  recording/  one recording, as rules see it
//!     |    rule  condition  term_scope  voice  field_test     |    context    what the caller knows
//!     |    check/     written -> checked; every mistake       |    facts      turns, words: asked for when needed
//!     |    compiled   rules, terms, what finds them           |    tracks  within  word_count  language_tag
//!     |                                                       |
//!     +---------------------------+---------------------------+
//!                                 |  judge/  rules held against one recording
//!                                 |    sentences -> mentions, chosen, timeline    where terms were said, when
//!                                 |    voice  field                               what else holds
//!                                 |    evaluation: cluster, row, unanswered       whether conditions hold
//!                                 |    rule_findings, reason                      the findings, and why
//!                                 |    judgement                                  all of it, rule by rule
//!                                 |
//!                                 |  proof/  examples run as tests, lint
//!                                 |
//!                             rule_set  all of it, for others
//!                                 |
//!                              replay/  stored reports judged by two rule sets
//! ```
//!
//! How words are found is `earmark-words`' concern, how rule files are written that of `earmark-rule-files`.

mod judge;
mod language;
mod proof;
mod recording;
pub mod replay;
mod rule_set;

pub use earmark_rule_files::{RuleError, RuleErrors, SourceFile};
pub use language::rule::{AppliesTo, Rule};
pub use proof::examples::{ExampleFailure, ExampleReport};
pub use proof::lint::warning::{Lint, LintProblem, LintWarning};
pub use recording::context::Context;
pub use rule_set::RuleSet;
