//! A database's URL: the options in it, and how it is shown.

use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;

use super::postgres;
use crate::JournalError;

/// The options in `url`, without a log line for each statement.
///
/// # Errors
/// [`JournalError::UnknownDatabase`] when no driver reads it.
pub(super) fn plain_options(url: &str) -> Result<AnyConnectOptions, JournalError> {
    let options: Result<AnyConnectOptions, _> = url.parse();
    options
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|_| JournalError::UnknownDatabase(without_password(url)))
}

/// `url` as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    if let Some(place) = postgres::place_of(url) {
        return place;
    }
    match ::url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => match parsed.set_password(Some("…")) {
            Ok(()) => parsed.to_string(),
            Err(()) => parsed.scheme().to_owned(),
        },
        // What cannot be read may hold a password all the same.
        Err(_) if url.contains('@') => url.split_once(':').map_or("", |(scheme, _)| scheme).to_owned() + ":…",
        Ok(_) | Err(_) => url.into(),
    }
}
