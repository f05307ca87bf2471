//! Text in, findings out.
