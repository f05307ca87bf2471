//! A database's URL: the options in it.

use earmark_core::shown_database;
use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;

use crate::JournalError;

/// The options in `url`, without a log line for each statement.
///
/// # Errors
/// [`JournalError::UnknownDatabase`] when no driver reads it.
pub(super) fn plain_options(url: &str) -> Result<AnyConnectOptions, JournalError> {
    let options: Result<AnyConnectOptions, _> = url.parse();
    options
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|_| JournalError::UnknownDatabase(shown_database(url)))
}
