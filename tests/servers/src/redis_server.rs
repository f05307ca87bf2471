//! A Redis of the test's own: on a free port of 127.0.0.1, without a trace on disk, ended with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bound::{LastWord, bound, start};
use crate::{on_a_free_port, until_it_says};

/// From the PATH.
const PROGRAM: &str = "redis-server";

/// A running `redis-server`.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    child: Child,
}

impl RedisServer {
    /// Starts a server and waits until it listens.
    pub fn start() -> Self {
        on_a_free_port(PROGRAM, |port| Ok(Self { port, child: spawn(port, &[])? }))
    }

    /// Starts a server with `more` words on its command line.
    pub fn start_with(more: &[&str]) -> Self {
        on_a_free_port(PROGRAM, |port| Ok(Self { port, child: spawn(port, more)? }))
    }

    /// Starts a server that follows `primary`.
    pub fn replica_of(primary: &Self) -> Self {
        let follow = ["--replicaof", &format!("127.0.0.1 {}", primary.port)];
        on_a_free_port(PROGRAM, |port| Ok(Self { port, child: spawn(port, &follow)? }))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients connect: `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills the server, as a failing machine would.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, with nothing of what it knew.
    pub fn start_again(&mut self) {
        // A client that looks for the server may have its port as its own for a moment.
        self.child = crate::until("a Redis on its old port", || spawn(self.port, &[]).ok());
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

fn spawn(port: u16, more: &[&str]) -> Result<Child, String> {
    let mut command = bound(PROGRAM, LastWord::Kill);
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
        .arg(port.to_string())
        .args(more);
    until(command, "Ready to accept connections")
}

/// The program once it has said `ready`; what it said when it ended before.
fn until(mut command: Command, ready: &str) -> Result<Child, String> {
    command.stdout(Stdio::piped());
    let mut child = start(command).expect("redis-server is installed: make setup");
    let output = child.stdout.take().unwrap();
    until_it_says(ready, child, output)
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
        let server = on_a_free_port(PROGRAM, |port| {
            let file = folder.path().join(format!("{port}.conf"));
            let settings =
                format!("bind 127.0.0.1\nport {port}\nsentinel monitor {service} 127.0.0.1 {} 1\n", primary.port);
            std::fs::write(&file, settings).unwrap();
            let mut command = bound(PROGRAM, LastWord::Kill);
            command.arg(&file).arg("--sentinel");
            Ok(RedisServer { port, child: until(command, "+monitor master")? })
        });
        Self { _folder: folder, server }
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
        let server = on_a_free_port(PROGRAM, |port| {
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
            Ok(RedisServer { port, child: spawn(0, &more)? })
        });
        Self { folder, server }
    }

    /// Where clients connect: `rediss://localhost:PORT/`.
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}/", self.server.port)
    }

    /// What a client has to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}
