//! The pool's task: gathers what happens in the process and says it to the store, one exchange at a time.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use earmark_core::Lane;
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::PoolStatus;
use crate::error::PermitsError;
use crate::exchange::{ExchangeReply, ExchangeRequest, Holder, Store, Terms, Waiter};
use crate::options::PoolOptions;
use crate::permit::{Asker, Permit, PoolEvent};

/// Longest wait between two attempts to reach the store.
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

pub(super) struct Actor {
    store: Box<dyn Store>,
    options: PoolOptions,
    terms: Terms,
    events: UnboundedReceiver<PoolEvent>,
    /// For the permits; weak, so that the task ends when everybody else is gone.
    sender: WeakUnboundedSender<PoolEvent>,
    status: Arc<Mutex<PoolStatus>>,
    process: String,
    sequence: u64,
    /// Who waits, by ticket: in order of arrival.
    waiting: BTreeMap<u64, (Asker, oneshot::Sender<Permit>)>,
    /// Permits that live, by ticket.
    held: BTreeMap<u64, HeldPlace>,
    /// Places left until their leases end, and when that is at the latest.
    left: BTreeMap<u64, Instant>,
    was_throttled: bool,
    closing: Option<oneshot::Sender<()>>,
    /// When the next exchange is due.
    due: Instant,
    /// After a failure, no exchange before.
    retry_at: Instant,
    /// When the last exchange that succeeded was sent: all leases run at least from then.
    renewed_at: Instant,
    is_reachable: Option<bool>,
}

struct HeldPlace {
    asker: Asker,
    fence: u64,
    lost: CancellationToken,
}

impl Actor {
    pub(super) fn new(
        store: Box<dyn Store>,
        options: PoolOptions,
        events: UnboundedReceiver<PoolEvent>,
        sender: WeakUnboundedSender<PoolEvent>,
        status: Arc<Mutex<PoolStatus>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            store,
            terms: options.terms(),
            options,
            events,
            sender,
            status,
            process: uuid::Uuid::new_v4().simple().to_string(),
            sequence: 0,
            waiting: BTreeMap::new(),
            held: BTreeMap::new(),
            left: BTreeMap::new(),
            was_throttled: false,
            closing: None,
            due: now,
            retry_at: now,
            renewed_at: now,
            is_reachable: None,
        }
    }

    pub(super) async fn run(mut self) {
        while self.gather().await.is_continue() {
            self.exchange().await;
        }
        // Nobody waits and nobody holds any more: say so, if the store listens.
        self.exchange().await;
        if let Some(done) = self.closing.take() {
            // An error means that nobody waits for the end.
            let _ = done.send(());
        }
    }

    /// Takes in what happens until an exchange is due; breaks when nobody is left to serve.
    async fn gather(&mut self) -> ControlFlow<()> {
        loop {
            let now = Instant::now();
            if now >= self.give_up_at() {
                self.give_up("could not be renewed in time");
            }
            if now >= self.due {
                return self.drain();
            }
            let until = if self.held.is_empty() { self.due } else { self.due.min(self.give_up_at()) };
            let is_waiting = !self.waiting.is_empty();
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.handle(event)?,
                    None => return ControlFlow::Break(()),
                },
                () = self.store.wait_for_grant(&self.process), if is_waiting => self.exchange_soon(),
                () = sleep_until(until) => {}
            }
        }
    }

    /// What has gathered meanwhile goes into the same exchange.
    fn drain(&mut self) -> ControlFlow<()> {
        while let Ok(event) = self.events.try_recv() {
            self.handle(event)?;
        }
        ControlFlow::Continue(())
    }

    fn handle(&mut self, event: PoolEvent) -> ControlFlow<()> {
        let is_news = match event {
            PoolEvent::Waits { ticket, asker, reply } => self.waiting.insert(ticket, (asker, reply)).is_none(),
            PoolEvent::Gone(ticket) => self.waiting.remove(&ticket).is_some(),
            // A place that was given up stays until its lease ends, whatever becomes of the permit.
            PoolEvent::Released(ticket) => self.held.remove(&ticket).is_some(),
            PoolEvent::Left(ticket) => {
                if self.held.remove(&ticket).is_some() {
                    self.left.insert(ticket, self.leases_end_at());
                }
                false
            }
            PoolEvent::Throttled => {
                self.was_throttled = true;
                true
            }
            PoolEvent::Close(done) => {
                self.waiting.clear();
                self.give_up("the pool is closed");
                self.closing = Some(done);
                return ControlFlow::Break(());
            }
        };
        if is_news {
            self.exchange_soon();
        }
        ControlFlow::Continue(())
    }

    fn exchange_soon(&mut self) {
        self.due = self.due.min(Instant::now().max(self.retry_at));
    }

    fn give_up_at(&self) -> Instant {
        self.renewed_at + self.options.give_up_after
    }

    fn leases_end_at(&self) -> Instant {
        self.renewed_at.max(Instant::now()) + self.options.lease + self.options.dead_holder_grace
    }

    /// Tells all holders that their places may be somebody else's. The places are left: the provider may be at it still.
    fn give_up(&mut self, why: &str) {
        let end = self.leases_end_at();
        for (ticket, held) in std::mem::take(&mut self.held) {
            warn!(pool = self.options.key, permit.fence = held.fence, "a permit is lost: {why}");
            held.lost.cancel();
            self.left.insert(ticket, end);
        }
    }

    /// One exchange with the store.
    async fn exchange(&mut self) {
        self.sequence += 1;
        let request = self.request();
        let sent_at = Instant::now();
        let mut patience = self.options.give_up_after / 5;
        if !self.held.is_empty() {
            patience = patience.min(self.give_up_at().saturating_duration_since(sent_at));
        }
        let result = match timeout(patience, self.store.exchange(&request)).await {
            Ok(result) => result,
            Err(_) => Err(PermitsError::Silent { waited_ms: patience.as_millis() }),
        };
        match result {
            Ok(reply) => {
                self.renewed_at = sent_at;
                self.apply(request, reply);
            }
            Err(error) => self.fail(&error),
        }
    }

    /// All that this process has and wants.
    fn request(&mut self) -> ExchangeRequest {
        let now = Instant::now();
        self.left.retain(|_, end| now < *end);
        let mut waiting = Vec::new();
        // Of each tenant no more can be next than there are permits.
        let mut listed: HashMap<(Lane, &str), usize> = HashMap::new();
        for (ticket, (asker, _)) in &self.waiting {
            let count = listed.entry((asker.lane, asker.tenant.as_str())).or_default();
            if *count < self.terms.limit {
                *count += 1;
                waiting.push(Waiter { ticket: *ticket, lane: asker.lane, tenant: asker.tenant.clone() });
            }
        }
        ExchangeRequest {
            process: self.process.clone(),
            sequence: self.sequence,
            terms: self.terms,
            more_waiting: self.waiting.len() - waiting.len(),
            waiting,
            held: self.held.iter().map(|(ticket, held)| held.holder(*ticket)).collect(),
            left: self.left.keys().copied().collect(),
            was_throttled: self.was_throttled,
        }
    }

    fn apply(&mut self, request: ExchangeRequest, reply: ExchangeReply) {
        if self.is_reachable == Some(false) {
            info!(pool = self.options.key, "the permits' store is back");
        }
        self.is_reachable = Some(true);
        self.set_status(PoolStatus {
            limit: self.terms.limit,
            limit_now: reply.limit_now,
            in_flight: reply.in_flight,
            waiting: reply.waiting,
            is_reachable: true,
        });
        if request.was_throttled {
            self.was_throttled = false;
        }
        for ticket in &reply.lost {
            if let Some(held) = self.held.remove(ticket) {
                warn!(pool = self.options.key, permit.fence = held.fence, "a permit is lost: the store gave it away");
                held.lost.cancel();
            }
        }
        let mut is_delivered = true;
        for grant in &reply.granted {
            let (Some((asker, granted)), Some(events)) = (self.waiting.remove(&grant.ticket), self.sender.upgrade())
            else {
                // Unlisted, it is given back.
                is_delivered = false;
                continue;
            };
            let lost = CancellationToken::new();
            self.held.insert(grant.ticket, HeldPlace { asker, fence: grant.fence, lost: lost.clone() });
            // One that went away meanwhile drops the permit, and that comes back as an event.
            let _ = granted.send(Permit::new(grant.ticket, grant.fence, lost, events));
        }
        self.plan_next(&reply, is_delivered);
    }

    /// When the next exchange is due if nothing happens.
    fn plan_next(&mut self, reply: &ExchangeReply, is_delivered: bool) {
        let now = Instant::now();
        self.retry_at = now;
        self.due = self.renewed_at + self.options.renew_every;
        if !self.waiting.is_empty() {
            // Four looks before this process counts as silent, not all processes at the same moment.
            self.due = self.due.min(now + (self.options.silence() / 4).mul_f64(0.75 + fastrand::f64() / 4.0));
            if let Some(next_ms) = reply.next_ms {
                self.due = self.due.min(now + Duration::from_millis(next_ms.max(1).unsigned_abs()));
            }
        }
        if !is_delivered {
            self.due = now;
        }
    }

    fn fail(&mut self, error: &PermitsError) {
        if self.is_reachable != Some(false) {
            let error = earmark_core::Failure::problem(error).message;
            warn!(pool = self.options.key, error, "the permits' store cannot be reached: nobody is granted a permit");
        }
        self.is_reachable = Some(false);
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.is_reachable = false;
        drop(status);
        let back_off = MAX_BACK_OFF.min(self.options.renew_every / 4).mul_f64(0.5 + fastrand::f64() / 2.0);
        self.retry_at = Instant::now() + back_off;
        self.due = self.retry_at;
    }

    fn set_status(&self, status: PoolStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

impl HeldPlace {
    fn holder(&self, ticket: u64) -> Holder {
        Holder { ticket, lane: self.asker.lane, tenant: self.asker.tenant.clone(), fence: self.fence }
    }
}
