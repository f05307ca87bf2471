//! What has had its time.

use earmark_journal::{JournalError, Retention, RetentionReport, RetentionTimes};

use super::Desk;
use super::views::RetentionView;
use crate::app::App;

/// Removes what has had its time.
///
/// # Errors
/// [`JournalError`] when the database fails; what was removed before stays so.
pub(crate) async fn now(app: &App) -> Result<RetentionReport, JournalError> {
    let mut artifacts = 0_u64;
    let mut gone = |_: &str| artifacts += 1;
    let report = Retention::new(app.database.clone()).run(&keep(app), &mut gone).await?;
    if artifacts > 0 {
        tracing::info!(artifacts, "artifacts of removed jobs are named by none any more");
    }
    Ok(report)
}

/// How long things are kept, as it is configured.
fn keep(app: &App) -> RetentionTimes {
    let days = &app.config.retention;
    RetentionTimes {
        clips_days: days.clips_days,
        messages_days: days.messages_days,
        waits_for_delivery: app.config.notify.url.is_some(),
        waits_for_announcement: app.config.queue.is_redis(),
        usage_days: days.usage_days,
        workers_days: days.workers_days,
        jobs_days: days.jobs_days,
    }
}

impl Desk {
    /// Removes what has had its time, or with `is_dry_run` only counts it.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; what was removed before stays so.
    pub async fn retention(&self, is_dry_run: bool) -> Result<RetentionView, JournalError> {
        let report = match is_dry_run {
            true => Retention::new(self.app.database.clone()).preview(&keep(&self.app)).await?,
            false => now(&self.app).await?,
        };
        Ok(RetentionView::from(report))
    }
}
