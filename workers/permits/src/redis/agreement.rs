//! The script decides as the scheduler does, over random lives of several processes.

use proptest::prelude::*;
use redis::Script;

use super::*;
use crate::exchange::{Holder, Terms, Waiter};
use crate::scheduler::Scheduler;
use earmark_core::{Lane, Tenant};
use earmark_servers::RedisServer;

/// The two lines of the script that read the clock, and what a test puts there instead.
const CLOCK: &str = "local time = redis.call('TIME')\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\n";
const TEST_CLOCK: &str = "local now = tonumber(table.remove(ARGV))\n";
const START_MS: i64 = 1_790_000_000_000;

#[derive(Debug, Clone)]
enum Op {
    Ask {
        process: usize,
        lane: usize,
        tenant: u8,
    },
    Stop {
        process: usize,
        which: usize,
    },
    Release {
        process: usize,
        which: usize,
    },
    Leave {
        process: usize,
        which: usize,
    },
    Throttle {
        process: usize,
    },
    Exchange {
        process: usize,
    },
    /// As if an exchange of long ago arrived now.
    Repeat {
        process: usize,
    },
    /// Begins a new life without a word.
    Die {
        process: usize,
    },
    Wait {
        ms: i64,
    },
    Limit {
        limit: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let process = || 0..3_usize;
    prop_oneof![
        6 => (process(), 0..3_usize, 0..3_u8).prop_map(|(process, lane, tenant)| Op::Ask { process, lane, tenant }),
        1 => (process(), 0..9_usize).prop_map(|(process, which)| Op::Stop { process, which }),
        3 => (process(), 0..9_usize).prop_map(|(process, which)| Op::Release { process, which }),
        1 => (process(), 0..9_usize).prop_map(|(process, which)| Op::Leave { process, which }),
        1 => process().prop_map(|process| Op::Throttle { process }),
        9 => process().prop_map(|process| Op::Exchange { process }),
        1 => process().prop_map(|process| Op::Repeat { process }),
        1 => process().prop_map(|process| Op::Die { process }),
        3 => prop_oneof![3 => 1..900_i64, 1 => 1..20_000_i64].prop_map(|ms| Op::Wait { ms }),
        1 => (1..7_usize).prop_map(|limit| Op::Limit { limit }),
    ]
}

/// A process as it knows itself.
struct Process {
    request: ExchangeRequest,
    /// What it said last, and when.
    last: Option<(ExchangeRequest, i64)>,
}

impl Process {
    fn new(name: String, limit: usize) -> Self {
        let reserves = if limit < 3 { [0; 3] } else { [0, 1, 1] };
        let terms = Terms { limit, reserves, lease_ms: 15_000, grace_ms: 700, silence_ms: 3_000, recover_ms: 2_500 };
        let request = ExchangeRequest {
            process: name,
            sequence: 0,
            terms,
            waiting: Vec::new(),
            more_waiting: 0,
            held: Vec::new(),
            left: Vec::new(),
            was_throttled: false,
        };
        Self { request, last: None }
    }

    fn apply_reply(&mut self, reply: &ExchangeReply) {
        for grant in &reply.granted {
            let at = self.request.waiting.iter().position(|waiter| waiter.ticket == grant.ticket).unwrap();
            let Waiter { ticket, lane, tenant } = self.request.waiting.remove(at);
            self.request.held.push(Holder { ticket, lane, tenant, fence: grant.fence });
        }
        self.request.held.retain(|holder| !reply.lost.contains(&holder.ticket));
        self.request.was_throttled = false;
    }
}

struct World {
    script: Script,
    connection: MultiplexedConnection,
    scheduler: Scheduler,
    processes: Vec<Process>,
    lives: usize,
    tickets: u64,
    now_ms: i64,
    limit: usize,
}

impl World {
    async fn exchange(&mut self, process: usize, request: ExchangeRequest) -> ExchangeReply {
        let (expected, _) = self.scheduler.exchange(self.now_ms, &request);
        let mut call = self.script.prepare_invoke();
        wire::write(&mut call, "account/model", &request);
        call.arg(self.now_ms);
        let reply = wire::read(call.invoke_async(&mut self.connection).await.unwrap());
        assert_eq!(reply, expected, "process {process} said {request:?}");
        assert!(reply.granted.is_empty() || reply.hold_off_ms == 0 || !request.waiting.is_empty());
        reply
    }

    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Ask { process, lane, tenant } => {
                self.tickets += 1;
                let tenant = Tenant::parse(&format!("t{tenant}")).unwrap();
                let waiter = Waiter { ticket: self.tickets, lane: Lane::ALL[lane], tenant };
                self.processes[process].request.waiting.push(waiter);
            }
            Op::Stop { process, which } => take(&mut self.processes[process].request.waiting, which),
            Op::Release { process, which } => take(&mut self.processes[process].request.held, which),
            Op::Leave { process, which } => {
                let request = &mut self.processes[process].request;
                if let Some(holder) = request.held.get(which) {
                    request.left.push(holder.ticket);
                }
                take(&mut request.held, which);
            }
            Op::Throttle { process } => self.processes[process].request.was_throttled = true,
            Op::Exchange { process } => {
                let request = &mut self.processes[process].request;
                request.sequence += 1;
                request.more_waiting = request.waiting.len() % 2;
                request.terms = Process::new(String::new(), self.limit).request.terms;
                let request = request.clone();
                let reply = self.exchange(process, request.clone()).await;
                self.processes[process].apply_reply(&reply);
                self.processes[process].last = Some((request, self.now_ms));
            }
            Op::Repeat { process } => {
                if let Some((request, asked_ms)) = self.processes[process].last.clone() {
                    let lease_ms = request.terms.lease_ms;
                    let reply = self.exchange(process, request).await;
                    // Once its lease has ended a process loses what it held, and may be granted what it waits for.
                    let is_within = self.now_ms - asked_ms < lease_ms;
                    assert!(!is_within || reply.granted.is_empty() || reply.lost.is_empty());
                }
            }
            Op::Die { process } => {
                self.lives += 1;
                self.processes[process] = Process::new(format!("p{}", self.lives), self.limit);
            }
            Op::Wait { ms } => self.now_ms += ms,
            Op::Limit { limit } => self.limit = limit,
        }
    }
}

fn take<T>(list: &mut Vec<T>, which: usize) {
    if which < list.len() {
        list.remove(which);
    }
}

#[test]
fn the_script_decides_as_the_scheduler_does() {
    let server = RedisServer::start();
    assert!(EXCHANGE.contains(CLOCK), "the script reads the clock elsewhere");
    let script = Script::new(&EXCHANGE.replace(CLOCK, TEST_CLOCK));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(ops in proptest::collection::vec(op(), 1..150), limit in 1..7_usize)| {
        runtime.block_on(async {
            let client = redis::Client::open(server.url()).unwrap();
            let mut connection = client.get_multiplexed_async_connection().await.unwrap();
            redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
            let processes = (0..3).map(|number| Process::new(format!("p{number}"), limit)).collect();
            // What the script does when it finds nothing, at its first exchange.
            let mut world = World {
                script: script.clone(), connection, scheduler: Scheduler::default(), processes,
                lives: 3, tickets: 0, now_ms: START_MS, limit,
            };
            world.scheduler = Scheduler::forgotten(START_MS + 15_000);
            world.processes[0].request.sequence = 1;
            let request = world.processes[0].request.clone();
            world.exchange(0, request).await;
            for op in &ops {
                world.apply(op).await;
            }
        });
    });
}
