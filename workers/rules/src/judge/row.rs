//! Places in order, and which of them stand near one another: sorted lists, searched by halving.

use crate::judge::cluster::{Cluster, Spot};
use crate::language::condition::{Distance, Unit};
use crate::recording::facts::Recording;

/// Places that begin earlier are looked at until one is found that stands elsewhere; so many of them.
const LOOK_BACK: usize = 8;

/// A cluster on the scale in which distance is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// By time, or as it is read: what comes first.
    key: (u64, u64),
    start: u64,
    end: u64,
    /// Index of the cluster.
    cluster: usize,
}

/// Clusters in order.
pub(super) struct Row<'i, 'a> {
    clusters: &'i [Cluster<'a>],
    entries: Vec<Entry>,
    /// Of the entries up to each, the one that ends last.
    furthest: Vec<usize>,
}

impl<'i, 'a> Row<'i, 'a> {
    /// `clusters` in the order that `unit` is counted in (none: time).
    pub(super) fn new(clusters: &'i [Cluster<'a>], unit: Option<Unit>, recording: &Recording) -> Self {
        let mut entries: Vec<Entry> =
            clusters.iter().enumerate().map(|(number, cluster)| entry(number, cluster, unit, recording)).collect();
        entries.sort_unstable();
        let mut furthest: Vec<usize> = Vec::with_capacity(entries.len());
        for (number, entry) in entries.iter().enumerate() {
            let before = furthest.last().copied().unwrap_or(number);
            furthest.push(if entries[before].end > entry.end { before } else { number });
        }
        Self { clusters, entries, furthest }
    }

    /// The clusters, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Seat<'i, 'a>> + '_ {
        self.entries.iter().map(|&entry| Seat { entry, cluster: &self.clusters[entry.cluster] })
    }

    /// Only the clusters that `keeps` says.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&Seat<'i, 'a>) -> bool) {
        let clusters = self.clusters;
        self.entries.retain(|&entry| keeps(&Seat { entry, cluster: &clusters[entry.cluster] }));
        self.furthest.clear();
        for (number, entry) in self.entries.iter().enumerate() {
            let before = self.furthest.last().copied().unwrap_or(number);
            self.furthest.push(if self.entries[before].end > entry.end { before } else { number });
        }
    }

    /// The nearest cluster behind `seat`, no further than `most`.
    pub(super) fn behind(&self, seat: &Seat<'i, 'a>, most: Option<Distance>) -> Option<Seat<'i, 'a>> {
        let first = self.entries.partition_point(|entry| entry.key < seat.entry.key);
        let following =
            self.entries[first..].iter().map(|&entry| Seat { entry, cluster: &self.clusters[entry.cluster] });
        let nearest = following.into_iter().find(|other| !other.is_same_place(seat))?;
        let gap = nearest.entry.start.saturating_sub(seat.entry.end);
        most.is_none_or(|most| gap <= most.most).then_some(nearest)
    }

    /// The nearest cluster before `seat`, no further than `most`.
    pub(super) fn ahead(&self, seat: &Seat<'i, 'a>, most: Option<Distance>) -> Option<Seat<'i, 'a>> {
        let behind = self.entries.partition_point(|entry| entry.key < seat.entry.key);
        let furthest = self.furthest[..behind].last()?;
        let back = (behind.saturating_sub(LOOK_BACK)..behind).rev();
        let candidates = std::iter::once(*furthest).chain(back);
        let seats =
            candidates.map(|at| Seat { entry: self.entries[at], cluster: &self.clusters[self.entries[at].cluster] });
        let nearest = seats.into_iter().find(|other| !other.is_same_place(seat))?;
        let gap = seat.entry.start.saturating_sub(nearest.entry.end);
        most.is_none_or(|most| gap <= most.most).then_some(nearest)
    }

    /// The nearest cluster on either side of `seat`, no further than `most`.
    pub(super) fn near(&self, seat: &Seat<'i, 'a>, most: Distance) -> Option<Seat<'i, 'a>> {
        let (ahead, behind) = (self.ahead(seat, Some(most)), self.behind(seat, Some(most)));
        let gap_ahead = |other: &Seat| seat.entry.start.saturating_sub(other.entry.end);
        let gap_behind = |other: &Seat| other.entry.start.saturating_sub(seat.entry.end);
        match (ahead, behind) {
            (Some(ahead), Some(behind)) => Some(if gap_behind(&behind) <= gap_ahead(&ahead) { behind } else { ahead }),
            (ahead, behind) => ahead.or(behind),
        }
    }

    /// Groups of `least` and more, all of each no further than `most` from its first; none shares a cluster.
    pub(super) fn groups(&self, least: usize, most: Option<Distance>) -> Vec<Vec<&'i Cluster<'a>>> {
        let entries = &self.entries;
        let reaches = |from: usize, to: usize| {
            most.is_none_or(|most| entries[to].start.saturating_sub(entries[from].start) <= most.most)
        };
        let mut groups = Vec::new();
        let mut first = 0;
        while first + least <= entries.len() {
            if !reaches(first, first + least - 1) {
                first += 1;
                continue;
            }
            let mut end = first + least;
            while end < entries.len() && reaches(first, end) {
                end += 1;
            }
            groups.push(entries[first..end].iter().map(|entry| &self.clusters[entry.cluster]).collect());
            first = end;
        }
        groups
    }
}

/// A cluster in its row.
#[derive(Clone, Copy)]
pub(super) struct Seat<'i, 'a> {
    entry: Entry,
    pub(super) cluster: &'i Cluster<'a>,
}

impl<'i, 'a> Seat<'i, 'a> {
    /// `cluster` on the scale of `unit`.
    pub(super) fn of(cluster: &'i Cluster<'a>, unit: Option<Unit>, recording: &Recording) -> Self {
        Self { entry: entry(0, cluster, unit, recording), cluster }
    }

    /// Whether it stands before `other`.
    pub(super) fn comes_before(&self, other: &Self) -> bool {
        self.entry.key < other.entry.key
    }

    /// How far it is from the end of this to the beginning of `other`.
    pub(super) fn gap_to(&self, other: &Self) -> u64 {
        other.entry.start.saturating_sub(self.entry.end)
    }

    /// One word is not near itself, nor near what stands inside it.
    fn is_same_place(&self, other: &Self) -> bool {
        match (self.cluster.spots.first(), other.cluster.spots.first()) {
            (Some(Spot::Mention(a)), Some(Spot::Mention(b))) => {
                a.utterance == b.utterance && a.span.0 < b.span.1 && b.span.0 < a.span.1
            }
            _ => false,
        }
    }
}

#[expect(clippy::as_conversions, reason = "places of at most 64 bits in 64, as times are")]
fn entry(number: usize, cluster: &Cluster, unit: Option<Unit>, recording: &Recording) -> Entry {
    let mentions = || cluster.spots.iter().filter_map(Spot::mention);
    let first = mentions().map(|mention| (mention.utterance, mention.span.0)).min();
    let last = mentions().map(|mention| (mention.utterance, mention.span.1)).max();
    // A silence has no words: it stands before what is said next.
    let first = first.unwrap_or_else(|| (recording.spoken_at(cluster.start_ms), 0));
    let last = last.unwrap_or(first);
    let as_read = (first.0 as u64, first.1 as u64);
    let (key, start, end) = match unit {
        None | Some(Unit::Time) => ((cluster.start_ms, cluster.end_ms), cluster.start_ms, cluster.end_ms),
        Some(Unit::Words) => (as_read, recording.word(first.0, first.1), recording.word(last.0, last.1)),
        Some(Unit::Turns) => (as_read, u64::from(recording.turn(first.0)), u64::from(recording.turn(last.0))),
    };
    Entry { key, start, end: end.max(start), cluster: number }
}
