//! What happens to a journal, at random.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub enum Op {
    /// Without a key it is the recording that makes it the same job again, unless it is to be done whatever there is.
    Accept {
        key: Option<u8>,
        tenant: u8,
        recording: u8,
        is_repeat: bool,
        priority: i64,
    },
    Pause {
        lane: bool,
        tenant: Option<u8>,
    },
    Resume {
        lane: bool,
        tenant: Option<u8>,
    },
    Lease {
        worker: usize,
    },
    Renew {
        lease: usize,
    },
    Release {
        lease: usize,
    },
    RetryAt {
        lease: usize,
        wait_ms: i64,
        costs_attempt: bool,
    },
    Bury {
        lease: usize,
    },
    Finish {
        lease: usize,
    },
    FinishCancel {
        lease: usize,
    },
    SaveClip {
        lease: usize,
        index: u32,
    },
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Wait {
        ms: i64,
    },
    Die {
        worker: usize,
    },
    Sweep,
}

pub fn op() -> impl Strategy<Value = Op> {
    let number = any::<usize>;
    prop_oneof![
        5 => (proptest::option::of(0..3_u8), 0..2_u8, 0..4_u8, any::<bool>(), -1..2_i64).prop_map(|(key, tenant, recording, is_repeat, priority)| Op::Accept { key, tenant, recording, is_repeat, priority }),
        1 => (any::<bool>(), proptest::option::of(0..2_u8)).prop_map(|(lane, tenant)| Op::Pause { lane, tenant }),
        2 => (any::<bool>(), proptest::option::of(0..2_u8)).prop_map(|(lane, tenant)| Op::Resume { lane, tenant }),
        6 => (0..3_usize).prop_map(|worker| Op::Lease { worker }),
        2 => number().prop_map(|lease| Op::Renew { lease }),
        1 => number().prop_map(|lease| Op::Release { lease }),
        2 => (number(), 0..50_000_i64, any::<bool>()).prop_map(|(lease, wait_ms, costs_attempt)| Op::RetryAt { lease, wait_ms, costs_attempt }),
        1 => number().prop_map(|lease| Op::Bury { lease }),
        2 => number().prop_map(|lease| Op::Finish { lease }),
        1 => number().prop_map(|lease| Op::FinishCancel { lease }),
        2 => (number(), 0..3_u32).prop_map(|(lease, index)| Op::SaveClip { lease, index }),
        2 => number().prop_map(|job| Op::Cancel { job }),
        2 => number().prop_map(|job| Op::Retry { job }),
        3 => (1..40_000_i64).prop_map(|ms| Op::Wait { ms }),
        1 => (0..3_usize).prop_map(|worker| Op::Die { worker }),
        3 => Just(Op::Sweep),
    ]
}
