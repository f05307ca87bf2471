//! The engine built in, as it is configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use earmark_asr::Transcriber;
use earmark_asr::local::{LocalEngine, LocalOptions};
use earmark_permits::{Pool, PoolOptions};
use earmark_pipeline::{Ledger, ProviderAccount, ProviderAccounts};

use super::setup::{AccountParts, EngineAccount, EngineSetup, Loading};
use crate::config::{BUILT_IN, CommandError, Config, locate};

/// Clips with the fewest errors on calls, in milliseconds (ARCHITECTURE.md).
const PACK_TO_MS: u64 = 16_000;
/// Recordings at a time where the processor is the limit.
const SLOTS: usize = 2;

/// The only account where it is the engine.
pub(super) struct Local<'a> {
    pub(super) config: &'a Config,
}

#[async_trait]
impl EngineSetup for Local<'_> {
    fn usual(&self) -> &'static str {
        BUILT_IN
    }

    fn accounts(&self) -> Vec<EngineAccount> {
        vec![EngineAccount { name: BUILT_IN.into(), limit: None }]
    }

    fn check(&self) -> Result<(), CommandError> {
        Ok(())
    }

    fn is_provider(&self) -> bool {
        false
    }

    fn pack_to_ms(&self) -> u64 {
        PACK_TO_MS
    }

    fn slots(&self) -> usize {
        SLOTS
    }

    fn proof(&self) -> Option<String> {
        Some(built_in(self.config).ok()?.proved()?.line())
    }

    async fn open(&self, parts: &AccountParts<'_>, loading: Loading) -> Result<ProviderAccounts, CommandError> {
        let engine = Arc::new(built_in(self.config)?);
        if loading == Loading::Now {
            let believing = Arc::clone(&engine);
            // Reads the weights, and starts nothing where it was proved.
            let believed =
                tokio::task::spawn_blocking(move || believing.proved().map_or_else(|| believing.start_proved(), Ok));
            believed.await.map_err(|error| CommandError::internal(&error))??;
        }
        Ok(ProviderAccounts { usual: account(engine, &parts.ledger), bound: HashMap::new(), fallback: None })
    }
}

/// The built-in engine; its process is started when there is something for it to do.
///
/// # Errors
/// [`CommandError`] naming the file that is missing.
pub fn built_in(config: &Config) -> Result<LocalEngine, CommandError> {
    let asr = &config.asr;
    let options = LocalOptions {
        model_path: locate::model(config)?,
        threads: asr.threads(),
        batch: asr.batch,
        idle_unload: Duration::from_secs(asr.idle_unload_secs),
        deadline: Duration::from_secs(asr.engine_timeout_secs),
        memory_bytes: Some(asr.engine_memory_mb << 20).filter(|bytes| *bytes > 0),
        ..LocalOptions::new(locate::engine_program(config)?)
    };
    Ok(LocalEngine::new(options)?)
}

/// The built-in engine as an account: its permits are this process's alone, for its threads are.
pub(super) fn account(engine: Arc<LocalEngine>, ledger: &Arc<Ledger>) -> Arc<ProviderAccount> {
    let pool = Pool::in_memory(PoolOptions::new(BUILT_IN, engine.limits().in_flight));
    Arc::new(ProviderAccount::new(BUILT_IN.into(), engine, Arc::new(pool), 0.0, ledger.clone()))
}
