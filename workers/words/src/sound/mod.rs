//! How words sound, Chinese and English.

pub(crate) mod english;
pub(crate) mod fuzzy;
pub(crate) mod glances;
pub(crate) mod pairs;
pub(crate) mod readings;
