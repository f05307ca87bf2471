//! What every request may need.

use crate::desk::Desk;
use crate::desk::transcribe::Accounts;

/// Largest body of a request, a job's metadata included: 1 MiB. Transcriptions have limits of their own.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// What every request may need.
#[derive(Clone)]
pub struct Api {
    /// Where everything is asked.
    pub desk: Desk,
    /// The accounts of this process, with their permits.
    pub accounts: Accounts,
}
