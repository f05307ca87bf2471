//! `earmark engine`: has the built-in engine prove itself. For the set-up; people ask `earmark doctor`.

use super::{Outcome, show};
use crate::config::CommandError;
use crate::config::Config;
use crate::engines;

/// Says what the built-in engine computes with; where that was not proved in these surroundings, it is proved first.
pub async fn engine(config: Config) -> Result<Outcome, CommandError> {
    let engine = engines::built_in(&config)?;
    let believed = tokio::task::spawn_blocking(move || engine.start_proved()).await;
    let choice = believed.map_err(|error| CommandError::internal(&error))??;
    show::note(&format!("the built-in engine {}", choice.line()));
    Ok(Outcome::Done)
}
