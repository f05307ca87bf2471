//! What speech adds to words, taken away again.

pub(crate) mod changes;
pub(crate) mod originals;
pub(crate) mod reading;
pub(crate) mod spelling;
