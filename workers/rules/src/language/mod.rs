//! Rules: as they are read from their files, checked, and compiled.

pub(crate) mod check;
pub(crate) mod compiled;
pub(crate) mod condition;
pub(crate) mod field_test;
pub(crate) mod rule;
pub(crate) mod starter;
pub(crate) mod term_scope;
pub(crate) mod voice;
