//! `earmark engine`: has the built-in engine prove itself. For the set-up; people ask `earmark doctor`.

use super::outcome::Outcome;
use super::show;
use crate::config::{CommandError, Config};
use crate::desk::engine::start_proved;

/// Says what the built-in engine computes with; where that was not proved in these surroundings, it is proved first.
pub async fn engine(config: Config) -> Result<Outcome, CommandError> {
    show::note(&format!("the built-in engine {}", start_proved(&config).await?));
    Ok(Outcome::Done)
}
