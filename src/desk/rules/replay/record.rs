//! Replays on record.

use earmark_journal::{JournalError, Replays};
use earmark_rules::replay::{JobDifference, Summary};

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::ReplayView;

/// Lines read at a time.
const PAGE: u32 = 500;

impl Desk {
    /// The replays on record, the newest first, at most `limit`; and whether there are others.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn replays(&self, limit: u32) -> Result<(Vec<ReplayView>, bool), JournalError> {
        let mut stored = Replays::new(self.app.database.clone()).list(limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = stored.len() > limit;
        stored.truncate(limit);
        Ok((stored.into_iter().map(ReplayView::from).collect(), has_more))
    }

    /// Shows what an earlier replay found different to `seen`, each beside its line as JSON, and gives its summary; none
    /// where it has not ended, or was cut short.
    ///
    /// # Errors
    /// [`JournalError::NoSuchReplay`], or [`CommandError`] when a line cannot be read.
    pub async fn replay_again(
        &self,
        id: &str,
        mut seen: impl FnMut(&JobDifference, &str),
    ) -> Result<Option<Summary>, CommandError> {
        let replays = Replays::new(self.app.database.clone());
        let stored = replays.get(id).await?;
        let unreadable = |error: serde_json::Error| CommandError::internal(&error);
        let mut after = 0;
        loop {
            let lines = replays.lines(id, after, PAGE).await?;
            let Some((last, _)) = lines.last() else { break };
            after = *last;
            for (_, line) in &lines {
                seen(&serde_json::from_str(line).map_err(unreadable)?, line);
            }
        }
        stored.summary.map(|summary| serde_json::from_str(&summary).map_err(unreadable)).transpose()
    }
}
