//! Whether a server can do what is needed: each thing done once, on a key that goes again.

use std::time::Duration;

use earmark_core::{Clock, Failure, Problem, SystemClock};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Value};

use crate::LinkError;
use crate::error::{CLUSTER_HINT, FULL_HINT, REPLICA_HINT};
use crate::link::Link;

/// The first version with all that is used.
const OLDEST: (u64, u64) = (6, 2);
/// Clocks this far apart are worth a word.
const APART_MS: i64 = 2_000;
/// How long a key of the examination stays if nobody removes it.
const KEPT_MS: u64 = 10_000;
/// The least that a script can do.
const SCRIPT: &str = "return redis.call('DEL', KEYS[1])";
const MIB: u64 = 1 << 20;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It works, but someone should know.
    Note,
    /// It does not work as it is; it may be mended under a running program.
    Bad,
    /// It never works with this server.
    Never,
}

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, and what to do.
    pub problem: Problem,
    /// How much it weighs.
    pub weight: Weight,
}

impl Finding {
    /// A finding in words.
    pub fn new(weight: Weight, code: &str, message: String, hint: impl Into<String>) -> Self {
        Self { problem: Problem { code: code.into(), message, hint: Some(hint.into()) }, weight }
    }

    fn refused(error: &LinkError) -> Self {
        let weight = if error.code() == "redis.cluster" { Weight::Never } else { Weight::Bad };
        Self { problem: error.problem(), weight }
    }
}

/// That the server at `place` is full.
pub fn full(place: &str) -> Problem {
    Problem {
        code: "redis.full".into(),
        message: format!("Redis at {place} is full: it stores nothing more"),
        hint: Some(FULL_HINT.into()),
    }
}

/// What `INFO` tells.
#[derive(Default)]
struct Info(String);

impl Info {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl Link {
    /// Proves what is needed on the server itself, with keys that begin with `prefix`: its version, that it is neither
    /// a cluster nor a replica, that it throws no `things` away, that it can be written, runs scripts, has streams to wait
    /// at, and what time it has. Nothing where all is well. What the user may not ask for is a note, not an error.
    ///
    /// # Errors
    /// [`LinkError::Redis`] when it cannot be reached, or the user is not let in.
    pub async fn examine(&self, prefix: &str, things: &str) -> Result<Vec<Finding>, LinkError> {
        let mut connection = self.connect(Duration::from_secs(1), None).await?;
        let mut found = Vec::new();
        let info = match self.ask::<String>(&mut connection, &redis::cmd("INFO")).await {
            Ok(text) => Info(text),
            Err(error) if error.refusal().is_some() => {
                found.push(self.without_info());
                Info::default()
            }
            Err(error) => return Err(error),
        };
        found.extend(self.settings(&info, things));
        if found.iter().any(|finding| finding.weight == Weight::Never) {
            return Ok(found);
        }
        found.extend(self.clock(&mut connection).await?);
        found.extend(self.writes(&mut connection, prefix, &info).await?);
        Ok(found)
    }

    async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
        command: &Cmd,
    ) -> Result<T, LinkError> {
        command.query_async(connection).await.map_err(|source| self.error(source))
    }

    fn without_info(&self) -> Finding {
        Finding::new(
            Weight::Note,
            "redis.no_info",
            format!(
                "Redis at {} does not tell this user its version, memory policy and part (INFO is denied)",
                self.place()
            ),
            "everything else was tried and is told here; ACL SETUSER NAME +info lets it be looked at, and permits know a restart of the server by it",
        )
    }

    /// What the server says of itself.
    fn settings(&self, info: &Info, things: &str) -> Vec<Finding> {
        let place = self.place();
        let mut found = Vec::new();
        if let Some(version) = info.get("redis_version") {
            let mut numbers = version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
            if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
                found.push(Finding::new(
                    Weight::Never,
                    "redis.too_old",
                    format!("Redis at {place} is version {version}, earlier than 6.2"),
                    "use Redis 6.2 or later",
                ));
            }
        }
        if info.get("cluster_enabled") == Some("1") || info.get("redis_mode") == Some("cluster") {
            found.push(Finding::new(
                Weight::Never,
                "redis.cluster",
                format!("Redis at {place} runs in cluster mode"),
                CLUSTER_HINT,
            ));
        }
        if info.get("role") == Some("slave") && !self.follows_the_primary() {
            let primary = match (info.get("master_host"), info.get("master_port")) {
                (Some(host), Some(port)) => format!(" of {host}:{port}"),
                _ => String::new(),
            };
            found.push(Finding::new(
                Weight::Bad,
                "redis.replica",
                format!("Redis at {place} is a replica{primary}: what is written there is refused or lost"),
                REPLICA_HINT,
            ));
        }
        let policy = info.get("maxmemory_policy").unwrap_or("noeviction");
        if policy != "noeviction" {
            found.push(Finding::new(
                Weight::Note,
                "redis.eviction",
                format!("Redis at {place} has maxmemory-policy {policy}"),
                format!("set it to noeviction: it may throw {things} away when its memory is full"),
            ));
        }
        found
    }

    async fn clock(&self, connection: &mut MultiplexedConnection) -> Result<Option<Finding>, LinkError> {
        let before_ms = SystemClock.now_ms();
        let (secs, micros): (i64, i64) = match self.ask(connection, &redis::cmd("TIME")).await {
            Ok(time) => time,
            // The scripts ask for the time by themselves, and they are tried.
            Err(error) if error.refusal().is_some() => return Ok(None),
            Err(error) => return Err(error),
        };
        let here_ms = before_ms + (SystemClock.now_ms() - before_ms) / 2;
        let apart_ms = (secs * 1000 + micros / 1000 - here_ms).abs();
        Ok((apart_ms > APART_MS).then(|| {
            Finding::new(
                Weight::Note,
                "redis.clock",
                format!("the clock of Redis at {} is {apart_ms} ms from this machine's", self.place()),
                "keep the clocks of all machines in step (NTP)",
            )
        }))
    }

    /// Does once what will be done, and removes it again.
    async fn writes(
        &self,
        connection: &mut MultiplexedConnection,
        prefix: &str,
        info: &Info,
    ) -> Result<Vec<Finding>, LinkError> {
        let name = format!("{prefix}doctor:{:016x}", fastrand::u64(..));
        let (text, stream, hash) = (name.clone(), format!("{name}:stream"), format!("{name}:hash"));
        let set = redis::cmd("SET").arg(&text).arg("1").arg("PX").arg(KEPT_MS).clone();
        let mut found = Vec::new();
        match self.ask::<Value>(connection, &set).await {
            Ok(_) => {}
            Err(error) if error.refusal() == Some("OOM") => found.push(self.full(info)),
            // A replica was named already.
            Err(error) if error.refusal() == Some("READONLY") && info.get("role") == Some("slave") => return Ok(found),
            Err(error) if error.refusal().is_some() => {
                found.push(Finding::refused(&error));
                if error.refusal() != Some("NOPERM") {
                    return Ok(found);
                }
            }
            Err(error) => return Err(error),
        }
        let mut denied = Vec::new();
        for (what, command) in steps(&text, &stream, &hash) {
            match self.ask::<Value>(connection, &command).await {
                Ok(_) => {}
                Err(error) if error.refusal() == Some("NOPERM") && denied.contains(&what) => {}
                Err(error) if error.refusal() == Some("NOPERM") => denied.push(what),
                // What a step needs of one before it may have been denied there, or had no room.
                Err(error) if error.refusal().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        let sha1: Result<String, _> = self.ask(connection, redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT)).await;
        let ran = match sha1 {
            Ok(sha1) => {
                let call = redis::cmd("EVALSHA").arg(sha1).arg(1).arg(&text).clone();
                self.ask::<Value>(connection, &call).await.map(drop)
            }
            Err(error) => Err(error),
        };
        match ran {
            Err(error) if error.refusal() == Some("NOPERM") => denied.push("scripts (EVALSHA, SCRIPT LOAD)"),
            Err(error) if error.refusal().is_some() => found.push(Finding::refused(&error)),
            ran => ran?,
        }
        let remove = redis::cmd("DEL").arg(&text).arg(&stream).arg(&hash).clone();
        match self.ask::<Value>(connection, &remove).await {
            Err(error) if error.refusal() == Some("NOPERM") && !denied.contains(&"DEL") => denied.push("DEL"),
            Err(error) if error.refusal().is_none() => return Err(error),
            _ => {}
        }
        if !denied.is_empty() {
            found.retain(|finding| finding.problem.code != "redis.denied");
            found.push(Finding::new(
                Weight::Bad,
                "redis.denied",
                format!("Redis at {} does not let this user have {}", self.place(), denied.join(", ")),
                format!("ACL SETUSER NAME ~{prefix}* &{prefix}* +@all -@admin -@dangerous +info"),
            ));
        }
        Ok(found)
    }

    fn full(&self, info: &Info) -> Finding {
        let (used, most) = (info.number("used_memory"), info.number("maxmemory"));
        let figures = if most > 0 {
            format!(" ({} of {} MiB used)", used.div_ceil(MIB), most.div_ceil(MIB))
        } else {
            String::new()
        };
        Finding { problem: full(&format!("{}{figures}", self.place())), weight: Weight::Bad }
    }
}

/// A life of each kind of key that is used. Streams are waited at for a thousandth of a second.
fn steps(text: &str, stream: &str, hash: &str) -> Vec<(&'static str, Cmd)> {
    const GROUP: &str = "doctor";
    let step = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command
    };
    vec![
        ("GET", step(&["GET", text])),
        ("TYPE", step(&["TYPE", text])),
        ("XADD", step(&["XADD", stream, "1-1", "a", "b"])),
        // Not at all after ten seconds, whatever becomes of the examination.
        ("PEXPIRE", step(&["PEXPIRE", stream, "10000"])),
        ("XGROUP", step(&["XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM"])),
        ("XREADGROUP", step(&["XREADGROUP", "GROUP", GROUP, "a", "COUNT", "1", "STREAMS", stream, ">"])),
        ("XREADGROUP", step(&["XREADGROUP", "GROUP", GROUP, "a", "BLOCK", "1", "STREAMS", stream, ">"])),
        ("XAUTOCLAIM", step(&["XAUTOCLAIM", stream, GROUP, "a", "0", "0-0"])),
        ("XINFO", step(&["XINFO", "CONSUMERS", stream, GROUP])),
        ("XRANGE", step(&["XRANGE", stream, "-", "+", "COUNT", "1"])),
        ("XLEN", step(&["XLEN", stream])),
        ("XACK", step(&["XACK", stream, GROUP, "1-1"])),
        ("XDEL", step(&["XDEL", stream, "1-1"])),
        ("HINCRBY", step(&["HINCRBY", hash, "a", "1"])),
        ("PEXPIRE", step(&["PEXPIRE", hash, "10000"])),
        ("HGET", step(&["HGET", hash, "a"])),
        ("DEL", step(&["DEL", hash])),
        ("ZADD", step(&["ZADD", hash, "1", "a"])),
        ("PEXPIRE", step(&["PEXPIRE", hash, "10000"])),
        ("ZRANGE", step(&["ZRANGE", hash, "0", "-1"])),
        ("ZREM", step(&["ZREM", hash, "a"])),
    ]
}
