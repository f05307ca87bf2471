//! How speech is found and cut: lengths, paddings, thresholds.

/// How speech is found and cut.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentOptions {
    /// No clip is longer: the engine's limit.
    pub max_clip_ms: u64,
    /// Stretches of speech travel together up to this length; 0 sends each by itself.
    pub pack_to_ms: u64,
    /// Stretches further apart than this never travel together.
    pub max_gap_ms: u64,
    /// A pause up to this stays in the clip; of a longer one only the padding does.
    pub bridge_ms: u64,
    /// The least kept before and after a stretch of speech.
    pub min_padding_ms: u64,
    /// The most kept: the edge lies at the quietest point between the two.
    pub max_padding_ms: u64,
    /// A clip that reaches its limit is cut at the quietest point, or at the longest pause, of its last part this long.
    pub cut_search_ms: u64,
    /// The probability at which speech opens.
    pub speech_opens: f32,
    /// The probability below which it closes.
    pub speech_closes: f32,
    /// How long it must stay below to close.
    pub close_ms: u64,
    /// Shorter speech is taken for noise.
    pub min_speech_ms: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            // GLM-ASR and Whisper both hear 30 s; two of them are for their idea of the length.
            max_clip_ms: 28_000,
            pack_to_ms: 28_000,
            max_gap_ms: 30_000,
            bridge_ms: 800,
            min_padding_ms: 100,
            max_padding_ms: 300,
            cut_search_ms: 6_000,
            // Silero's own thresholds; 0.15 apart so that a word does not flicker.
            speech_opens: 0.5,
            speech_closes: 0.35,
            close_ms: 200,
            min_speech_ms: 128,
        }
    }
}
