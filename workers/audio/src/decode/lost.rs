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
    spans: Vec<Span>,
}

impl Lost {
    /// One more, at `start_ms` of the recording, `length_ms` long where that is known.
    pub(super) fn add(&mut self, error: String, start_ms: u64, length_ms: u64) {
        self.packets += 1;
        self.first.get_or_insert(error);
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
        let (Some(first), Some(opens), Some(closes)) = (self.first, self.spans.first(), self.spans.last()) else {
            return;
        };
        let silence_ms: u64 = self.spans.iter().map(|span| span.end_ms - span.start_ms).sum();
        let detail = format!(
            "{} packets could not be decoded ({first}), from {} to {}: {silence_ms} ms of silence keep the time",
            self.packets,
            minutes_seconds(opens.start_ms),
            minutes_seconds(closes.end_ms),
        );
        output.warn_within("decode_errors", detail, self.spans);
    }
}
