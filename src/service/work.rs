//! The half that works: a worker on the queue, and what is done beside it.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::WorkerId;
use earmark_pipeline::{NoProgress, ProviderAccounts, RuleBook};
use earmark_queue::WorkerEnd;
use tokio_util::sync::CancellationToken;

use super::{retention, sweeping};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::counted;
use crate::desk::notice::say;

/// How long it may take to write down that this worker has stopped; where it cannot be, its silence tells the same.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Works on queued jobs until `stop`, or until one hangs; sweeps and tidies meanwhile.
///
/// # Errors
/// [`CommandError`] when the database fails, or something that the pipeline needs is not there.
pub async fn work(
    app: &App,
    accounts: &ProviderAccounts,
    book: Arc<RuleBook>,
    stop: CancellationToken,
) -> Result<WorkerEnd, CommandError> {
    let pipeline = app.pipeline_with(accounts.clone(), book, Arc::new(NoProgress))?;
    let worker = WorkerId::fresh();
    let lock = app.journal.register_worker(&worker, &app.worker_info()).await?;
    // Whatever a killed worker of this machine held is free at once, not after its lease.
    let recovered = app.journal.recover().await?;
    if !recovered.is_empty() {
        say(&format!("took {} back from workers that had died", counted(recovered.freed.len(), "job", "jobs")));
    }
    // The budget may have been raised since; whoever is still over it waits again.
    app.journal.wake("budget.spent").await?;
    say(&format!("working: {} at a time", counted(app.slots(), "recording", "recordings")));
    let running = app.worker(&worker, app.attempts(pipeline));
    let ended = tokio::select! {
        ended = running.run(stop.clone()) => ended,
        () = sweeping::daily(app) => WorkerEnd::Stopped,
        () = retention::hourly(app) => WorkerEnd::Stopped,
    };
    if ended == WorkerEnd::Hung {
        say("a job hangs here: this process replaces itself");
        stop.cancel();
    }
    match tokio::time::timeout(LAST_WORD, app.journal.worker_stopped(&worker)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "could not write down that this worker has stopped"),
        Err(_) => tracing::warn!("could not write down that this worker has stopped: the database does not answer"),
    }
    drop(lock);
    Ok(ended)
}
