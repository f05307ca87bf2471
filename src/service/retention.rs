//! Tidying up once an hour: what has had its time goes.

use std::time::Duration;

use earmark_journal::RetentionReport;

use crate::app::App;
use crate::desk::retention::now;

/// How often a worker looks.
const EVERY: Duration = Duration::from_secs(3600);

/// The same once an hour, for as long as it is asked.
pub async fn hourly(app: &App) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match now(app).await {
            Ok(report) if report == RetentionReport::default() => {}
            Ok(report) => tracing::info!(?report, "removed what had its time"),
            Err(error) => tracing::warn!(%error, "could not remove what has had its time"),
        }
    }
}
