//! Recordings that are offered, whoever offers them, and jobs taken in.

use std::time::Duration;

use earmark_core::NewJob;
use earmark_journal::JournalError;
use earmark_objects::known_version;

use super::Desk;
use crate::config::CommandError;

pub use earmark_intake::{Offer, OfferError, OfferedSound, OfferedSpeakers, checked_priority};
pub use earmark_journal::{Accepted, KeyNames};
pub use earmark_objects::{Listed, Listing};

/// How long the queue may take to be told of new jobs.
const DISPATCH: Duration = Duration::from_secs(2);

/// The job that `offer` is, the version of its bytes noted where it can be told from here: other bytes under the same
/// name are another job. Looks at the disk for a local file.
///
/// # Errors
/// [`OfferError`], every variant.
pub fn job(offer: Offer) -> Result<NewJob, OfferError> {
    offer.into_job(known_version)
}

impl Desk {
    /// Journals one job, or finds the one there is, on record under the name of `actor`.
    ///
    /// # Errors
    /// [`JournalError`] naming what is wrong with it, or when the database fails.
    pub async fn accept(&self, new: &NewJob, actor: &str) -> Result<Accepted, JournalError> {
        self.app.journal.accept(new, actor).await
    }

    /// Journals jobs, or finds those there are, in the order of `new`; then puts them before the workers at once, as far
    /// as there is room.
    ///
    /// # Errors
    /// [`JournalError`] naming what is wrong with one of them, or when the database fails.
    pub async fn accept_many(
        &self,
        new: &[NewJob],
        actor: &str,
    ) -> Result<Vec<Result<Accepted, KeyNames>>, JournalError> {
        let accepted = self.app.journal.accept_many(new, actor).await?;
        self.dispatch().await;
        Ok(accepted)
    }

    /// Where that fails the workers find the jobs themselves.
    async fn dispatch(&self) {
        let Some(broker) = &self.app.broker else { return };
        if let Ok(Err(error)) = tokio::time::timeout(DISPATCH, broker.dispatcher().fill_once()).await {
            tracing::debug!(%error, "could not put the jobs on the queue; the workers will");
        }
    }

    /// The hash of the kept rule set whose hash begins with `text`.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRuleSet`], [`JournalError::AmbiguousRuleSet`].
    pub async fn kept_rule_set(&self, text: &str) -> Result<String, JournalError> {
        Ok(self.app.rule_sets.find(text).await?.sha256)
    }

    /// Tells jobs that are offered from now on apart by the rules in force, too.
    ///
    /// # Errors
    /// [`CommandError`] naming file, line and column of what is wrong with them.
    pub async fn judge_by_rules_in_force(&self) -> Result<(), CommandError> {
        self.app.rules_in_force().await.map(drop)
    }

    /// What lies under a prefix of a bucket.
    pub fn listing(&self, bucket: &str, prefix: &str) -> Listing {
        self.app.listing(bucket, prefix)
    }
}
