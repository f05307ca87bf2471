//! Real servers of a test's own: started on free ports of 127.0.0.1, ended with the test, without a trace on disk.
//! Nothing on the machine is assumed to run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod postgres;
mod redis_server;
mod s3;

use std::net::TcpListener;

pub use postgres::PostgresServer;
pub use redis_server::{RedisSentinel, RedisServer, RedisTlsServer};
pub use s3::{Asked, Faults, Rates, S3Server};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
