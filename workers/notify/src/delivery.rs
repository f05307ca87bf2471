//! The outbox emptied, message by message.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Clock, Failure, Repeats};
use earmark_journal::{JournalError, Message, Outbox};

use crate::{Notifier, NotifyError};

/// Messages taken at a time.
const BATCH: u32 = 20;
/// How long a batch is ours; longer than posting it one by one may take.
const CLAIM_MS: i64 = 15 * 60 * 1000;
/// Wait after the first failure; doubled with each further one.
const FIRST_WAIT_MS: i64 = 5_000;
/// No wait is longer.
const LONGEST_WAIT_MS: i64 = 6 * 60 * 60 * 1000;
/// After this many tries (more than three days) nobody will come for it; `job.done` stays in the database all the same.
const MAX_ATTEMPTS: u32 = 25;
/// What nobody tried to deliver for so long is no news: about as long as a receiver may be away.
const STALE_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Empties an outbox to a receiver.
pub struct Delivery {
    /// Where messages are.
    pub outbox: Outbox,
    /// Where they go.
    pub notifier: Arc<dyn Notifier>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How often to look.
    pub poll: Duration,
}

impl Delivery {
    /// Delivers what is due, again and again, until dropped. What was never tried within three days is given up first: it
    /// was written while there was no receiver, and one that is new wants to hear what happens now.
    pub async fn run(&self) {
        match self.give_up_stale().await {
            Ok(0) => {}
            Ok(messages) => tracing::warn!(messages, "gave up messages older than three days: there was no receiver"),
            Err(error) => tracing::warn!(%error, "could not give up messages that are no news"),
        }
        let (reading, telling) = (Repeats::default(), Repeats::default());
        let mut ticks = tokio::time::interval(self.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.deliver_what_is_due(&telling).await {
                Ok(_) => {
                    if let Some(over) = reading.worked() {
                        tracing::info!("read the outbox again{over}");
                    }
                }
                Err(error) => {
                    if let Some(again) = reading.failed(error.code()) {
                        tracing::warn!(%error, "could not read the outbox{again}");
                    }
                }
            }
        }
    }

    /// Gives up what was written more than three days ago and never tried; says how many messages.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn give_up_stale(&self) -> Result<u64, JournalError> {
        self.outbox.give_up_untried(STALE_MS).await
    }

    /// Delivers what is due now; says how many messages arrived.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails; whatever was not reported comes again.
    pub async fn deliver_due(&self) -> Result<u32, JournalError> {
        self.deliver_what_is_due(&Repeats::default()).await
    }

    /// The same; `telling` knows how it went before.
    async fn deliver_what_is_due(&self, telling: &Repeats) -> Result<u32, JournalError> {
        let mut arrived = 0;
        if self.clock.now_ms() < self.notifier.quiet_until_ms() {
            return Ok(0);
        }
        loop {
            let due = self.outbox.due(BATCH, CLAIM_MS).await?;
            if due.is_empty() {
                return Ok(arrived);
            }
            for (at, message) in due.iter().enumerate() {
                match self.deliver(message, telling).await? {
                    Delivered::Arrived => arrived += 1,
                    Delivered::Refused => {}
                    // What was asked for holds for the receiver, not for one message: the others cost no try.
                    Delivered::Later(until_ms) => {
                        for waiting in &due[at + 1..] {
                            self.outbox.put_back(&waiting.id, until_ms).await?;
                        }
                        return Ok(arrived);
                    }
                }
            }
        }
    }

    async fn deliver(&self, message: &Message, telling: &Repeats) -> Result<Delivered, JournalError> {
        let now_ms = self.clock.now_ms();
        let Err(error) = self.notifier.notify(message, now_ms).await else {
            if let Some(over) = telling.worked() {
                tracing::info!("messages are delivered again{over}");
            }
            self.outbox.delivered(&message.id).await?;
            return Ok(Delivered::Arrived);
        };
        let asked_ms = match &error {
            NotifyError::Later { wait, .. } => i64::try_from(wait.as_millis()).ok(),
            NotifyError::Refused(_) | NotifyError::Unreachable(_) => None,
        };
        if let Some(again) = telling.failed(&cause(&error)) {
            tracing::warn!(message.id = %message.id, attempt = message.attempt, %error, "could not deliver a message{again}");
        }
        let wait_ms = wait_ms(message.attempt).max(asked_ms.unwrap_or(0));
        let next_at_ms = (message.attempt < MAX_ATTEMPTS).then(|| now_ms + wait_ms);
        if next_at_ms.is_none() {
            tracing::error!(message.id = %message.id, %error, "gave a message up after {MAX_ATTEMPTS} tries");
        }
        self.outbox.failed(&message.id, next_at_ms, &error.to_string()).await?;
        Ok(match asked_ms.filter(|ms| *ms > 0) {
            Some(ms) => Delivered::Later(now_ms + ms),
            None => Delivered::Refused,
        })
    }
}

/// What became of a message.
enum Delivered {
    Arrived,
    Refused,
    /// Nothing is to be sent before this instant.
    Later(i64),
}

/// What a receiver fails for: the same for each message while it is away.
fn cause(error: &NotifyError) -> String {
    match error {
        NotifyError::Unreachable(_) => "unreachable".into(),
        NotifyError::Refused(status) | NotifyError::Later { status, .. } => status.to_string(),
    }
}

/// After try number `attempt`, from 1.
fn wait_ms(attempt: u32) -> i64 {
    // Sixteen doublings are past the longest wait.
    (FIRST_WAIT_MS << attempt.saturating_sub(1).min(16)).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!(
            [1, 2, 3, 20, 63, 64, 65].map(wait_ms),
            [5_000, 10_000, 20_000, LONGEST_WAIT_MS, LONGEST_WAIT_MS, LONGEST_WAIT_MS, LONGEST_WAIT_MS]
        );
    }
}
