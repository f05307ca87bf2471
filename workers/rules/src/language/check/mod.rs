//! From what is written in the files to rules that can be compiled; every mistake is noted.

mod checker;
mod condition;
mod fields;
pub(crate) mod files;
mod list;
mod rule;
mod scope;
mod term;
mod unfit;
mod voice;
mod window;
