//! What can go wrong on the way to Redis.

use earmark_core::{Disposition, Failure, Fault};
use redis::{ErrorKind, RedisError};

/// What to do about a server that is full.
pub(crate) const FULL_HINT: &str = "producers' entries are taken in and removed, which makes room; if it stays full raise maxmemory, or see what else fills it (`redis-cli --bigkeys`, `XLEN earmark:rejected`, `XLEN earmark:results`)";
/// What to do about a replica.
pub(crate) const REPLICA_HINT: &str =
    "give the address of the primary, or of the Sentinels (redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB)";
/// What to do about a cluster.
pub(crate) const CLUSTER_HINT: &str =
    "use a Redis without cluster mode: one step of the queue concerns several keys, which a cluster spreads";

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The URL names no Redis.
    #[error("`{url}` is no URL of a Redis: {why}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Redis cannot be reached, or refuses.
    #[error("Redis at {place} {}", said(source))]
    Redis {
        /// Host and port, or the Sentinels and the service.
        place: String,
        /// What the client library says.
        #[source]
        source: RedisError,
    },
}

/// Words of refusals that are told apart.
const WORDS: [&str; 19] = [
    "OOM",
    "READONLY",
    "MISCONF",
    "NOPERM",
    "NOAUTH",
    "WRONGPASS",
    "WRONGTYPE",
    "MOVED",
    "ASK",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "NOGROUP",
    "BUSYGROUP",
    "NOSCRIPT",
    "UNBLOCKED",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "BUSY",
];

/// The word with which Redis refused; `ERR` where it has none of its own.
fn word(source: &RedisError) -> Option<&'static str> {
    if source.kind() == ErrorKind::AuthenticationFailed {
        return Some("WRONGPASS");
    }
    let (code, detail) = match source.clone().into_server_errors() {
        Some(errors) => errors.first().map(|(_, error)| (error.code().to_owned(), error.details().map(str::to_owned))),
        None => source.code().map(|code| (code.to_owned(), source.detail().map(str::to_owned))),
    }?;
    if let Some(word) = WORDS.iter().find(|word| **word == code) {
        return Some(word);
    }
    // Before Redis 7 a script's error had the word somewhere behind its own.
    let detail = detail.unwrap_or_default();
    Some(WORDS.iter().find(|word| detail.contains(&format!("-{word} "))).copied().unwrap_or("ERR"))
}

fn said(source: &RedisError) -> &'static str {
    match word(source) {
        Some("OOM") => "is full: it stores nothing more",
        Some("READONLY") => "is a replica, or otherwise only to be read",
        Some("MISCONF") => "cannot save what it holds and stores nothing more",
        Some("NOPERM") => "does not let this user do what is needed",
        Some("NOAUTH" | "WRONGPASS") => "does not know this user or password",
        Some("WRONGTYPE") => "holds something else at a key of the queue",
        Some("MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT") => "is a cluster",
        _ => "does not answer as it should",
    }
}

impl LinkError {
    /// The word with which Redis refused (`NOGROUP`, `READONLY`, `OOM`), `ERR` for one that is not told apart; none where
    /// it did not answer.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Url { .. } => None,
            Self::Redis { source, .. } => word(source),
        }
    }

    /// Whether there is nobody to answer: not reached, or still busy with itself.
    pub fn is_away(&self) -> bool {
        matches!(self.refusal(), None | Some("LOADING" | "MASTERDOWN" | "BUSY"))
    }
}

impl Failure for LinkError {
    fn code(&self) -> &'static str {
        let Self::Redis { source, .. } = self else { return "redis.url" };
        match word(source) {
            Some("OOM") => "redis.full",
            Some("READONLY") => "redis.read_only",
            Some("MISCONF") => "redis.cannot_save",
            Some("NOPERM") => "redis.denied",
            Some("NOAUTH" | "WRONGPASS") => "redis.login",
            Some("WRONGTYPE") => "redis.key_type",
            Some("MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT") => "redis.cluster",
            _ => "redis.unreachable",
        }
    }

    fn hint(&self) -> Option<String> {
        let Self::Redis { place, source } = self else {
            return Some(
                "use redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"
                    .into(),
            );
        };
        Some(match word(source) {
            Some("OOM") => FULL_HINT.into(),
            Some("READONLY") => REPLICA_HINT.into(),
            Some("MISCONF") => {
                "see the server's log and the disk that it saves to: it takes nothing while saving fails (CONFIG GET dir, LASTSAVE)".into()
            }
            Some("NOPERM") => {
                "give the user `~earmark:* &earmark:* +@all -@admin -@dangerous +info`; `earmark doctor` names what is missing".into()
            }
            Some("NOAUTH" | "WRONGPASS") => {
                "put user and password into the address: redis://USER:PASSWORD@HOST:PORT/DB, with # / @ in them written %23, %2F, %40".into()
            }
            Some("WRONGTYPE") => "`earmark doctor` names the key".into(),
            Some("MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT") => CLUSTER_HINT.into(),
            _ => format!("check that Redis 6.2 or later runs at {place} and that the user may run scripts"),
        })
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Url { .. } => Disposition::Fail,
            Self::Redis { .. } => Disposition::Retry,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Url { .. } | Self::Redis { .. } => Fault::Place,
        }
    }
}
