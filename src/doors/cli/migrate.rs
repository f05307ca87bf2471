//! `earmark migrate`

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;

/// Brings the database up to date (opening it has done so already) and says where it stands.
pub async fn migrate(app: &App) -> Result<Outcome, CommandError> {
    let report = app.database.migrate().await?;
    show::line(&format!("{} is at schema version {}", app.database.place(), report.to));
    Ok(Outcome::Done)
}
