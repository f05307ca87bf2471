//! Real servers of a test's own: started on free ports of 127.0.0.1, ended with the test, without a trace on disk.
//! Nothing on the machine is assumed to run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bound;
mod children;
mod patience;
mod pgbouncer;
mod postgres;
mod redis_server;
mod s3;
mod small_disk;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

pub use bound::{LastWord, bound, start};
pub use children::children;
pub use patience::{PATIENCE, end_of, ends_within, until, within};
pub use pgbouncer::PgBouncer;
pub use postgres::PostgresServer;
pub use redis_server::{RedisSentinel, RedisServer, RedisTlsServer};
pub use s3::{Asked, Faults, Rates, S3Server};
pub use small_disk::SmallDisk;

/// Ports to be tried: another may be faster to take one.
const TRIES: u32 = 10;

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `start` makes of a port that is really free.
///
/// # Panics
/// When none of some ports will do: with what the program said of the last.
fn on_a_free_port<T>(program: &str, mut start: impl FnMut(u16) -> Result<T, String>) -> T {
    let mut said = String::new();
    for _ in 0..TRIES {
        match start(free_port()) {
            Ok(started) => return started,
            Err(why) => said = why,
        }
    }
    panic!("{program} does not start (`make setup` installs it), on {TRIES} ports: {said}")
}

/// `child` once its `output` has a line with `ready`; what it said when it ended before.
///
/// # Panics
/// When it does neither within [`PATIENCE`].
fn until_it_says(ready: &str, mut child: Child, output: impl Read + Send + 'static) -> Result<Child, String> {
    let (say, lines) = channel();
    // It goes on writing after that, and must not wait for a reader.
    std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(say.send(line)));
    });
    let (until, mut said) = (Instant::now() + PATIENCE, Vec::new());
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(ready) => return Ok(child),
            Ok(line) => said.push(line),
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(format!("{status}: {}", said.join("\n")));
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("waited {} s for `{ready}`, heard: {}", PATIENCE.as_secs(), said.join("\n"));
            }
        }
    }
}
