//! Parts of a recording.

/// A part of a recording: what begins in it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// From `from_ms` to before `to_ms` (none: the end), from the recording's start.
    Time {
        /// From the recording's start.
        from_ms: u64,
        /// From the recording's start.
        to_ms: Option<u64>,
    },
    /// The last milliseconds.
    LastMs(u64),
    /// The first turns.
    FirstTurns(u32),
    /// The last turns.
    LastTurns(u32),
    /// The first percent of the recording's length.
    FirstPercent(u32),
    /// The last percent of the recording's length.
    LastPercent(u32),
}

impl Within {
    /// Whether it can be told before the recording has ended.
    pub(crate) fn is_early(self) -> bool {
        matches!(self, Self::Time { .. })
    }

    /// Begin and end (ms) in a recording of `end_ms`; none where it goes by turns.
    pub(crate) fn times(self, end_ms: u64) -> Option<(u64, u64)> {
        let percent = |percent: u32| end_ms.saturating_mul(u64::from(percent)) / 100;
        match self {
            Self::Time { from_ms, to_ms } => Some((from_ms, to_ms.unwrap_or(u64::MAX))),
            Self::LastMs(last) => Some((end_ms.saturating_sub(last), u64::MAX)),
            Self::FirstPercent(first) => Some((0, percent(first))),
            Self::LastPercent(last) => Some((end_ms - percent(last.min(100)), u64::MAX)),
            Self::FirstTurns(_) | Self::LastTurns(_) => None,
        }
    }
}
