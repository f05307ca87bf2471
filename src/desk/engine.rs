//! The engine built in.

use crate::config::{CommandError, Config};
use crate::engines;

/// What the built-in engine computes with, in words; where that was not proved in these surroundings, it is proved first.
///
/// # Errors
/// [`CommandError`] when it does not work, or a file of it is missing.
pub async fn start_proved(config: &Config) -> Result<String, CommandError> {
    let engine = engines::built_in(config)?;
    let believed = tokio::task::spawn_blocking(move || engine.start_proved()).await;
    let choice = believed.map_err(|error| CommandError::internal(&error))??;
    Ok(choice.line())
}
