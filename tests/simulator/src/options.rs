//! How a simulator is to behave.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::{Clock, SystemClock};

use crate::fault::Rule;
use crate::heard::Heard;
use crate::latency::Latency;
use crate::refusal::ErrorShape;
use crate::reply::ReplyShape;
use crate::stream::StreamShape;

/// The text of audio that no table knows. It may take its time: it runs on a thread of its own.
pub type DefaultText = Arc<dyn Fn(&Heard) -> String + Send + Sync>;

/// Everything that can be set; the default is a V0 account that answers in 200 ms.
#[derive(Clone)]
pub struct Options {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The tier: requests in flight per key and model.
    pub max_in_flight: usize,
    /// Who may ask; anyone with a raw key when empty. Signed tokens need their key here.
    pub keys: Vec<Key>,
    /// Models that exist.
    pub models: Vec<String>,
    /// From a request's last byte to its answer.
    pub latency: Latency,
    /// Text by SHA-256 in lower-case hex, of the whole file or of its samples ([`crate::pcm_sha256`]).
    pub texts: HashMap<String, String>,
    /// Text of all other audio.
    pub default_text: DefaultText,
    /// Layout of a plain answer.
    pub reply_shape: ReplyShape,
    /// Layout of a stream.
    pub stream_shape: StreamShape,
    /// Characters in one delta.
    pub delta_chars: usize,
    /// Layout of an error, its rule aside.
    pub error_shape: ErrorShape,
    /// What goes wrong from the start.
    pub faults: Vec<Rule>,
    /// Of latencies and probabilities.
    pub seed: u64,
    /// Whether a request whose client has gone keeps its place until its latency is over, as with the service.
    pub runs_on_without_client: bool,
    /// Requests as JSON lines, written as they end. An existing file is replaced.
    pub log_file: Option<PathBuf>,
    /// Dates the log and ends tokens.
    pub clock: Arc<dyn Clock>,
}

/// An account's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `id.secret`, or anything when no tokens are signed with it.
    pub key: String,
    /// Instead of [`Options::max_in_flight`].
    pub max_in_flight: Option<usize>,
}

impl Key {
    /// A key of the common tier.
    pub fn new(key: &str) -> Self {
        Self { key: key.into(), max_in_flight: None }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            max_in_flight: 5,
            keys: Vec::new(),
            models: vec!["glm-asr-2512".into(), "glm-asr".into()],
            latency: Latency::Fixed(Duration::from_millis(200)),
            texts: HashMap::new(),
            default_text: Arc::new(deterministic),
            reply_shape: ReplyShape::default(),
            stream_shape: StreamShape::default(),
            delta_chars: 4,
            error_shape: ErrorShape::default(),
            faults: Vec::new(),
            seed: 0,
            runs_on_without_client: true,
            log_file: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("max_in_flight", &self.max_in_flight)
            .field("latency", &self.latency)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// A text that names the first eight digits of the audio's hash; none for silence.
pub fn deterministic(heard: &Heard) -> String {
    if heard.is_silent() {
        return String::new();
    }
    format!("recording {}", heard.audio_sha256.get(..8).unwrap_or_default())
}
