//! Where recordings come from: [`RecordingStore`], and how much may be fetched.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use earmark_core::Address;

use super::{FetchError, Fetched};

/// How much may be fetched, from where, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes of the largest recording that is fetched.
    pub max_bytes: u64,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest fetch, all redirects and resumptions together.
    pub timeout: Duration,
    /// Whether loopback, private and link-local addresses may be reached.
    pub allow_private: bool,
    /// Whether files of this machine may lie only in the folders that are set up for that: they are named by others than
    /// the program's own user.
    pub is_confined: bool,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 30,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(3600),
            allow_private: false,
            is_confined: false,
        }
    }
}

/// Where recordings come from.
#[async_trait]
pub trait RecordingStore: Send + Sync {
    /// What the place is called that the recording at `uri` is asked of.
    fn place(&self, uri: &Address) -> String;

    /// Fetches the recording at `uri`; what has to be copied goes to a temporary file in the folder `into`.
    ///
    /// # Errors
    /// [`FetchError`], every variant.
    async fn fetch(&self, uri: &Address, into: &Path, limits: &FetchLimits) -> Result<Fetched, FetchError>;
}
