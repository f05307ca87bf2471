//! Who holds, who waits, who is next: the decisions of an exchange, without I/O.

use std::collections::BTreeMap;

use earmark_core::{Lane, Tenant};
use serde::{Deserialize, Serialize};

use crate::exchange::{ExchangeReply, ExchangeRequest, Grant, Terms};

/// Tenants whose turns are remembered, over all lanes; a forgotten one counts as never served.
const MAX_TURNS: usize = 256;
/// After a halving, what else the provider refuses was sent before it.
const HALVING_MS: i64 = 1000;

/// A pool as its processes share it. `exchange.lua` is the same in Redis: change both or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scheduler {
    places: Vec<Place>,
    /// In order of arrival.
    waiters: Vec<Queued>,
    processes: BTreeMap<String, Seen>,
    /// When each tenant of a lane was last served, as the fence it got; the longest ago first.
    turns: Vec<(u64, Lane, Tenant)>,
    last_fence: u64,
    /// What the last halving left, and when.
    cut: Option<(usize, i64)>,
    /// Nobody is granted anything before.
    hold_until_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    process: String,
    ticket: u64,
    lane: Lane,
    tenant: Tenant,
    fence: u64,
    ends_ms: i64,
    /// Whether its process knows of it; until then nothing can be in flight.
    is_claimed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Queued {
    process: String,
    ticket: u64,
    lane: Lane,
    tenant: Tenant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    at_ms: i64,
    sequence: u64,
    more_waiting: usize,
}

impl Scheduler {
    /// A scheduler that has forgotten who holds what: nobody is granted anything before `until_ms`, and holders who are
    /// heard of before that keep their places.
    pub(crate) fn forgotten(until_ms: i64) -> Self {
        Self { hold_until_ms: until_ms, ..Self::default() }
    }

    /// One exchange at `now_ms`: the answer to `request`, and which other processes were given places.
    pub(crate) fn exchange(&mut self, now_ms: i64, request: &ExchangeRequest) -> (ExchangeReply, Vec<String>) {
        self.keep_within_the_clock(now_ms, &request.terms);
        let mut reply = ExchangeReply::default();
        let mut woken = Vec::new();
        let is_late = self.processes.get(&request.process).is_some_and(|seen| seen.sequence >= request.sequence);
        if !is_late {
            let seen = Seen { at_ms: now_ms, sequence: request.sequence, more_waiting: request.more_waiting };
            self.processes.insert(request.process.clone(), seen);
            self.update_places(now_ms, request, &mut reply);
            self.update_waiters(request);
            if request.was_throttled && self.cut.is_none_or(|(_, at_ms)| now_ms - at_ms >= HALVING_MS) {
                self.cut = Some(((self.limit_now(now_ms, &request.terms) / 2).max(1), now_ms));
            }
            self.forget_the_silent(now_ms, request);
            if now_ms >= self.hold_until_ms {
                self.grant(now_ms, request, &mut reply, &mut woken);
            }
        }
        self.report(now_ms, &request.terms, &mut reply);
        (reply, woken)
    }

    /// Whether `process` was given a place that it has not heard of.
    pub(crate) fn has_news_for(&self, process: &str) -> bool {
        self.places.iter().any(|place| !place.is_claimed && place.process == process)
    }

    /// A clock that was set back must not keep anything for longer than it would have been.
    fn keep_within_the_clock(&mut self, now_ms: i64, terms: &Terms) {
        let latest_ms = now_ms + terms.lease_ms;
        for place in &mut self.places {
            place.ends_ms = place.ends_ms.min(latest_ms);
        }
        for seen in self.processes.values_mut() {
            seen.at_ms = seen.at_ms.min(now_ms);
        }
        self.hold_until_ms = self.hold_until_ms.min(latest_ms);
        if let Some((_, at_ms)) = &mut self.cut {
            *at_ms = now_ms.min(*at_ms);
        }
    }

    fn limit_now(&self, now_ms: i64, terms: &Terms) -> usize {
        let Some((cut_to, cut_at_ms)) = self.cut else { return terms.limit };
        let steps = usize::try_from((now_ms - cut_at_ms) / terms.recover_ms).unwrap_or(0);
        cut_to.saturating_add(steps).min(terms.limit)
    }

    /// Renews, hands over and takes back the places of the process.
    fn update_places(&mut self, now_ms: i64, request: &ExchangeRequest, reply: &mut ExchangeReply) {
        let ends_ms = now_ms + request.terms.lease_ms;
        self.places.retain_mut(|place| {
            if place.process != request.process {
                return true;
            }
            let is_held = request.held.iter().any(|holder| holder.ticket == place.ticket);
            if is_held || request.waiting.iter().any(|waiter| waiter.ticket == place.ticket) {
                if !is_held {
                    reply.granted.push(Grant { ticket: place.ticket, fence: place.fence });
                }
                (place.is_claimed, place.ends_ms) = (true, ends_ms);
                return true;
            }
            request.left.contains(&place.ticket)
        });
        reply.granted.sort_by_key(|grant| grant.fence);
        for holder in &request.held {
            if self.has_place(&request.process, holder.ticket) {
                continue;
            }
            if now_ms >= self.hold_until_ms {
                reply.lost.push(holder.ticket);
                continue;
            }
            self.last_fence = self.last_fence.max(holder.fence);
            self.places.push(Place {
                process: request.process.clone(),
                ticket: holder.ticket,
                lane: holder.lane,
                tenant: holder.tenant.clone(),
                fence: holder.fence,
                ends_ms,
                is_claimed: true,
            });
        }
    }

    /// Makes the queue hold exactly those waiters of the process who still wait, the new ones at the end.
    fn update_waiters(&mut self, request: &ExchangeRequest) {
        let mut new: Vec<_> = request.waiting.iter().collect();
        new.retain(|waiter| !self.has_place(&request.process, waiter.ticket));
        self.waiters.retain(|queued| {
            if queued.process != request.process {
                return true;
            }
            let known = new.iter().position(|waiter| waiter.ticket == queued.ticket);
            known.map(|at| new.remove(at)).is_some()
        });
        self.waiters.extend(new.into_iter().map(|waiter| Queued {
            process: request.process.clone(),
            ticket: waiter.ticket,
            lane: waiter.lane,
            tenant: waiter.tenant.clone(),
        }));
    }

    fn has_place(&self, process: &str, ticket: u64) -> bool {
        self.places.iter().any(|place| place.ticket == ticket && place.process == process)
    }

    fn forget_the_silent(&mut self, now_ms: i64, request: &ExchangeRequest) {
        let terms = &request.terms;
        self.places.retain(|place| now_ms < place.over_ms(terms));
        self.processes.retain(|_, seen| now_ms < seen.at_ms + 2 * terms.lease_ms);
        let processes = &self.processes;
        self.waiters
            .retain(|queued| processes.get(&queued.process).is_some_and(|seen| now_ms < seen.at_ms + terms.silence_ms));
    }

    /// Gives away what is free, one place at a time.
    fn grant(&mut self, now_ms: i64, request: &ExchangeRequest, reply: &mut ExchangeReply, woken: &mut Vec<String>) {
        while let Some(at) = self.next_waiter(now_ms, &request.terms) {
            let Queued { process, ticket, lane, tenant } = self.waiters.remove(at);
            // The store's time keeps fences rising when the store has forgotten the last.
            let fence = (self.last_fence + 1).max(now_ms.unsigned_abs() * 1000);
            self.last_fence = fence;
            self.turns.retain(|(_, l, t)| (l, t) != (&lane, &tenant));
            self.turns.push((fence, lane, tenant.clone()));

            let is_own = process == request.process;
            if is_own {
                reply.granted.push(Grant { ticket, fence });
            } else if !woken.contains(&process) {
                woken.push(process.clone());
            }
            let ends_ms = now_ms + if is_own { request.terms.lease_ms } else { request.terms.silence_ms };
            self.places.push(Place { process, ticket, lane, tenant, fence, ends_ms, is_claimed: is_own });
        }
        let too_many = self.turns.len().saturating_sub(MAX_TURNS);
        self.turns.drain(..too_many);
    }

    /// The waiter whose turn it is, if there is a place for it.
    fn next_waiter(&self, now_ms: i64, terms: &Terms) -> Option<usize> {
        let free = self.limit_now(now_ms, terms).checked_sub(self.places.len()).filter(|free| *free > 0)?;
        let waits = |lane| self.waiters.iter().any(|queued| queued.lane == lane);
        let unmet = |lane: Lane| {
            let held = self.places.iter().filter(|place| place.lane == lane).count();
            terms.reserve(lane).saturating_sub(held)
        };
        let may_take = |lane: &Lane| {
            let others = Lane::ALL.iter().filter(|other| *other != lane && waits(**other));
            waits(*lane) && (unmet(*lane) > 0 || free > others.map(|other| unmet(*other)).sum())
        };
        let lane = *Lane::ALL.iter().find(|lane| may_take(lane))?;
        let of_lane = self.waiters.iter().enumerate().filter(|(_, queued)| queued.lane == lane);
        of_lane.min_by_key(|(at, queued)| (self.turn(lane, &queued.tenant), *at)).map(|(at, _)| at)
    }

    /// The fence of the tenant's last place in this lane; 0 for none.
    fn turn(&self, lane: Lane, tenant: &Tenant) -> u64 {
        self.turns.iter().find(|(_, l, t)| *l == lane && t == tenant).map_or(0, |(fence, _, _)| *fence)
    }

    fn report(&self, now_ms: i64, terms: &Terms, reply: &mut ExchangeReply) {
        reply.in_flight = self.places.len();
        reply.waiting = self.waiters.len() + self.processes.values().map(|seen| seen.more_waiting).sum::<usize>();
        reply.limit_now = self.limit_now(now_ms, terms);
        reply.hold_off_ms = (self.hold_until_ms - now_ms).max(0);
        if self.waiters.is_empty() {
            return;
        }
        let ends = self.places.iter().map(|place| place.over_ms(terms));
        let held_off = Some(self.hold_until_ms).filter(|until_ms| *until_ms > now_ms);
        let is_cut = self.cut.filter(|_| reply.limit_now < terms.limit);
        let back = is_cut.map(|(_, at_ms)| at_ms + ((now_ms - at_ms) / terms.recover_ms + 1) * terms.recover_ms);
        reply.next_ms = ends.chain(held_off).chain(back).min().map(|at_ms| (at_ms - now_ms).max(0));
    }
}

impl Place {
    /// When somebody else may have it.
    fn over_ms(&self, terms: &Terms) -> i64 {
        if self.is_claimed { self.ends_ms + terms.grace_ms } else { self.ends_ms }
    }
}
