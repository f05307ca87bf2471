//! What the server does in one step, and its answers read.

use std::sync::LazyLock;

use redis::{FromRedisValue, ParsingError, Script, Value, from_redis_value};

/// Entries for one consumer, lane by lane.
pub(super) static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("read.lua")));
/// Entries that nobody acknowledged, put back.
pub(super) static RECLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reclaim.lua")));
/// Entries that their reader cannot use, put back.
pub(super) static RETURN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("return.lua")));
/// A process that says it lives, and how the queue stands.
pub(crate) static HEARTBEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("heartbeat.lua")));
/// A consumer that goes, removed unless something is pending for it.
pub(crate) static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("leave.lua")));
/// Whether a process is the one that publishes outcomes.
pub(crate) static PUBLISHER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("publisher.lua")));
/// A stream and its group, made where they are not there.
pub(super) static MAKE_GROUP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("make_group.lua")));
/// Entries of the intake that are done with.
pub(crate) static ACKNOWLEDGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("acknowledge.lua")));
/// Whose the queue is.
pub(crate) static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
/// Jobs added while there is room.
pub(crate) static PUSH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("push.lua")));
/// Consumers that are gone, removed.
pub(super) static REMOVE_CONSUMERS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("remove_consumers.lua")));

/// Fields and values of an entry, in order.
pub(crate) type Fields = Vec<(Vec<u8>, Vec<u8>)>;
/// Entries with their ids.
pub(crate) type Entries = Vec<(String, Fields)>;
/// Entries of each lane.
pub(super) type Lanes = Vec<Entries>;

/// What `XREADGROUP` gives: entries by stream; nothing when its time ran out. An entry that was deleted has no fields.
pub(crate) fn streams(reply: Value) -> Result<Vec<(String, Entries)>, ParsingError> {
    let pairs: Vec<(String, Vec<Value>)> = match reply {
        Value::Nil => Vec::new(),
        Value::Map(pairs) => pairs
            .into_iter()
            .map(|(name, entries)| Ok((from_redis_value(name)?, from_redis_value(entries)?)))
            .collect::<Result<_, ParsingError>>()?,
        other => from_redis_value(other)?,
    };
    pairs.into_iter().map(|(name, entries)| Ok((name, self::entries(entries)?))).collect()
}

/// What `XREADGROUP` gives for one stream.
pub(crate) fn stream(reply: Value) -> Result<Entries, ParsingError> {
    Ok(streams(reply)?.pop().map(|(_, entries)| entries).unwrap_or_default())
}

/// Entries as `[[id, [field, value, …]], …]`.
pub(crate) fn entries(entries: Vec<Value>) -> Result<Entries, ParsingError> {
    entries
        .into_iter()
        .map(|entry| {
            let (id, fields): (String, Value) = from_redis_value(entry)?;
            let fields = match fields {
                Value::Nil => Fields::new(),
                fields => pairs(Vec::<Vec<u8>>::from_redis_value(fields)?),
            };
            Ok((id, fields))
        })
        .collect()
}

fn pairs(flat: Vec<Vec<u8>>) -> Fields {
    let mut flat = flat.into_iter();
    let mut pairs = Fields::new();
    while let (Some(field), Some(value)) = (flat.next(), flat.next()) {
        pairs.push((field, value));
    }
    pairs
}

/// The job that an entry of a lane's stream names.
pub(crate) fn job_of(fields: &[(Vec<u8>, Vec<u8>)]) -> String {
    let job = fields.iter().find(|(name, _)| name == b"job");
    job.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}
