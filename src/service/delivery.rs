//! Outcomes and alerts told to the configured receiver, from the outbox.

use earmark_notify::Delivery;

use crate::app::App;
use crate::config::CommandError;
use crate::desk::notice::say;

/// What tells the receiver; none where nobody is to be told. Warns of outcomes that go out unsigned.
///
/// # Errors
/// [`CommandError`] when HTTPS cannot be set up.
pub fn prepare(app: &App) -> Result<Option<Delivery>, CommandError> {
    let delivery = app.delivery()?;
    if delivery.is_some() && app.config.notify.secret.is_none() {
        say("warning: EARMARK__NOTIFY__SECRET is not set: outcomes are posted unsigned");
    }
    Ok(delivery)
}

/// Delivers for as long as it is asked; never returns where nobody is to be told.
pub async fn run(delivery: Option<&Delivery>) {
    match delivery {
        Some(delivery) => delivery.run().await,
        None => std::future::pending().await,
    }
}
