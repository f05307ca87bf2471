//! Places where something shows, and those that belong together.

use crate::judge::mentions::Mention;
use crate::judge::voice::Measure;

/// More places than this are not shown of one finding.
pub(crate) const MAX_PLACES: usize = 100;

/// Where something shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spot<'a> {
    Mention(&'a Mention),
    Voice(Measure),
}

/// Places that belong together; the first one leads. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cluster<'a> {
    pub(crate) spots: Vec<Spot<'a>>,
    /// Where the earliest begins.
    pub(crate) start_ms: u64,
    /// Where the latest ends.
    pub(crate) end_ms: u64,
}

/// What a condition comes to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome<'a> {
    pub(crate) holds: bool,
    /// In no order; may be empty where it holds because of what is not there.
    pub(crate) clusters: Vec<Cluster<'a>>,
}

impl<'a> Spot<'a> {
    pub(crate) fn mention(&self) -> Option<&'a Mention> {
        match self {
            Self::Mention(mention) => Some(mention),
            Self::Voice(_) => None,
        }
    }

    pub(crate) fn times(&self) -> (u64, u64) {
        match self {
            Self::Mention(mention) => (mention.start_ms, mention.end_ms),
            Self::Voice(measure) => (measure.start_ms, measure.end_ms),
        }
    }
}

impl<'a> Cluster<'a> {
    pub(super) fn of(spot: Spot<'a>) -> Self {
        let (start_ms, end_ms) = spot.times();
        Self { spots: vec![spot], start_ms, end_ms }
    }

    /// One cluster of many; what leads the first leads it.
    pub(super) fn joined<'i>(clusters: impl IntoIterator<Item = &'i Cluster<'a>>) -> Option<Self>
    where
        'a: 'i,
    {
        let mut clusters = clusters.into_iter();
        let mut joined = clusters.next()?.clone();
        for cluster in clusters {
            joined.start_ms = joined.start_ms.min(cluster.start_ms);
            joined.end_ms = joined.end_ms.max(cluster.end_ms);
            let room = MAX_PLACES.saturating_sub(joined.spots.len());
            joined.spots.extend(cluster.spots.iter().take(room).cloned());
        }
        Some(joined)
    }

    /// One cluster of `clusters`, the earliest leading.
    pub(crate) fn earliest_first(clusters: &[Cluster<'a>]) -> Option<Self> {
        let mut sorted: Vec<&Cluster> = clusters.iter().collect();
        sorted.sort_by_key(|cluster| (cluster.start_ms, cluster.end_ms));
        Self::joined(sorted)
    }
}

impl<'a> Outcome<'a> {
    pub(super) fn of(clusters: Vec<Cluster<'a>>) -> Self {
        Self { holds: !clusters.is_empty(), clusters }
    }
}
