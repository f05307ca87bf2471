//! The engine built in, as it is configured.

use std::time::Duration;

use earmark_asr::local::{LocalEngine, LocalOptions};

use crate::complaint::Complaint;
use crate::config::Config;
use crate::{places, settings};

/// The built-in engine; its process is started when there is something for it to do.
///
/// # Errors
/// [`Complaint`] naming the file that is missing.
pub fn built_in(config: &Config) -> Result<LocalEngine, Complaint> {
    let asr = &config.asr;
    let options = LocalOptions {
        model_path: places::model(config)?,
        threads: settings::threads(config),
        batch: asr.batch,
        idle_unload: Duration::from_secs(asr.idle_unload_secs),
        deadline: Duration::from_secs(asr.engine_timeout_secs),
        memory_bytes: Some(asr.engine_memory_mb << 20).filter(|bytes| *bytes > 0),
        ..LocalOptions::new(places::engine_program(config)?)
    };
    Ok(LocalEngine::new(options)?)
}
