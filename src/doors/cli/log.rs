//! Logs, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{CommandError, Log, LogFormat};
use crate::desk::notice;

/// Libraries that may print a request, its address and what that holds: never in more detail than this, whatever the
/// settings ask for.
const DISCREET: &str = "hyper=info,hyper_util=info,h2=info,reqwest=info,tower_http=info";

/// Starts logging as the settings say, without what `silenced` (a filter or nothing) leaves out.
pub fn start(log: &Log, silenced: &str) -> Result<(), CommandError> {
    let filter = EnvFilter::try_new(format!("{},{DISCREET},{silenced}", log.level)).map_err(|error| {
        CommandError::plain(
            format!("EARMARK__LOG__LEVEL is `{}`: {error}", log.level),
            Some("use error, warn, info, debug, or a filter such as earmark_pipeline=debug,info"),
        )
    })?;
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    if log.format == LogFormat::Json {
        notice::speak_json();
    }
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| CommandError::internal(&error))?;
    // A panic in a stage becomes an error of its job; the log gets the place, nobody's terminal gets a backtrace.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}
