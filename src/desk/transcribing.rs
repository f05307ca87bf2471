//! What the doors that transcribe while someone waits are given.

use std::sync::Arc;

use earmark_core::Clock;

use super::Desk;
use crate::app::settings;
use crate::config::CommandError;

pub use earmark_pipeline::{Accounts, Settings};

impl Desk {
    /// How recordings are decoded, cut and transcribed.
    ///
    /// # Errors
    /// [`CommandError`] when there is no folder for temporary files.
    pub fn transcribing(&self) -> Result<Settings, CommandError> {
        settings::pipeline(self.config())
    }

    /// What time it is.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.app.clock.clone()
    }
}
