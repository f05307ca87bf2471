//! The program's flags.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use earmark_simulator::{DefaultText, ErrorShape, Key, Latency, Options, ReplyShape, Rule, StreamShape, deterministic};
use serde::de::DeserializeOwned;

/// A stand-in for GLM-ASR that keeps the tier, logs every request and fails on a schedule.
#[derive(Debug, Parser)]
#[command(name = "glm-simulator")]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Tier: V0 5, V1 10, V2 15, V3 20 requests in flight per key and model
    #[arg(long, default_value = "V0")]
    tier: Tier,
    /// Requests in flight, instead of the tier's
    #[arg(long)]
    max_in_flight: Option<usize>,
    /// A key that may ask, `id.secret` or `id.secret@LIMIT`; again for more. Any raw key without it
    #[arg(long = "key", value_name = "KEY[@LIMIT]")]
    keys: Vec<String>,
    /// Milliseconds: 200, 100-300 or lognormal:200,0.4
    #[arg(long, default_value = "200")]
    latency: Latency,
    /// Text of audio that no table knows: `deterministic` names its hash, anything else is the text itself
    #[arg(long, default_value = "deterministic")]
    text: String,
    /// Texts by SHA-256 of the file or of its samples: a JSON object
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// What goes wrong: a JSON list of rules
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Requests as JSON lines
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Of latencies and probabilities
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Layout of a plain answer
    #[arg(long, default_value = "now")]
    reply_shape: ReplyShape,
    /// Layout of a stream
    #[arg(long, default_value = "glm")]
    stream_shape: StreamShape,
    /// Layout of an error
    #[arg(long, default_value = "nested")]
    error_shape: ErrorShape,
    /// A request ends when its client goes, instead of running on
    #[arg(long)]
    ends_with_client: bool,
    /// End when standard input closes
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Tier {
    V0,
    V1,
    V2,
    V3,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path:?}")]
pub(crate) struct FileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl Arguments {
    /// Reads the files named.
    ///
    /// # Errors
    /// [`FileError`] for one that is not there or holds something else.
    pub(crate) fn options(&self) -> Result<Options, FileError> {
        let texts: Option<HashMap<String, String>> = self.texts.as_deref().map(read).transpose()?;
        let faults: Option<Vec<Rule>> = self.faults.as_deref().map(read).transpose()?;
        Ok(Options {
            listen: self.listen,
            max_in_flight: self.max_in_flight.unwrap_or_else(|| self.tier.max_in_flight()),
            keys: self.keys.iter().map(|key| read_key(key)).collect(),
            latency: self.latency.clone(),
            texts: texts.unwrap_or_default(),
            default_text: self.default_text(),
            reply_shape: self.reply_shape,
            stream_shape: self.stream_shape,
            error_shape: self.error_shape,
            faults: faults.unwrap_or_default(),
            seed: self.seed,
            runs_on_without_client: !self.ends_with_client,
            log_file: self.log.clone(),
            ..Options::default()
        })
    }

    fn default_text(&self) -> DefaultText {
        if self.text == "deterministic" {
            return Arc::new(deterministic);
        }
        let text = self.text.clone();
        Arc::new(move |heard| if heard.is_silent() { String::new() } else { text.clone() })
    }
}

impl Tier {
    /// GLM-ASR page, "用户并发权益".
    fn max_in_flight(self) -> usize {
        match self {
            Self::V0 => 5,
            Self::V1 => 10,
            Self::V2 => 15,
            Self::V3 => 20,
        }
    }
}

fn read_key(text: &str) -> Key {
    let own = text.rsplit_once('@').and_then(|(key, limit)| Some((key, limit.parse().ok()?)));
    own.map_or_else(|| Key::new(text), |(key, limit)| Key { key: key.into(), max_in_flight: Some(limit) })
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = std::fs::read(path).and_then(|text| Ok(serde_json::from_slice(&text)?));
    text.map_err(|source| FileError { path: path.into(), source })
}
