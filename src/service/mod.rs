//! What runs for long: the API and the worker, and what looks after them.
//!
//! ```text
//!  up            the list: rules, accounts, both halves, until a signal
//!    rules/      may it start with these rules; going over to others
//!    delivery    outcomes and alerts told, from the outbox
//!    watch       whether the queue is something to look at
//!    work        the worker
//!      sweeping    artifacts that no job names, once a day
//!      retention   what has had its time, once an hour
//! ```

mod delivery;
mod retention;
mod rules;
mod sweeping;
mod up;
mod watch;
mod work;

pub use up::up;
