//! An eye on the queue as a whole: every process looks, so that it is told, too, that none is left which works.

use std::time::Duration;

use earmark_core::{Failure, Repeats};
use earmark_journal::ALERT_LOG;

use crate::app::App;

/// How often each process looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks at a moment of this process's own, and then again and again; never returns.
pub async fn watch(app: &App) {
    let mut watch = app.watch();
    let looking = Repeats::default();
    tokio::time::sleep(LOOK_EVERY.mul_f64(fastrand::f64())).await;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match watch.look().await {
            Ok(report) => {
                if let Some(over) = looking.worked() {
                    tracing::info!("looked after the queue again{over}");
                }
                for alert in report.raised {
                    tracing::error!(target: ALERT_LOG, kind = %alert.kind, "alert: {}", alert.message);
                }
                for (kind, cause) in report.closed {
                    tracing::info!(target: ALERT_LOG, kind, "alert closed: {cause}");
                }
            }
            Err(error) => {
                if let Some(again) = looking.failed(error.code()) {
                    tracing::warn!(%error, "could not look after the queue{again}");
                }
            }
        }
    }
}
