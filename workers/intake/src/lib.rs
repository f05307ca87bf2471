//! One law of intake: whatever door a recording comes by, the same offer becomes the same job, or is refused with the
//! same code. Nothing here reads, waits or writes; a door hands in the one look at a local file.
//!
//! ```text
//! Redis entry · HTTP body · manifest line · word of the shell · object of a listing
//!        |
//!   offer     Offer, with texts as they came   -> earmark_core::NewJob
//!    |-- part      the files of a recording that is offered as a list of them
//!    |-- look      what the store calls the bytes there; which files a door's callers may ask for
//!    |-- place     its location: one spelling for each place, no relative path
//!    |-- checks    texts that cannot be stored, or are none; numbers: those that cannot be given back
//!    |-- speakers  who is heard on which channel; sound: how headerless sound is written down
//!    |-- limits    how long, large, urgent it may be
//!    `-- error     OfferError: why it is refused; the words and codes of every door
//!        ^
//!   before that, where a door looks for recordings itself, or is given many:
//!     selection  which files are recordings at all
//!     naming     what names and sidecars say of them
//!     legs       which files are legs of one call
//!     pattern    the patterns of these three
//!        |
//! journal: what only its transaction can tell (whose the key is, whether the rule set is kept)
//! ```

mod checks;
mod error;
mod legs;
mod limits;
mod look;
mod naming;
mod numbers;
mod offer;
mod part;
mod pattern;
mod place;
mod selection;
mod sound;
mod speakers;

pub use error::OfferError;
pub use legs::{Incomplete, Legs, Paired, Pairing, TwoKeys};
pub use limits::{MAX_KEY_BYTES, MAX_METADATA_BYTES, MAX_PARTS, PRIORITIES, PriorityError, checked_priority};
pub use look::{Look, Version};
pub use naming::{NamePattern, Named, SidecarField, SidecarName, Zone, facts};
pub use numbers::check_numbers;
pub use offer::Offer;
pub use part::OfferedPart;
pub use pattern::{Glob, PatternError};
pub use selection::{LeftOut, Selection};
pub use sound::OfferedSound;
pub use speakers::OfferedSpeakers;
