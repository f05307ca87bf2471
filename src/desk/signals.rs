//! Being told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns at SIGTERM or SIGINT.
pub async fn stop_signal() {
    Signals::listen().next().await;
}

/// SIGTERM and SIGINT since [`Signals::listen`]; none where they cannot be heard, they end the process by themselves.
pub struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Hears them from now on.
    pub fn listen() -> Self {
        Self(signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?))).ok())
    }

    /// Returns at the next of them.
    pub async fn next(&mut self) {
        let Some((terminate, interrupt)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
