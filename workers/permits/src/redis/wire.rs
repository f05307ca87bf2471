//! The exchange as the script takes and gives it.

use redis::ScriptInvocation;

use crate::exchange::{Grant, Heard, Told};

/// In flight, waiting, limit now, hold off, next or -1, tickets and fences granted, tickets lost.
pub(super) type Reply = (usize, usize, usize, i64, i64, Vec<u64>, Vec<u64>);

/// On which `process` is told that it was handed a place.
pub(super) fn channel(key: &str, process: &str) -> String {
    name(key, &format!("wake:{process}"))
}

/// One hash tag for all keys of a pool, so that they lie on one node.
fn name(key: &str, of: &str) -> String {
    format!("earmark:permits:{{{key}}}:{of}")
}

/// Keys and arguments, in the order of the script's head.
pub(super) fn write(call: &mut ScriptInvocation<'_>, key: &str, told: &Told) {
    for of in ["leases", "waiting", "processes", "turns", "state"] {
        call.key(name(key, of));
    }
    let terms = &told.terms;
    call.arg(channel(key, "")).arg(&told.process).arg(told.sequence).arg(terms.limit).arg(&terms.reserves[..]);
    call.arg(terms.lease_ms).arg(terms.grace_ms).arg(terms.silence_ms).arg(terms.recover_ms);
    call.arg(u8::from(told.was_throttled)).arg(told.more_waiting);
    call.arg(told.waiting.len()).arg(told.held.len()).arg(told.left.len());
    for waiter in &told.waiting {
        call.arg(waiter.ticket).arg(waiter.lane as u8).arg(waiter.tenant.as_str());
    }
    for holder in &told.held {
        call.arg(holder.ticket).arg(holder.lane as u8).arg(holder.tenant.as_str()).arg(holder.fence);
    }
    for ticket in &told.left {
        call.arg(*ticket);
    }
}

/// The script's reply.
pub(super) fn read(reply: Reply) -> Heard {
    let (in_flight, waiting, limit_now, hold_off_ms, next_ms, granted, lost) = reply;
    Heard {
        granted: granted.chunks_exact(2).map(|pair| Grant { ticket: pair[0], fence: pair[1] }).collect(),
        lost,
        in_flight,
        waiting,
        limit_now,
        hold_off_ms,
        next_ms: (next_ms >= 0).then_some(next_ms),
    }
}
