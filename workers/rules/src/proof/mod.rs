//! What shows that rules do what they are meant to.

pub(crate) mod examples;
pub(crate) mod lint;
