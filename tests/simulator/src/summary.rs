//! A log in a few figures.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::log::Record;
use crate::places::Peak;

/// What came of all requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Requests that were read whole.
    pub requests: usize,
    /// Ended, by the error's code, by the HTTP status without one, or `none` when there was no answer.
    pub by_code: BTreeMap<String, usize>,
    /// The most ever in flight for one key and model.
    pub peak_in_flight: Peak,
    /// Now, over all keys and models.
    pub in_flight: usize,
    /// Audio of the requests answered with 200, those included whose client had gone: what would be paid for.
    pub audio_ms: u64,
    /// Different audio, by its hash.
    pub distinct_audio: usize,
    /// Audio that came in more than one request.
    pub sent_more_than_once: usize,
    /// Audio that was answered with 200 more than once.
    pub paid_more_than_once: usize,
    /// Time in flight, all requests together.
    pub busy_ms: i64,
    /// Of it, that of requests answered with 200 whose client was there to hear it.
    pub useful_ms: i64,
    /// When the first request was there, in milliseconds since the Unix epoch.
    pub first_started_ms: Option<i64>,
    /// When the last that has ended had its place freed.
    pub last_ended_ms: Option<i64>,
}

impl Summary {
    /// The figures of `records`.
    pub(crate) fn of(records: &[Record], peak_in_flight: Peak, in_flight: usize) -> Self {
        let mut summary = Self { requests: records.len(), peak_in_flight, in_flight, ..Self::default() };
        let mut audio: HashMap<&str, (usize, usize)> = HashMap::new();
        for record in records {
            let is_answered = record.status == 200 && record.code.is_none();
            if !record.audio_sha256.is_empty() {
                let (sent, paid) = audio.entry(&record.audio_sha256).or_default();
                *sent += 1;
                *paid += usize::from(is_answered);
            }
            if is_answered {
                summary.audio_ms += record.audio_ms.unwrap_or_default();
            }
            let Some(ended_ms) = record.ended_ms else { continue };
            *summary.by_code.entry(code(record)).or_default() += 1;
            let held_ms = if record.in_flight > 0 { ended_ms - record.started_ms } else { 0 };
            summary.busy_ms += held_ms;
            if is_answered && !record.is_client_gone {
                summary.useful_ms += held_ms;
            }
        }
        summary.distinct_audio = audio.len();
        summary.sent_more_than_once = audio.values().filter(|(sent, _)| *sent > 1).count();
        summary.paid_more_than_once = audio.values().filter(|(_, paid)| *paid > 1).count();
        summary.first_started_ms = records.iter().map(|record| record.started_ms).min();
        summary.last_ended_ms = records.iter().filter_map(|record| record.ended_ms).max();
        summary
    }

    /// Useful time over the time that `permits` places had, from the first request to the last end: 1.0 is all of it.
    #[expect(clippy::as_conversions, reason = "milliseconds of hours, not of millennia")]
    pub fn useful_use(&self, permits: usize) -> f64 {
        let (Some(first), Some(last)) = (self.first_started_ms, self.last_ended_ms) else { return 0.0 };
        self.useful_ms as f64 / ((last - first).max(1) as f64 * permits as f64)
    }
}

/// Milliseconds in flight between two instants, all of `records` together; one without an end is still in flight.
pub(crate) fn busy_ms_between(records: &[Record], from_ms: i64, until_ms: i64) -> i64 {
    let held = records.iter().filter(|record| record.in_flight > 0);
    held.map(|record| record.ended_ms.unwrap_or(until_ms).min(until_ms) - record.started_ms.max(from_ms))
        .filter(|overlap_ms| *overlap_ms > 0)
        .sum()
}

fn code(record: &Record) -> String {
    match (&record.code, record.status) {
        (Some(code), _) => code.clone(),
        (None, 0) => "none".into(),
        (None, status) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(audio: &str, from: i64, until: i64, status: u16) -> Record {
        Record {
            audio_sha256: audio.into(),
            audio_ms: Some(1000),
            started_ms: from,
            ended_ms: Some(until),
            status,
            in_flight: usize::from(status != 429),
            ..Record::default()
        }
    }

    #[test]
    fn figures_tell_useful_time_from_busy_time() {
        let gone = Record { is_client_gone: true, ..record("a", 0, 100, 200) };
        let refused = Record { code: Some("1302".into()), ..record("b", 0, 0, 429) };
        let records = [gone, refused, record("a", 100, 200, 200), record("b", 100, 200, 200), record("c", 150, 200, 0)];
        let summary = Summary::of(&records, Peak::default(), 0);
        assert_eq!(summary.by_code, BTreeMap::from([("1302".into(), 1), ("200".into(), 3), ("none".into(), 1)]));
        assert_eq!((summary.busy_ms, summary.useful_ms, summary.audio_ms), (350, 200, 3000));
        assert_eq!((summary.distinct_audio, summary.sent_more_than_once, summary.paid_more_than_once), (3, 2, 1));
        assert!((summary.useful_use(2) - 0.5).abs() < 1e-9);
        assert_eq!(busy_ms_between(&records, 50, 160), 50 + 60 + 60 + 10);
    }
}
