//! Tiers: how many requests a key may have in flight, at the provider and here.

use super::value::choice;

choice! {
    /// An account's tier. GLM-ASR page, "用户并发权益".
    Tier {
        /// 5 requests in flight.
        V0 = "V0",
        /// 10 requests in flight.
        V1 = "V1",
        /// 15 requests in flight.
        V2 = "V2",
        /// 20 requests in flight.
        V3 = "V3",
    }
}

impl Tier {
    /// Requests in flight. GLM-ASR page, "用户并发权益".
    pub fn requests(self) -> usize {
        match self {
            Self::V0 => 5,
            Self::V1 => 10,
            Self::V2 => 15,
            Self::V3 => 20,
        }
    }
}
