//! Recordings that are offered, whoever offers them, and jobs taken in.

use std::time::Duration;

use earmark_core::{Failure, NewJob, Problem, RecordingUri};
use earmark_journal::JournalError;
use earmark_objects::{FetchError, FetchLimits, RecordingStore as _, known_version};

use super::Desk;
use crate::config::CommandError;

pub use earmark_intake::{
    Glob, LeftOut, Legs, Look, NamePattern, Offer, OfferError, OfferedPart, OfferedSound, OfferedSpeakers, Paired,
    Pairing, Selection, SidecarField, SidecarName, TwoKeys, Zone, check_numbers, checked_priority, facts,
};
pub use earmark_journal::{Accepted, KeyNames};
pub use earmark_objects::{Listed, Listing};

/// How long the queue may take to be told of new jobs.
const DISPATCH: Duration = Duration::from_secs(2);

/// Largest file that describes a recording, and the longest wait for it.
const MAX_SMALL_BYTES: u64 = 1 << 20;
const SMALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The job that `offer` of the user whom this program runs as is, the version of its bytes noted where it can be told from
/// here: other bytes under the same name are another job. Looks at the disk for a local file, wherever it lies.
///
/// # Errors
/// [`OfferError`], every variant.
pub fn job(offer: Offer) -> Result<NewJob, OfferError> {
    offer.into_job(&Look::anywhere(known_version))
}

/// The job that `offer` is, as [`job`] has it, of somebody who may see no more than `look`.
///
/// # Errors
/// [`OfferError`], every variant.
pub fn job_of_another(offer: Offer, look: &Look) -> Result<NewJob, OfferError> {
    offer.into_job(look)
}

impl Desk {
    /// What those who ask over HTTP may have seen of recordings: files of this machine only in the folders that are set up
    /// for them, unless nobody from elsewhere can ask.
    pub fn look_of_others(&self) -> Look {
        self.app.look_of_http()
    }

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

    /// The bytes of the small file at `uri`, for what describes a recording beside it.
    ///
    /// # Errors
    /// Why they cannot be had, without secrets.
    pub async fn small_file(&self, uri: &RecordingUri) -> Result<Vec<u8>, Problem> {
        let settings = self.app.pipeline_settings().map_err(|error| error.problem)?;
        let limits = FetchLimits { max_bytes: MAX_SMALL_BYTES, timeout: SMALL_TIMEOUT, ..settings.fetch };
        let address = uri.address().map_err(|error| FetchError::from(error).problem())?;
        let fetched = self.app.recordings().fetch(&address, &settings.temp_dir, &limits).await;
        let fetched = fetched.map_err(|error| error.problem())?;
        // At most a mebibyte, from this machine's disk.
        let read = std::fs::read(fetched.path());
        read.map_err(|source| FetchError::Read { path: fetched.path().into(), source }.problem())
    }

    /// What lies under a prefix of a bucket.
    pub fn listing(&self, bucket: &str, prefix: &str) -> Listing {
        self.app.listing(bucket, prefix)
    }
}
