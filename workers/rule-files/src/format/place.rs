//! Where in its file something is written.

use serde_saphyr::{Location, Spanned};

/// A list of texts with the place of each.
pub type Texts = Spanned<Vec<Spanned<String>>>;

/// Line and column of `location`, from 1.
pub fn place(location: Location) -> (u64, u64) {
    (location.line().max(1), location.column().max(1))
}
