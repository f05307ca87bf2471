//! Words and phrases made ready for looking.

pub(crate) mod builder;
pub(crate) mod cell;
pub(crate) mod ellipsis;
pub(crate) mod known;
pub(crate) mod phrases;
