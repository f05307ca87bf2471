//! The exchange as the script takes and gives it.

use redis::ScriptInvocation;

use crate::exchange::{ExchangeReply, ExchangeRequest, Grant, lane_number};

/// In flight, waiting, limit now, hold off, next or -1, tickets and fences granted, tickets lost.
pub(super) type Reply = (usize, usize, usize, i64, i64, Vec<u64>, Vec<u64>);

/// On which `process` hears that it was handed a place.
pub(super) fn channel(key: &str, process: &str) -> String {
    name(key, &format!("wake:{process}"))
}

/// One hash tag for all keys of a pool, so that they lie on one node.
fn name(key: &str, of: &str) -> String {
    format!("earmark:permits:{{{key}}}:{of}")
}

/// Keys and arguments, in the order of the script's head.
pub(super) fn write(call: &mut ScriptInvocation<'_>, key: &str, request: &ExchangeRequest) {
    for of in ["leases", "waiting", "processes", "turns", "state"] {
        call.key(name(key, of));
    }
    let terms = &request.terms;
    call.arg(channel(key, "")).arg(&request.process).arg(request.sequence).arg(terms.limit).arg(&terms.reserves[..]);
    call.arg(terms.lease_ms).arg(terms.grace_ms).arg(terms.silence_ms).arg(terms.recover_ms);
    call.arg(u8::from(request.was_throttled)).arg(request.more_waiting);
    call.arg(request.waiting.len()).arg(request.held.len()).arg(request.left.len());
    for waiter in &request.waiting {
        call.arg(waiter.ticket).arg(lane_number(waiter.lane)).arg(waiter.tenant.as_str());
    }
    for holder in &request.held {
        call.arg(holder.ticket).arg(lane_number(holder.lane)).arg(holder.tenant.as_str()).arg(holder.fence);
    }
    for ticket in &request.left {
        call.arg(*ticket);
    }
}

/// The script's reply.
pub(super) fn read(reply: Reply) -> ExchangeReply {
    let (in_flight, waiting, limit_now, hold_off_ms, next_ms, granted, lost) = reply;
    ExchangeReply {
        granted: granted.chunks_exact(2).map(|pair| Grant { ticket: pair[0], fence: pair[1] }).collect(),
        lost,
        in_flight,
        waiting,
        limit_now,
        hold_off_ms,
        next_ms: (next_ms >= 0).then_some(next_ms),
    }
}
