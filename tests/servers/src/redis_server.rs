//! A Redis of the test's own: on a free port of 127.0.0.1, without a trace on disk, ended with the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::free_port;

/// A running `redis-server` from the PATH.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    child: Child,
}

impl RedisServer {
    /// Starts a server and waits until it listens.
    pub fn start() -> Self {
        loop {
            let port = free_port();
            // Another may have been faster to take the port.
            if let Some(child) = spawn(port) {
                return Self { port, child };
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, with nothing of what it knew.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port).expect("the port is still free");
    }

    /// Sends one command.
    pub async fn tell(&self, words: &[&str]) {
        self.ask::<redis::Value>(words).await;
    }

    /// Sends one command and reads its answer.
    pub async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
        .arg(port.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is installed: make setup");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if lines.map_while(Result::ok).any(|line| line.contains("Ready to accept connections")) {
        return Some(child);
    }
    let _ = child.wait();
    None
}
