//! Requests in flight: one permit per request, held exactly while it runs, never more than the engine or the account
//! allows.
//!
//! [`PermitPool`] is the seam; [`LocalPool`] keeps the permits of one process.

mod local;

use async_trait::async_trait;
use earmark_core::Lane;

pub use local::{LocalPool, Permit};

/// Permits for requests to one recogniser.
#[async_trait]
pub trait PermitPool: Send + Sync {
    /// Waits for a permit; the most urgent lane first, within a lane first come first served. Dropping the permit, or
    /// the future, gives the place back.
    async fn acquire(&self, lane: Lane) -> Permit;

    /// Permits there are.
    fn limit(&self) -> usize;

    /// Permits held now.
    fn in_flight(&self) -> usize;
}
