//! What conditions may ask of a recording beyond what was said; each answer is worked out when it is first asked for.

use std::cell::OnceCell;

use earmark_core::Utterance;

use crate::recording::context::Context;
use crate::recording::tracks::{Track, tracks};
use crate::recording::within::Within;
use crate::recording::word_count::count;

/// One recording: its utterances, what is known beside them, and what follows from both.
pub(crate) struct Recording<'a> {
    pub(crate) utterances: &'a [Utterance],
    pub(crate) context: &'a Context,
    /// Its length, or where the last utterance ends.
    pub(crate) end_ms: u64,
    tracks: OnceCell<Vec<Track>>,
    turns: OnceCell<Vec<u32>>,
    words: OnceCell<Vec<Words>>,
}

/// The words of one utterance.
struct Words {
    /// How many are in the utterances before it.
    before: u32,
    /// Chinese characters, words of letters.
    units: (u32, u32),
    /// How many begin before each character and in all of the text.
    until: OnceCell<Vec<u32>>,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(utterances: &'a [Utterance], context: &'a Context) -> Self {
        let last_ms = utterances.iter().map(|utterance| utterance.end_ms).max().unwrap_or(0);
        Self {
            utterances,
            context,
            end_ms: if context.duration_ms > 0 { context.duration_ms } else { last_ms },
            tracks: OnceCell::new(),
            turns: OnceCell::new(),
            words: OnceCell::new(),
        }
    }

    /// Who speaks when.
    pub(crate) fn tracks(&self) -> &[Track] {
        self.tracks.get_or_init(|| tracks(self.utterances, self.context))
    }

    /// Number of the turn that utterance `index` belongs to, from 0: a turn lasts until somebody else speaks.
    pub(crate) fn turn(&self, index: usize) -> u32 {
        self.turns().get(index).copied().unwrap_or(0)
    }

    fn turns(&self) -> &[u32] {
        self.turns.get_or_init(|| {
            let mut turn = 0;
            let mut before: Option<&Utterance> = None;
            let mut turns = Vec::with_capacity(self.utterances.len());
            for utterance in self.utterances {
                let is_other =
                    |before: &Utterance| (before.channel, &before.speaker) != (utterance.channel, &utterance.speaker);
                turn += u32::from(before.is_some_and(is_other));
                turns.push(turn);
                before = Some(utterance);
            }
            turns
        })
    }

    /// Whether what begins at `start_ms` (in utterance `index`; none: the one that is spoken then) is in `within`.
    pub(crate) fn is_within(&self, within: Within, start_ms: u64, index: Option<usize>) -> bool {
        if let Some((from_ms, to_ms)) = within.times(self.end_ms) {
            return (from_ms..to_ms).contains(&start_ms);
        }
        let turn = self.turn(index.unwrap_or_else(|| self.spoken_at(start_ms)));
        match within {
            Within::FirstTurns(first) => turn < first,
            Within::LastTurns(last) => turn + last > self.turns().last().copied().unwrap_or(0),
            Within::Time { .. } | Within::LastMs(_) | Within::FirstPercent(_) | Within::LastPercent(_) => true,
        }
    }

    /// The last utterance that has begun at `ms`.
    pub(crate) fn spoken_at(&self, ms: u64) -> usize {
        self.utterances.partition_point(|utterance| utterance.start_ms <= ms).saturating_sub(1)
    }

    /// Chinese characters and words of letters in utterance `index`.
    pub(crate) fn units(&self, index: usize) -> (u32, u32) {
        self.words().get(index).map_or((0, 0), |words| words.units)
    }

    /// How many words of the recording begin before character `at` of utterance `index`.
    pub(crate) fn word(&self, index: usize, at: usize) -> u64 {
        let (Some(words), Some(utterance)) = (self.words().get(index), self.utterances.get(index)) else { return 0 };
        let until = words.until.get_or_init(|| {
            let mut until = vec![0];
            count(&utterance.text, |words| until.push(words));
            until
        });
        let inside = until.get(at).or(until.last()).copied().unwrap_or(0);
        u64::from(words.before) + u64::from(inside)
    }

    fn words(&self) -> &[Words] {
        self.words.get_or_init(|| {
            let mut before = 0;
            let mut all = Vec::with_capacity(self.utterances.len());
            for utterance in self.utterances {
                let units = count(&utterance.text, |_| {});
                all.push(Words { before, units, until: OnceCell::new() });
                before += units.0 + units.1;
            }
            all
        })
    }
}
