//! A running simulator, as its tests hold it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::fault::Rule;
use crate::latency::Latency;
use crate::log::Record;
use crate::options::Options;
use crate::places::Peak;
use crate::provider::Provider;
use crate::schedule::Schedule;
use crate::server::{serve, summary};
use crate::summary::{Summary, busy_ms_between};

/// How long a request that must come may take: none of a test's waits is for ever.
const PATIENCE: Duration = Duration::from_secs(240);

/// A server on the runtime it was started in. Dropped, it ends, and its connections with it.
pub struct Simulator {
    provider: Arc<Provider>,
    address: SocketAddr,
    url: String,
    serving: JoinHandle<()>,
}

/// Why there is no simulator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system says of it.
        #[source]
        source: std::io::Error,
    },
    /// The log cannot be written.
    #[error("cannot write {path:?}")]
    Log {
        /// As asked for.
        path: PathBuf,
        /// What the system says of it.
        #[source]
        source: std::io::Error,
    },
}

/// What is logged is in the file after this at the latest.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

impl Simulator {
    /// Listens, and answers from here on.
    ///
    /// # Errors
    /// [`StartError::Listen`], [`StartError::Log`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let asked = options.listen;
        let path = options.log_file.clone().unwrap_or_default();
        let listener = TcpListener::bind(asked).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|source| StartError::Listen { address: asked, source })?;
        let provider = Arc::new(Provider::new(options).map_err(|source| StartError::Log { path, source })?);
        let serving = tokio::spawn(serve(listener, provider.clone()));
        if provider.options.log_file.is_some() {
            tokio::spawn(keep_flushing(provider.clone()));
        }
        Ok(Self { provider, address, url: format!("http://{address}/api/paas/v4"), serving })
    }

    /// Goes away as a failing machine would: connections break, and new ones are refused. What it knows stays.
    pub async fn stop(&mut self) {
        self.serving.abort();
        while !self.serving.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// [`StartError::Listen`] while another has it.
    pub async fn start_again(&mut self) -> Result<(), StartError> {
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.map_err(|source| StartError::Listen { address: self.address, source })?;
        self.serving = tokio::spawn(serve(listener, self.provider.clone()));
        Ok(())
    }

    /// The base URL for a client: `http://127.0.0.1:PORT/api/paas/v4`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order they came in; those in flight have no end yet.
    pub fn log(&self) -> Vec<Record> {
        self.provider.log.records().clone()
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        *self.provider.log.come.borrow()
    }

    /// The log in figures.
    pub fn summary(&self) -> Summary {
        summary(&self.provider)
    }

    /// The most requests ever in flight for one key and model.
    pub fn peak_in_flight(&self) -> Peak {
        self.provider.places.peak()
    }

    /// Requests in flight now.
    pub fn in_flight(&self) -> usize {
        self.provider.places.in_flight()
    }

    /// Milliseconds in flight between two instants (since the Unix epoch), all requests together: over the time between
    /// them and the tier, this is how much of the tier was in use.
    pub fn busy_ms_between(&self, from_ms: i64, until_ms: i64) -> i64 {
        busy_ms_between(&self.provider.log.records(), from_ms, until_ms)
    }

    /// Waits until `count` requests have come in, refused ones included.
    ///
    /// # Panics
    /// When none does for minutes.
    pub async fn wait_for_requests(&self, count: usize) {
        reach("to come in", self.provider.log.come.subscribe(), count).await;
    }

    /// Waits until `count` requests have ended, however they did.
    ///
    /// # Panics
    /// When none does for minutes.
    pub async fn wait_for_ends(&self, count: usize) {
        reach("to end", self.provider.log.ended.subscribe(), count).await;
    }

    /// Puts other rules in place of those in force; their counts and times begin now.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        self.provider.chance().schedule = Schedule::new(rules, Instant::now());
    }

    /// Changes the tier of keys that have none of their own. Requests in flight stay.
    pub fn set_max_in_flight(&self, limit: usize) {
        self.provider.set_max_in_flight(limit);
    }

    /// Changes the latency of requests from now on.
    pub fn set_latency(&self, latency: Latency) {
        self.provider.chance().latency = latency;
    }

    /// Writes down what is logged: before reading the file while the simulator runs.
    pub fn flush_log(&self) {
        self.provider.log.flush();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.provider.closed.cancel();
        self.provider.log.flush();
    }
}

/// Waits until `number` is `count`, however long that takes, for as long as it grows.
async fn reach(what: &str, mut number: watch::Receiver<usize>, count: usize) {
    loop {
        let now = *number.borrow_and_update();
        if now >= count {
            return;
        }
        // The sender lives as long as the simulator.
        let has_grown = tokio::time::timeout(PATIENCE, number.changed()).await.is_ok();
        assert!(has_grown, "waiting for {count} requests {what}: {now} did, and none for {} s", PATIENCE.as_secs());
    }
}

async fn keep_flushing(provider: Arc<Provider>) {
    let closed = provider.closed.clone();
    let flush = async {
        loop {
            tokio::time::sleep(FLUSH_EVERY).await;
            provider.log.flush();
        }
    };
    closed.run_until_cancelled(flush).await;
}
