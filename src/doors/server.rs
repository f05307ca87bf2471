//! The doors that answer HTTP, at one address.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::callers::Callers;
use super::http::listen;
use super::{http, transcriptions};
use crate::config::CommandError;
use crate::desk::transcribe::Accounts;
use crate::desk::{Desk, notice};

/// Serves until `stop` is cancelled; requests under way are answered if they end within the configured grace.
///
/// # Errors
/// [`CommandError`] when the address cannot be had, or is open to others while no keys are configured.
pub async fn serve(desk: &Desk, accounts: &Accounts, stop: CancellationToken) -> Result<(), CommandError> {
    let http = &desk.config().http;
    if http.api_keys.is_empty() && !http.listen.ip().is_loopback() {
        let message =
            format!("EARMARK__HTTP__LISTEN is `{}`, open to other machines, and there is no API key", http.listen);
        return Err(CommandError::plain(
            message,
            Some("set EARMARK__HTTP__API_KEYS (name=key@tier), or listen on 127.0.0.1"),
        ));
    }
    let unavailable = |error: std::io::Error| {
        CommandError::plain(
            format!("cannot listen on {}: {error}", http.listen),
            Some("another program may have the port; set EARMARK__HTTP__LISTEN"),
        )
    };
    let listener = tokio::net::TcpListener::bind(http.listen).await.map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;
    let callers = Arc::new(Callers::new(&http.api_keys, accounts.usual.permits.limit()));
    let routes = http::routes(desk, accounts, callers.clone());
    let service = transcriptions::Service::new(callers.clone(), desk.transcriptions(accounts)?, desk.clock());
    let routes = routes.merge(transcriptions::routes(service));
    notice::say(&format!("listening on http://{address}"));
    let grace = Duration::from_secs(desk.config().worker.grace_secs);
    listen::serve(listener, &routes, &stop, grace).await;
    Ok(())
}
