//! How a part of a recording is written.

use serde::Deserialize;
use serde_saphyr::Spanned;

fields!(
    WithinText {} {
        first_secs: Spanned<u32>,
        last_secs: Spanned<u32>,
        first_turns: Spanned<u32>,
        last_turns: Spanned<u32>,
        first_percent: Spanned<u32>,
        last_percent: Spanned<u32>,
        from_secs: Spanned<u32>,
        to_secs: Spanned<u32>,
    }
);
