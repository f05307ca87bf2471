//! Recordings that are offered, whoever offers them: the law of intake, with a look at the files of this machine.

use earmark_core::NewJob;
use earmark_intake::{Offer, OfferError};
use earmark_objects::known_version;

/// The job that `offer` is, the version of its bytes noted where it can be told from here: other bytes under the same
/// name are another job. Looks at the disk for a local file.
///
/// # Errors
/// [`OfferError`], every variant.
pub fn job(offer: Offer) -> Result<NewJob, OfferError> {
    offer.into_job(known_version)
}
