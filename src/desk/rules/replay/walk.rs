//! All stored reports through both rule sets, on all cores, in order, a page in memory at a time.

use std::sync::Arc;

use earmark_core::JobId;
use earmark_journal::{ReplayFilter, Replays, StoredReport};
use earmark_rules::replay::{Judged, Judges};
use futures::future::join_all;

use crate::config::{CommandError, cores};

/// Reports in memory at a time, beside as many that are being read.
const PAGE: u32 = 256;

/// Pieces of a page for each core: short calls must not wait for a long one.
const PIECES: usize = 4;

/// Whom a walk tells what it found.
pub(super) trait Listener {
    /// Hears of the jobs of a page, in order; those that could not be read come with the reason.
    ///
    /// # Errors
    /// [`CommandError`] ends the walk.
    async fn judged(&mut self, page: Vec<(JobId, Result<Judged, String>)>) -> Result<(), CommandError>;
}

/// Judges every report that `filter` lets through, by the time its job was done and then by id, and tells `listener`.
///
/// # Errors
/// [`CommandError`] when the database fails, or what `listener` says.
pub(super) async fn walk(
    replays: &Replays,
    judges: &Judges,
    filter: &ReplayFilter,
    listener: &mut impl Listener,
) -> Result<(), CommandError> {
    let mut left = if filter.limit == 0 { u64::MAX } else { filter.limit };
    let rows = |left: u64| u32::try_from(left.min(u64::from(PAGE))).unwrap_or(PAGE);
    let mut page = replays.page(filter, None, rows(left)).await?;
    while let Some(last) = page.last() {
        let after = (last.finished_at_ms, last.job_id.clone());
        left = left.saturating_sub(u64::try_from(page.len()).unwrap_or(u64::MAX));
        let next =
            async { if left == 0 { Ok(Vec::new()) } else { replays.page(filter, Some(&after), rows(left)).await } };
        let (judged, next) = tokio::join!(judge(judges, page), next);
        listener.judged(judged?).await?;
        page = next?;
    }
    Ok(())
}

/// A page through both rule sets, in its order.
async fn judge(judges: &Judges, page: Vec<StoredReport>) -> Result<Vec<(JobId, Result<Judged, String>)>, CommandError> {
    let size = page.len().div_ceil(cores() * PIECES).max(1);
    let page = Arc::new(page);
    let pieces = (0..page.len()).step_by(size).map(|first| {
        let (judges, page) = (judges.clone(), page.clone());
        tokio::task::spawn_blocking(move || {
            let reports = page[first..].iter().take(size);
            let judge = |report: &StoredReport| judges.judge(&report.job_id, report.finished_at_ms, &report.text);
            reports.map(|report| (report.job_id.clone(), judge(report))).collect::<Vec<_>>()
        })
    });
    let mut judged = Vec::with_capacity(page.len());
    for piece in join_all(pieces).await {
        judged.extend(piece.map_err(|error| CommandError::internal(&error))?);
    }
    Ok(judged)
}
