//! The queue's keys and what each holds.

use earmark_core::Problem;

/// Where producers write.
pub(crate) const INTAKE: &str = "earmark:intake";
/// Where producers read how their jobs ended.
pub(crate) const RESULTS: &str = "earmark:results";
/// Where entries lie that are no offers.
pub(crate) const REJECTED: &str = "earmark:rejected";
/// Totals that last: `rejected`, and `accepted` for comparison.
pub(crate) const COUNTS: &str = "earmark:counts";
/// The sorted set of live workers; a consumer that is in it is never removed.
pub(crate) const WORKERS: &str = "earmark:workers";
/// Their slots.
pub(crate) const SLOTS: &str = "earmark:slots";
/// Gone when the server has lost what it knew.
pub(crate) const EPOCH: &str = "earmark:epoch";
/// Held by the one process that publishes outcomes, so that they come in order and mostly once.
pub(crate) const PUBLISHER: &str = "earmark:results:teller";
/// The id of the journal that the queue belongs to, and where that lies.
pub(crate) const OWNER: &str = "earmark:journal";

/// Every key and what it holds, in the server's words.
pub(crate) const ALL: &[(&str, &str)] = &[
    (INTAKE, "stream"),
    ("earmark:lane:webhook", "stream"),
    ("earmark:lane:call", "stream"),
    ("earmark:lane:archive", "stream"),
    (RESULTS, "stream"),
    (REJECTED, "stream"),
    (COUNTS, "hash"),
    (WORKERS, "zset"),
    (SLOTS, "hash"),
    (EPOCH, "string"),
    (PUBLISHER, "string"),
    (OWNER, "string"),
];

/// That `key` holds a `found` and not a `kind`.
pub(crate) fn other(place: &str, key: &str, kind: &str, found: &str) -> Problem {
    Problem {
        code: "redis.key_type".into(),
        message: format!("`{key}` in Redis at {place} is a {found}, not a {kind}"),
        hint: Some(format!(
            "something else writes to it: look at it, then `RENAME {key} {key}:other` or `DEL {key}`, or give earmark another database (redis://HOST:PORT/1)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::Lane;

    use super::ALL;

    #[test]
    fn every_lane_has_a_key() {
        for lane in Lane::ALL {
            assert!(ALL.contains(&(format!("earmark:lane:{lane}").as_str(), "stream")), "{lane}");
        }
    }
}
