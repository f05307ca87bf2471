//! Artifacts that no job names, swept once a day.

use std::time::Duration;

use crate::app::App;

/// How often a worker looks for orphans.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Sweeps once a day, at a time of day of this process's own; never returns.
pub async fn daily(app: &App) {
    let mut wait = SWEEP_EVERY.mul_f64(fastrand::f64());
    loop {
        tokio::time::sleep(wait).await;
        wait = SWEEP_EVERY;
        match app.sweep_orphans(false, false).await {
            Ok(Some(report)) if report.orphans > 0 => {
                tracing::info!(
                    orphans = report.orphans,
                    bytes = report.orphaned_bytes,
                    "removed artifacts that no job names"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "could not look for artifacts that no job names"),
        }
    }
}
