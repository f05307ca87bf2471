//! What the program has to know of an engine beside how it is asked: the seam behind which engines differ.

use std::sync::Arc;

use async_trait::async_trait;
use earmark_core::Clock;
use earmark_permits::{Pool, PoolOptions};
use earmark_pipeline::{Ledger, ProviderAccounts};

use crate::config::{CommandError, Tier};

/// When the built-in engine has to be one that was proved on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// Before anything is asked of it.
    Now,
    /// With the first clip: who only serves may never need it.
    Late,
}

/// An account as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAccount {
    /// Its name, by which permits are counted.
    pub name: String,
    /// Its tier and the requests in flight that it allows; none for the built-in engine, which allows as many as it can use.
    pub limit: Option<(Tier, usize)>,
}

/// What accounts are made with, whichever engine is behind them.
pub struct AccountParts<'a> {
    /// Where requests are booked.
    pub ledger: Arc<Ledger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Makes permits where all processes find them.
    pub shared_permits: &'a (dyn Fn(PoolOptions) -> Result<Pool, CommandError> + Sync),
}

/// All that is decided by which engine is configured.
#[async_trait]
pub trait EngineSetup: Send + Sync {
    /// The account of tenants that are bound to no other.
    fn usual(&self) -> &'static str;

    /// The accounts that are configured, the usual one first; whether they can be used is asked of [`check`](Self::check).
    fn accounts(&self) -> Vec<EngineAccount>;

    /// Refuses accounts that cannot be used.
    ///
    /// # Errors
    /// [`CommandError`] naming the setting.
    fn check(&self) -> Result<(), CommandError>;

    /// Whether its accounts are a provider's, with permits that all processes share.
    fn is_provider(&self) -> bool;

    /// The length up to which neighbouring speech is packed into one clip unless it is configured, in milliseconds.
    fn pack_to_ms(&self) -> u64;

    /// Recordings at a time on this machine unless it is configured.
    fn slots(&self) -> usize;

    /// What it was proved to compute with, in words; none where nothing has to be proved, or nothing was.
    fn proof(&self) -> Option<String>;

    /// The accounts, each with its permits.
    ///
    /// # Errors
    /// [`CommandError`] naming the file or the setting that is missing, or the store of the permits that is not there.
    async fn open(&self, parts: &AccountParts<'_>, loading: Loading) -> Result<ProviderAccounts, CommandError>;
}
