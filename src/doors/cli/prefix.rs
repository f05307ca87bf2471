//! Recordings under a prefix of a bucket, some at a time: a million of them take no more memory than a thousand.

use earmark_core::{Address, NewJob, RecordingUri};

use super::offer::Usual;
use super::show;
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::submit::{self, Listed, Listing, Offer};

/// Recordings offered at a time.
const BATCH: usize = 500;

/// A walk through the recordings under `s3://bucket/prefix`.
pub struct Prefix {
    uri: RecordingUri,
    bucket: String,
    listing: Listing,
    tenant: String,
    usual: Usual,
    found: u64,
    folders: u64,
    empty: u64,
}

impl Prefix {
    /// The walk's start; nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`CommandError`] when `uri` is no `s3://bucket/prefix`.
    pub fn open(desk: &Desk, uri: &str, tenant: &str, usual: Usual) -> Result<Self, CommandError> {
        let place = uri.strip_prefix("s3://").map(|place| place.split_once('/').unwrap_or((place, "")));
        let Some((bucket, prefix)) = place.filter(|(bucket, _)| !bucket.is_empty()) else {
            return Err(CommandError::plain(
                format!("--prefix is `{}`", RecordingUri::from(uri)),
                Some("use s3://bucket/path/; a folder of this machine is given as FOLDER/*"),
            ));
        };
        let listing = desk.listing(bucket, prefix);
        let (uri, bucket, tenant) = (uri.into(), bucket.into(), tenant.into());
        Ok(Self { uri, bucket, listing, tenant, usual, found: 0, folders: 0, empty: 0 })
    }

    /// The next recordings, at most 500; none at the end.
    ///
    /// # Errors
    /// [`CommandError`] when the store does not answer, or there was none at all.
    pub async fn batch(&mut self) -> Result<Vec<NewJob>, CommandError> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some(object) = self.listing.next().await? else { break };
            batch.extend(self.job(object));
        }
        self.found += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        if batch.is_empty() {
            self.end()?;
        }
        Ok(batch)
    }

    fn job(&mut self, object: Listed) -> Option<NewJob> {
        // Consoles make such objects to show a folder.
        if object.key.ends_with('/') {
            self.folders += 1;
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
        let offer = Offer { uri: uri.clone(), version: object.entity_tag, ..Offer::default() };
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
        if self.found == 0 {
            return Err(CommandError::plain(
                format!("there is no recording under {}", self.uri),
                Some("see what is there: `aws s3 ls --recursive` with the same URI"),
            ));
        }
        Ok(())
    }
}
