//! One law of intake: whatever door a recording comes by, the same offer becomes the same job, or is refused with the
//! same code. Nothing here reads, waits or writes; a door hands in the one look at a local file.
//!
//! ```text
//! Redis entry · HTTP body · manifest line · word of the shell · object of a listing
//!        |
//!   offer     Offer, with texts as they came   -> earmark_core::NewJob
//!    |-- place     its location: one spelling for each place, no relative path
//!    |-- checks    texts that cannot be stored, or are none
//!    |-- speakers  who is heard on which channel; sound: how headerless sound is written down
//!    |-- limits    how long, large, urgent it may be
//!    `-- error     OfferError: why it is refused; the words and codes of every door
//!        |
//! journal: what only its transaction can tell (whose the key is, whether the rule set is kept)
//! ```

mod checks;
mod error;
mod limits;
mod offer;
mod place;
mod sound;
mod speakers;

pub use error::OfferError;
pub use limits::{MAX_KEY_BYTES, MAX_METADATA_BYTES, PRIORITIES, PriorityError, checked_priority};
pub use offer::{Look, Offer};
pub use sound::OfferedSound;
pub use speakers::OfferedSpeakers;
