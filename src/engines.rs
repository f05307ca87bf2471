//! The engine built in, as it is configured.

use std::time::Duration;

use earmark_asr::local::{LocalEngine, LocalOptions};

use crate::app::settings;
use crate::config::CommandError;
use crate::config::Config;
use crate::config::locate;

/// The built-in engine; its process is started when there is something for it to do.
///
/// # Errors
/// [`CommandError`] naming the file that is missing.
pub fn built_in(config: &Config) -> Result<LocalEngine, CommandError> {
    let asr = &config.asr;
    let options = LocalOptions {
        model_path: locate::model(config)?,
        threads: settings::threads(config),
        batch: asr.batch,
        idle_unload: Duration::from_secs(asr.idle_unload_secs),
        deadline: Duration::from_secs(asr.engine_timeout_secs),
        memory_bytes: Some(asr.engine_memory_mb << 20).filter(|bytes| *bytes > 0),
        ..LocalOptions::new(locate::engine_program(config)?)
    };
    Ok(LocalEngine::new(options)?)
}
