//! The YAML of a rule file, as it is written; `docs/rules.schema.json` says the same to editors.
#![allow(missing_docs, reason = "the names are those of the file; docs/rules.md and the schema say what they mean")]

#[macro_use]
mod fields;
mod brackets;
mod condition;
mod example;
mod limits;
mod mistake;
mod place;
mod read;
mod rule;
mod term;
mod within;

pub use condition::{
    AbruptEndText, BesideText, Child, Children, ConditionFields, ConditionText, DistanceText, EnergyText,
};
pub use example::{ExampleText, Turn};
pub use limits::Limits;
pub use place::{Texts, place};
pub use read::parse;
pub use rule::{AppliesToText, MessageText, RuleText, ValidText};
pub use term::{FuzzyText, HomophonesText, NormaliseText, TermText};
pub use within::WithinText;
