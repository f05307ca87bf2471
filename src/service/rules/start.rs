//! A process that cannot start with the rules there are, and one that can.

use earmark_journal::{ALERT_LOG, JournalError};

use super::files::{BadRules, blocking, read};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::rules::in_force::{self, Why};

/// That a process cannot start with rules counts for so long (a day), unless one starts there with good ones.
const NOT_STARTED_MS: i64 = 24 * 60 * 60 * 1000;

/// Raises the alert about rules with which this process cannot start; or keeps it, where one that ran has raised it before.
/// Nothing where it is not the rules.
///
/// # Errors
/// [`CommandError`] when the database fails.
pub async fn refuse_to_start(app: &App) -> Result<(), CommandError> {
    let sets = &app.rule_sets;
    let path = app.config.rules.path.clone();
    let (bad, why) = match (in_force::activated(sets).await?, path) {
        (Some((activation, sha256)), _) => {
            let Some(kept) = sets.get(&sha256).await? else { return Ok(()) };
            let Err(error) = in_force::compile(kept).await else { return Ok(()) };
            (BadRules { content_sha256: sha256, error }, Why::Activated(activation))
        }
        (None, Some(path)) => {
            let from = path.clone();
            let (_, Err(bad)) = blocking(move || read(&from)).await? else { return Ok(()) };
            (bad, Why::Configured(path))
        }
        (None, None) => return Ok(()),
    };
    let host = app.worker_info().host;
    let message = format!("rules ({why}) are refused on {host}, which does not start: {}", bad.summary());
    if sets.refuse(&starter(app), &bad.content_sha256, &message, NOT_STARTED_MS).await? {
        tracing::error!(target: ALERT_LOG, kind = "rules.refused", "alert: {message}");
    }
    Ok(())
}

/// This process has started with good rules: what one before it could not start with counts no more.
///
/// # Errors
/// [`JournalError`] when the database fails.
pub async fn started(app: &App) -> Result<(), JournalError> {
    app.rule_sets.clear_refusals(&starter(app)).await.map(drop)
}

/// Whoever starts on this machine with the same configured rules.
fn starter(app: &App) -> String {
    let path = app.config.rules.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    format!("start:{}/{path}", app.worker_info().host)
}
