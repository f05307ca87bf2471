//! A Redis of the test's own: on a free port of 127.0.0.1, without a trace on disk, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
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
            if let Some(child) = spawn(port, &[]) {
                return Self { port, child };
            }
        }
    }

    /// Starts a server that follows `primary`.
    pub fn replica_of(primary: &Self) -> Self {
        loop {
            let port = free_port();
            if let Some(child) = spawn(port, &["--replicaof", &format!("127.0.0.1 {}", primary.port)]) {
                return Self { port, child };
            }
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
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
        self.child = spawn(self.port, &[]).expect("the port is still free");
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

fn spawn(port: u16, more: &[&str]) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
        .arg(port.to_string())
        .args(more);
    until(command, "Ready to accept connections")
}

/// The program once it has said `ready`; none when it ended before.
fn until(mut command: Command, ready: &str) -> Option<Child> {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("redis-server is installed: make setup");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    if lines.any(|line| line.contains(ready)) {
        // It goes on writing, and must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        return Some(child);
    }
    let _ = child.wait();
    None
}

/// A Sentinel that watches one primary.
#[derive(Debug)]
pub struct RedisSentinel {
    _folder: tempfile::TempDir,
    server: RedisServer,
}

impl RedisSentinel {
    /// Starts a Sentinel for `primary` under the name `service`; alone, it decides alone.
    pub fn start(primary: &RedisServer, service: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("sentinel-").tempdir().unwrap();
        loop {
            let port = free_port();
            let file = folder.path().join(format!("{port}.conf"));
            let settings =
                format!("bind 127.0.0.1\nport {port}\nsentinel monitor {service} 127.0.0.1 {} 1\n", primary.port);
            std::fs::write(&file, settings).unwrap();
            let mut command = Command::new("redis-server");
            command.arg(&file).arg("--sentinel");
            if let Some(child) = until(command, "+monitor master") {
                return Self { _folder: folder, server: RedisServer { port, child } };
            }
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Has it move the primary; false while it knows no replica to move to.
    pub async fn move_primary(&self, service: &str) -> bool {
        let client = redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("SENTINEL").arg("FAILOVER").arg(service).exec_async(&mut connection).await.is_ok()
    }
}

/// A Redis that speaks TLS alone, with a certificate that signs itself.
#[derive(Debug)]
pub struct RedisTlsServer {
    folder: tempfile::TempDir,
    server: RedisServer,
}

impl RedisTlsServer {
    /// Makes a certificate and starts a server with it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("redis-tls-").tempdir().unwrap();
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=earmark", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl is installed: make setup");
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        loop {
            let port = free_port();
            let (tls, certificate, key) = (port.to_string(), path(&certificate), path(&key));
            let more = [
                "--tls-port",
                &tls,
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-auth-clients",
                "no",
            ];
            if let Some(child) = spawn(0, &more) {
                return Self { folder, server: RedisServer { port, child } };
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}/", self.server.port)
    }

    /// What a client has to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}
