//! What can be asked of earmark, whoever asks: the doors parse, call the desk and render.

pub mod duration;
pub mod instant;
pub mod orphans;
pub mod queue;
pub mod retention;
pub mod rules;
pub mod service;
pub mod signals;
pub mod submit;

/// A number of things: `1 rule`, `2 rules`, `0 rules`.
pub fn counted(count: impl std::fmt::Display + PartialEq + From<u8>, one: &str, many: &str) -> String {
    let what = if count == 1.into() { one } else { many };
    format!("{count} {what}")
}
