//! `earmark migrate`

use super::outcome::Outcome;
use super::show;
use crate::config::CommandError;
use crate::desk::Desk;

/// Brings the database up to date and says where it stands.
pub async fn migrate(desk: &Desk) -> Result<Outcome, CommandError> {
    let migrated = desk.migrate().await?;
    show::line(&format!("{} is at schema version {}", migrated.place, migrated.version));
    Ok(Outcome::Done)
}
