//! How words sound, Chinese and English.

pub(crate) mod english;
pub(crate) mod fuzzy;
pub(crate) mod pairs;
pub(crate) mod readings;
pub(crate) mod voices;
