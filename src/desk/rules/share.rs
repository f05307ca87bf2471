//! How far a share that was counted can be trusted.

use serde::Serialize;

/// The normal distribution's quantile for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A share of so many, with the interval that holds the true share with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Those that count.
    pub count: u64,
    /// All of them.
    pub of: u64,
    /// The share itself, 0 to 1.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Share {
    /// `count` of `of`, at most all of them, by Wilson's score interval (Wilson 1927), which holds for few and for shares
    /// near 0 and 1; none of none.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts are far below 2^53")]
    pub fn of(count: u64, of: u64) -> Option<Self> {
        if of == 0 {
            return None;
        }
        let (n, share) = (of as f64, count.min(of) as f64 / of as f64);
        let z2 = Z * Z;
        let middle = share + z2 / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z2 / n;
        let low = if count == 0 { 0.0 } else { ((middle - spread) / scale).max(0.0) };
        let high = if count >= of { 1.0 } else { ((middle + spread) / scale).min(1.0) };
        Some(Self { count: count.min(of), of, share: rounded(share), low: rounded(low), high: rounded(high) })
    }
}

impl std::fmt::Display for Share {
    /// `90.0 % (59.6–98.2)`: never without its interval.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} % ({:.1}–{:.1})", self.share * 100.0, self.low * 100.0, self.high * 100.0)
    }
}

/// To a millionth: the rest is noise.
fn rounded(share: f64) -> f64 {
    (share * 1_000_000.0).round() / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Computed with R's prop.test(correct = FALSE) and by hand.
        for (count, of, low, high) in [
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (8, 10, 0.4902, 0.9433),
            (1, 1, 0.2065, 1.0),
            (15, 148, 0.0624, 0.1605),
            (500, 1000, 0.4691, 0.5309),
        ] {
            let share = Share::of(count, of).unwrap_or_else(|| panic!("{count} of {of}"));
            let is_near = |a: f64, b: f64| (a - b).abs() < 0.000_051;
            assert!(is_near(share.low, low) && is_near(share.high, high), "{count} of {of}: {share:?}");
        }
        assert_eq!(Share::of(0, 0), None);
        assert_eq!(Share::of(9, 10).map(|share| share.to_string()).as_deref(), Some("90.0 % (59.6–98.2)"));
    }
}
