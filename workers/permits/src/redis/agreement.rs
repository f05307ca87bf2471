//! The script decides as the board does, over random lives of several processes.

use proptest::prelude::*;
use redis::Script;

use super::*;
use crate::board::Board;
use crate::exchange::{Holder, Terms, Waiter};
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
    told: Told,
    /// What it said last, and when.
    last: Option<(Told, i64)>,
}

impl Process {
    fn new(name: String, limit: usize) -> Self {
        let reserves = if limit < 3 { [0; 3] } else { [0, 1, 1] };
        let terms = Terms { limit, reserves, lease_ms: 15_000, grace_ms: 700, silence_ms: 3_000, recover_ms: 2_500 };
        let told = Told {
            process: name,
            sequence: 0,
            terms,
            waiting: Vec::new(),
            more_waiting: 0,
            held: Vec::new(),
            left: Vec::new(),
            was_throttled: false,
        };
        Self { told, last: None }
    }

    fn hear(&mut self, heard: &Heard) {
        for grant in &heard.granted {
            let at = self.told.waiting.iter().position(|waiter| waiter.ticket == grant.ticket).unwrap();
            let Waiter { ticket, lane, tenant } = self.told.waiting.remove(at);
            self.told.held.push(Holder { ticket, lane, tenant, fence: grant.fence });
        }
        self.told.held.retain(|holder| !heard.lost.contains(&holder.ticket));
        self.told.was_throttled = false;
    }
}

struct World {
    script: Script,
    connection: MultiplexedConnection,
    board: Board,
    processes: Vec<Process>,
    lives: usize,
    tickets: u64,
    now_ms: i64,
    limit: usize,
}

impl World {
    async fn exchange(&mut self, process: usize, told: Told) -> Heard {
        let (expected, _) = self.board.exchange(self.now_ms, &told);
        let mut call = self.script.prepare_invoke();
        wire::write(&mut call, "account/model", &told);
        call.arg(self.now_ms);
        let heard = wire::read(call.invoke_async(&mut self.connection).await.unwrap());
        assert_eq!(heard, expected, "process {process} said {told:?}");
        assert!(heard.granted.is_empty() || heard.hold_off_ms == 0 || !told.waiting.is_empty());
        heard
    }

    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Ask { process, lane, tenant } => {
                self.tickets += 1;
                let tenant = Tenant::parse(&format!("t{tenant}")).unwrap();
                let waiter = Waiter { ticket: self.tickets, lane: Lane::ALL[lane], tenant };
                self.processes[process].told.waiting.push(waiter);
            }
            Op::Stop { process, which } => take(&mut self.processes[process].told.waiting, which),
            Op::Release { process, which } => take(&mut self.processes[process].told.held, which),
            Op::Leave { process, which } => {
                let told = &mut self.processes[process].told;
                if let Some(holder) = told.held.get(which) {
                    told.left.push(holder.ticket);
                }
                take(&mut told.held, which);
            }
            Op::Throttle { process } => self.processes[process].told.was_throttled = true,
            Op::Exchange { process } => {
                let told = &mut self.processes[process].told;
                told.sequence += 1;
                told.more_waiting = told.waiting.len() % 2;
                told.terms = Process::new(String::new(), self.limit).told.terms;
                let told = told.clone();
                let heard = self.exchange(process, told.clone()).await;
                self.processes[process].hear(&heard);
                self.processes[process].last = Some((told, self.now_ms));
            }
            Op::Repeat { process } => {
                if let Some((told, told_ms)) = self.processes[process].last.clone() {
                    let lease_ms = told.terms.lease_ms;
                    let heard = self.exchange(process, told).await;
                    // Once its lease has ended a process loses what it held, and may be granted what it waits for.
                    let is_within = self.now_ms - told_ms < lease_ms;
                    assert!(!is_within || heard.granted.is_empty() || heard.lost.is_empty());
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
fn the_script_decides_as_the_board_does() {
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
                script: script.clone(), connection, board: Board::default(), processes,
                lives: 3, tickets: 0, now_ms: START_MS, limit,
            };
            world.board = Board::forgotten(START_MS + 15_000);
            world.processes[0].told.sequence = 1;
            let told = world.processes[0].told.clone();
            world.exchange(0, told).await;
            for op in &ops {
                world.apply(op).await;
            }
        });
    });
}
