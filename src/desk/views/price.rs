//! Prices.

/// Millionths of a yuan as yuan.
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a price is far below 2^53 millionths of a yuan"
)]
pub fn yuan(micro_cny: i64) -> f64 {
    micro_cny as f64 / 1_000_000.0
}
