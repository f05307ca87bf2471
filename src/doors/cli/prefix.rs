//! Recordings under a prefix of a bucket, some at a time: a million of them take no more memory than a thousand.

use earmark_core::{Address, NewJob, RecordingUri};

use super::gather::Gatherer;
use super::offer::Usual;
use super::show;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::submit::{self, Listed, Listing, Offer};

/// Recordings offered at a time.
const BATCH: usize = 500;

/// A walk through the recordings under `s3://bucket/prefix`.
pub struct Prefix<'a> {
    gatherer: Gatherer<'a>,
    is_at_end: bool,
    uri: RecordingUri,
    bucket: String,
    listing: Listing,
    tenant: String,
    usual: Usual,
    found: u64,
    folders: u64,
    empty: u64,
}

impl<'a> Prefix<'a> {
    /// The walk's start; nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`CommandError`] when `uri` is no `s3://bucket/prefix`.
    pub fn open(
        desk: &Desk,
        gatherer: Gatherer<'a>,
        uri: &str,
        tenant: &str,
        usual: Usual,
    ) -> Result<Self, CommandError> {
        let place = uri.strip_prefix("s3://").map(|place| place.split_once('/').unwrap_or((place, "")));
        let Some((bucket, prefix)) = place.filter(|(bucket, _)| !bucket.is_empty()) else {
            return Err(CommandError::plain(
                format!("--prefix is `{}`", RecordingUri::from(uri)),
                Some("use s3://bucket/path/; a folder of this machine is given without --prefix"),
            ));
        };
        let listing = desk.listing(bucket, prefix);
        let (uri, bucket, tenant) = (uri.into(), bucket.into(), tenant.into());
        Ok(Self { gatherer, is_at_end: false, uri, bucket, listing, tenant, usual, found: 0, folders: 0, empty: 0 })
    }

    /// The next recordings, at most 500; none at the end.
    ///
    /// # Errors
    /// [`CommandError`] when the store does not answer, or there was none at all.
    pub async fn batch(&mut self) -> Result<Vec<NewJob>, CommandError> {
        let mut batch = Vec::with_capacity(BATCH);
        // A page may hold nothing but legs that wait for others.
        while batch.is_empty() && !self.is_at_end {
            let mut offers = Vec::with_capacity(BATCH);
            while offers.len() < BATCH {
                let Some(object) = self.listing.next().await? else {
                    self.is_at_end = true;
                    break;
                };
                offers.extend(self.offer(object));
            }
            let mut offers = self.gatherer.gather(offers).await?;
            if self.is_at_end {
                offers.extend(self.gatherer.rest()?);
            }
            batch.extend(offers.into_iter().filter_map(|offer| self.job(offer)));
        }
        self.found += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        if batch.is_empty() {
            self.end()?;
        }
        Ok(batch)
    }

    fn offer(&mut self, object: Listed) -> Option<Offer> {
        // Consoles make such objects to show a folder.
        if object.key.ends_with('/') {
            self.folders += 1;
            return None;
        }
        if !self.gatherer.takes(&object.key) {
            return None;
        }
        if object.size_bytes == 0 {
            self.empty += 1;
            return None;
        }
        let uri = format!("s3://{}/{}", self.bucket, object.key);
        let uri = RecordingUri::from(uri);
        if !matches!(uri.address(), Ok(Address::S3 { key, version: None, .. }) if key == object.key) {
            show::note(&format!("warning: {uri} is left out: its name cannot be told from another's"));
            return None;
        }
        Some(Offer { uri, version: object.entity_tag, ..Offer::default() })
    }

    fn job(&self, offer: Offer) -> Option<NewJob> {
        let uri = offer.shown().clone();
        match submit::job(self.usual.fill(offer, &self.tenant)) {
            Ok(job) => Some(job),
            Err(error) => {
                show::note(&format!("warning: {uri} is left out: {error}"));
                None
            }
        }
    }

    fn end(&self) -> Result<(), CommandError> {
        if self.empty > 0 {
            show::note(&format!("left out: {}", show::counted(self.empty, "empty object", "empty objects")));
        }
        if self.folders > 0 {
            let folders = show::counted(
                self.folders,
                "object that only stands for a folder",
                "objects that only stand for folders",
            );
            show::note(&format!("left out: {folders}"));
        }
        if self.found == 0 && self.gatherer.left_out() > 0 {
            return Err(CommandError::plain(
                format!("there is no recording under {}: all objects were left out", self.uri),
                Some("`--include` says what to take, the setting intake.exclude what not (docs/names.md)"),
            ));
        }
        if self.found == 0 {
            return Err(CommandError::plain(
                format!("there is no recording under {}", self.uri),
                Some("see what is there: `aws s3 ls --recursive` with the same URI"),
            ));
        }
        Ok(())
    }
}
