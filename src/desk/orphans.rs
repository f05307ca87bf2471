//! Orphans: objects that were written and that no finished job names, because their worker died in between or wrote
//! another report later. They harm nobody and cost a little.

use earmark_core::JobId;
use earmark_journal::{Journal, JournalError, ResultStore};
use earmark_objects::S3Artifacts;

use super::Desk;
use super::views::SweepView;
use crate::app::App;
use crate::config::{CommandError, Output};

/// A digest in hex.
const SHA256_DIGITS: usize = 64;

/// What a sweep of a bucket saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrphanReport {
    /// Artifacts that are there.
    pub seen: u64,
    /// Of these, named by no job: removed, or to be removed.
    pub orphans: u64,
    /// The orphans' size.
    pub orphaned_bytes: u64,
    /// Artifacts of jobs that the database does not know.
    pub unknown: u64,
    /// Objects under the prefix that are no artifacts of ours; left alone.
    pub foreign: u64,
}

/// A walk through all artifacts in a bucket.
pub struct OrphanSweep<'a> {
    /// Where they lie.
    pub artifacts: &'a S3Artifacts,
    /// Which jobs there are.
    pub journal: &'a Journal,
    /// What they name.
    pub results: &'a dyn ResultStore,
    /// What was written later than this is left alone: its job may be about to name it.
    pub written_before_ms: i64,
    /// Whether artifacts of jobs that the database does not know are orphans too. They may be another database's.
    pub takes_unknown: bool,
    /// Whether nothing is removed.
    pub is_dry: bool,
}

impl OrphanSweep<'_> {
    /// Removes the orphans. Safe to run anywhere, any number at a time; a bucket's prefix belongs to one database.
    ///
    /// # Errors
    /// [`CommandError`] when the database or the bucket fails; what was removed until then is removed.
    pub async fn run(&self) -> Result<OrphanReport, CommandError> {
        let mut report = OrphanReport::default();
        let mut listing = self.artifacts.listing();
        // Artifacts of a job stand side by side: each job is looked up once.
        let mut current: Option<(JobId, Named)> = None;
        loop {
            let next = listing.next().await;
            let next = next.map_err(|source| self.artifacts.failed(self.artifacts.prefix(), source))?;
            let Some(object) = next else { return Ok(report) };
            let Some(job) = job_of(&object.key, self.artifacts.prefix()) else {
                report.foreign += 1;
                continue;
            };
            report.seen += 1;
            if object.modified_ms > self.written_before_ms {
                continue;
            }
            if current.as_ref().is_none_or(|(looked_up, _)| *looked_up != job) {
                let named = self.named(&job).await?;
                current = Some((job, named));
            }
            let uri = self.artifacts.uri(&object.key);
            match &current {
                Some((_, Named::These(uris))) if !uris.contains(&uri) => {}
                Some((_, Named::Unknown)) => {
                    report.unknown += 1;
                    if !self.takes_unknown {
                        continue;
                    }
                }
                Some((_, Named::All | Named::These(_))) | None => continue,
            }
            report.orphans += 1;
            report.orphaned_bytes += object.size_bytes;
            if !self.is_dry {
                self.artifacts.remove(&object.key).await?;
                tracing::debug!(uri, "removed an artifact that no job names");
            }
        }
    }

    async fn named(&self, job: &JobId) -> Result<Named, JournalError> {
        match self.journal.get(job).await {
            Ok(job) if !job.state.is_final() => return Ok(Named::All),
            Ok(_) => {}
            Err(JournalError::NoSuchJob(_)) => return Ok(Named::Unknown),
            Err(error) => return Err(error),
        }
        let artifacts = self.results.artifacts(job).await?;
        Ok(Named::These(artifacts.into_iter().map(|artifact| artifact.uri).collect()))
    }
}

impl App {
    /// Removes artifacts in the bucket that no job names, or only counts them; none where the output is a folder. Those of
    /// jobs that the database does not know are among them only when asked for.
    ///
    /// # Errors
    /// [`CommandError`] when the database or the bucket fails.
    pub(crate) async fn sweep_orphans(
        &self,
        is_dry: bool,
        takes_unknown: bool,
    ) -> Result<Option<OrphanReport>, CommandError> {
        let Output::S3 { bucket, prefix } = &self.config.storage.output else { return Ok(None) };
        let artifacts = self.s3_artifacts(bucket, prefix);
        let age_ms = i64::try_from(self.config.storage.orphan_age_secs * 1000).unwrap_or(i64::MAX);
        let sweep = OrphanSweep {
            artifacts: &artifacts,
            journal: &self.journal,
            results: self.results.as_ref(),
            written_before_ms: self.clock.now_ms().saturating_sub(age_ms),
            takes_unknown,
            is_dry,
        };
        sweep.run().await.map(Some)
    }
}

impl Desk {
    /// Removes artifacts in the output's bucket that no job names, or with `is_dry_run` only counts them; none where the
    /// output is a folder. With `takes_unknown` also those of jobs that the database does not know.
    ///
    /// # Errors
    /// [`CommandError`] when the database or the bucket fails.
    pub async fn sweep(&self, is_dry_run: bool, takes_unknown: bool) -> Result<Option<SweepView>, CommandError> {
        let report = self.app.sweep_orphans(is_dry_run, takes_unknown).await?;
        Ok(report.map(|report| {
            let OrphanReport { seen, orphans, orphaned_bytes, unknown, foreign } = report;
            SweepView { artifacts: seen, orphans, orphaned_bytes, unknown, foreign, is_dry_run }
        }))
    }
}

/// What a job names.
enum Named {
    /// It is under way and may yet name anything.
    All,
    These(Vec<String>),
    /// There is no such job.
    Unknown,
}

/// The job in `{prefix}{tenant}/{job_id}/{stem}.{sha256}.{extension}`; none for any other name.
fn job_of(key: &str, prefix: &str) -> Option<JobId> {
    let mut parts = key.strip_prefix(prefix)?.split('/');
    let (_tenant, job, name, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let is_hashed =
        name.split('.').any(|part| part.len() == SHA256_DIGITS && part.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if end.is_some() || !is_hashed { None } else { JobId::parse(job).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_earmark_gives_are_its_artifacts() {
        let job = JobId::at(1_760_000_000_000);
        let hash = "ab".repeat(32);
        let ours = format!("out/t/{job}/report.{hash}.json");
        assert_eq!(job_of(&ours, "out/"), Some(job.clone()));
        for other in [
            format!("out/t/{job}/report.json"),
            format!("out/t/{job}/more/report.{hash}.json"),
            format!("out/t/nobody/report.{hash}.json"),
            format!("else/t/{job}/report.{hash}.json"),
            "out/readme.txt".into(),
        ] {
            assert_eq!(job_of(&other, "out/"), None, "{other}");
        }
    }
}
