//! Signed webhooks from the outbox.
