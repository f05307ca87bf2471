//! How long a request is in work.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::heard::Heard;

/// From the request's last byte to its answer.
#[derive(Clone)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Anything between the two, evenly.
    Uniform(Duration, Duration),
    /// Half of the answers sooner than `median`; the logarithm has the standard deviation `sigma`.
    LogNormal {
        /// Half of the answers take longer.
        median: Duration,
        /// 0.3 to 0.6 for services like this one.
        sigma: f64,
    },
    /// Whatever the request deserves.
    PerRequest(Arc<dyn Fn(&Heard) -> Duration + Send + Sync>),
}

/// A latency that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of 200 | 100-300 | lognormal:200,0.4 (milliseconds)")]
pub struct LatencyError(String);

impl Latency {
    pub(crate) fn draw(&self, heard: &Heard, rng: &mut fastrand::Rng) -> Duration {
        match self {
            Self::Fixed(latency) => *latency,
            Self::Uniform(least, most) => *least + most.saturating_sub(*least).mul_f64(rng.f64()),
            Self::LogNormal { median, sigma } => median.mul_f64((sigma * normal(rng)).exp()),
            Self::PerRequest(decide) => decide(heard),
        }
    }
}

/// Box and Muller's transform.
fn normal(rng: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, LatencyError> {
        let read = || {
            let ms = |text: &str| text.parse().ok().map(Duration::from_millis);
            if let Some(shape) = text.strip_prefix("lognormal:") {
                let (median, sigma) = shape.split_once(',')?;
                let sigma = sigma.parse().ok().filter(|sigma| (0.0..=3.0).contains(sigma))?;
                return Some(Self::LogNormal { median: ms(median)?, sigma });
            }
            match text.split_once('-') {
                Some((least, most)) => Some(Self::Uniform(ms(least)?, ms(most)?)),
                None => Some(Self::Fixed(ms(text)?)),
            }
        };
        read().ok_or_else(|| LatencyError(text.into()))
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(latency) => write!(f, "{latency:?}"),
            Self::Uniform(least, most) => write!(f, "{least:?}-{most:?}"),
            Self::LogNormal { median, sigma } => write!(f, "lognormal:{median:?},{sigma}"),
            Self::PerRequest(_) => f.write_str("per request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_spread_are_those_asked_for() {
        let mut rng = fastrand::Rng::with_seed(1);
        let latency: Latency = "lognormal:200,0.5".parse().unwrap();
        let mut drawn: Vec<f64> =
            (0..10_000).map(|_| latency.draw(&Heard::default(), &mut rng).as_secs_f64()).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((0.195..0.205).contains(&drawn[5000]), "{}", drawn[5000]);
        // One standard deviation above the middle: 200 ms x e^0.5.
        assert!((0.32..0.34).contains(&drawn[8413]), "{}", drawn[8413]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "fast", "1-", "lognormal:200", "lognormal:200,x", "200ms"] {
            assert!(text.parse::<Latency>().is_err(), "{text}");
        }
    }
}
