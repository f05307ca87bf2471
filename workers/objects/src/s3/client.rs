//! The one place that makes a client: credentials and region from the SDK's own chain, looked for when the first
//! `s3://` is met, so that a machine without any loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::sync::OnceCell;

use super::S3Error;

/// Tries of one request. A download's broken body is resumed by us; a job's own tries come on top.
const ATTEMPTS: u32 = 3;
/// Wait before the second, doubled and jittered.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// Longest wait between two tries of one request.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// What servers that know no regions take.
const ANY_REGION: &str = "us-east-1";

/// Where a bucket's name goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathStyle {
    /// Into the path where an endpoint is set, else into the host's name.
    #[default]
    Auto,
    /// Into the path: `endpoint/bucket/key`.
    Always,
    /// Into the host's name: `bucket.endpoint/key`.
    Never,
}

/// How the store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    /// An S3-compatible store; none for AWS.
    pub endpoint: Option<String>,
    /// Where a bucket's name goes.
    pub path_style: PathStyle,
    /// For a connection, TLS included.
    pub connect_timeout: Duration,
    /// For an answer's beginning, and between two pieces of it.
    pub read_timeout: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint: None,
            path_style: PathStyle::Auto,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
        }
    }
}

/// The object store; clones share the client.
#[derive(Debug, Clone)]
pub struct S3(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: S3Options,
    /// In place of the SDK's chain.
    keys: Option<Credentials>,
    client: OnceCell<Client>,
    /// What the store was found not to know.
    unknown: Unknown,
}

/// What not every store knows; found out when it refuses a request with it and takes the same one without.
#[derive(Debug, Default)]
struct Unknown {
    /// `x-amz-checksum-…`.
    checksums: AtomicBool,
    /// `If-None-Match`.
    conditions: AtomicBool,
}

impl S3 {
    /// The store that `options` lead to, with the credentials of the SDK's chain. Nothing is looked for yet.
    pub fn new(options: S3Options) -> Self {
        Self(Arc::new(Inner { options, keys: None, client: OnceCell::new(), unknown: Unknown::default() }))
    }

    /// As [`new`](Self::new), with a key that is given: for a server of a test's own.
    pub fn with_key(options: S3Options, access_key: &str, secret_key: &str) -> Self {
        let keys = Some(Credentials::new(access_key, secret_key, None, None, "given"));
        Self(Arc::new(Inner { options, keys, client: OnceCell::new(), unknown: Unknown::default() }))
    }

    pub(crate) fn options(&self) -> &S3Options {
        &self.0.options
    }

    /// Whether requests may speak of checksums.
    pub(crate) fn has_checksums(&self) -> bool {
        !self.0.unknown.checksums.load(Ordering::Relaxed)
    }

    /// The store, asked for `uri`, was found to refuse checksums.
    pub(crate) fn has_no_checksums(&self, uri: &str) {
        if !self.0.unknown.checksums.swap(true, Ordering::Relaxed) {
            tracing::warn!(uri, "the store refuses x-amz-checksum headers: it is spoken to without them from now on");
        }
    }

    /// Whether what is written may be subject to a condition.
    pub(crate) fn has_conditions(&self) -> bool {
        !self.0.unknown.conditions.load(Ordering::Relaxed)
    }

    /// The store, asked for `uri`, was found to refuse conditions.
    pub(crate) fn has_no_conditions(&self, uri: &str) {
        if !self.0.unknown.conditions.swap(true, Ordering::Relaxed) {
            tracing::debug!(uri, "the store refuses If-None-Match: it is written to without from now on");
        }
    }

    /// The client, made at the first call.
    ///
    /// # Errors
    /// [`S3Error::NoRegion`].
    pub(crate) async fn client(&self) -> Result<&Client, S3Error> {
        self.0.client.get_or_try_init(|| make(&self.0.options, self.0.keys.as_ref())).await
    }
}

async fn make(options: &S3Options, keys: Option<&Credentials>) -> Result<Client, S3Error> {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF);
    let timeouts = TimeoutConfig::builder().connect_timeout(options.connect_timeout).read_timeout(options.read_timeout);
    // Downloads have their own clock, which a slow disk of ours does not set off.
    let stalls = StalledStreamProtectionConfig::enabled().download_enabled(false).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(retries)
        .timeout_config(timeouts.build())
        .stalled_stream_protection(stalls);
    if let Some(region) = region(options).await {
        loader = loader.region(region);
    }
    if let Some(keys) = keys {
        loader = loader.credentials_provider(keys.clone());
    }
    let found = loader.load().await;
    if found.region().is_none() {
        return Err(S3Error::NoRegion);
    }
    let mut config = aws_sdk_s3::config::Builder::from(&found)
        // What we send carries its checksum; others than AWS refuse those that the SDK would add by itself.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        // What is fetched whole asks for it; the SDK would ask each time, also a store that refuses to be asked.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(match options.path_style {
            PathStyle::Auto => options.endpoint.is_some(),
            PathStyle::Always => true,
            PathStyle::Never => false,
        });
    if let Some(endpoint) = &options.endpoint {
        // Of this service only: credentials may come from another one.
        config = config.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(config.build()))
}

/// The region of a store that is not AWS, or none where the chain is to find it.
async fn region(options: &S3Options) -> Option<Region> {
    options.endpoint.as_ref()?;
    // The rest of the chain would ask for a machine at AWS, and wait.
    let configured = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(ANY_REGION);
    configured.region().await
}
