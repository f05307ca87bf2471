//! What was there and could not be decoded: counted, with its places, and told once.

use earmark_core::{Span, minutes_seconds};

use super::output::Output;

/// Places kept; more are counted only.
const MOST_SPANS: usize = 100;

/// Packets or frames that could not be decoded.
#[derive(Debug, Default)]
pub(super) struct Lost {
    packets: u64,
    first: Option<String>,
    /// Where, as far as they are kept.
    spans: Vec<Span>,
    /// How long all of them are together, and where the last one ends.
    silence_ms: u64,
    end_ms: u64,
}

impl Lost {
    /// One more, at `start_ms` of the recording, `length_ms` long where that is known.
    pub(super) fn add(&mut self, error: String, start_ms: u64, length_ms: u64) {
        self.packets += 1;
        self.first.get_or_insert(error);
        self.silence_ms += length_ms;
        self.end_ms = self.end_ms.max(start_ms + length_ms);
        let span = Span { start_ms, end_ms: start_ms + length_ms };
        let kept = self.spans.len();
        match self.spans.last_mut() {
            Some(last) if last.end_ms >= span.start_ms => last.end_ms = last.end_ms.max(span.end_ms),
            _ if kept < MOST_SPANS => self.spans.push(span),
            _ => {}
        }
    }

    /// The first error, where there was one.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Tells the reader of the report.
    pub(super) fn warn(self, output: &mut Output<'_>) {
        let (Some(first), Some(opens)) = (self.first, self.spans.first()) else { return };
        let kept = match self.silence_ms {
            0 => String::new(),
            silence_ms => format!(": {silence_ms} ms of silence keep the time"),
        };
        let detail = format!(
            "{} packets could not be decoded ({first}), from {} to {}{kept}",
            self.packets,
            minutes_seconds(opens.start_ms),
            minutes_seconds(self.end_ms),
        );
        output.warn_within("decode_errors", detail, self.spans);
    }
}
