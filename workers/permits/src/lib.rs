//! Requests in flight: one permit per request, never more than the account allows.
