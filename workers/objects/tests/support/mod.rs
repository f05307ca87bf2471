//! What the tests of artifacts and of strange stores share.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use earmark_core::{Job, JobId, JobOptions, JobState, Lane, Tenant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A job that somebody works on; its artifacts go to `out_dir`, where it has a folder of its own.
pub fn job(out_dir: Option<&Path>) -> Job {
    Job {
        id: JobId::at(1_760_000_000_000),
        uri: "a".into(),
        location: "/calls/a".into(),
        tenant: Tenant::default(),
        lane: Lane::Call,
        key: None,
        metadata: serde_json::Map::new(),
        options: JobOptions { out_dir: out_dir.map(|folder| folder.display().to_string()), ..JobOptions::default() },
        priority: 0,
        version: None,
        state: JobState::Leased,
        attempt: 1,
        deaths: 0,
        run_at_ms: 0,
        accepted_at_ms: 0,
        finished_at_ms: None,
        clips_total: None,
        clips_done: 0,
        is_cancel_requested: false,
        error: None,
    }
}

/// A request that a [`Stub`] got.
#[derive(Debug, Clone)]
pub struct StubRequest {
    /// Path and query, as they were written.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl StubRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A server whose answers are bytes, one for each connection: it can say what no library would.
pub struct Stub {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<StubRequest>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Stub {
    pub async fn start(answer: impl Fn(&StubRequest) -> Vec<u8> + Send + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = read(&mut stream).await else { continue };
                let bytes = answer(&request);
                seen.lock().unwrap().push(request);
                // A client that hangs up is the client's affair.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, asked, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked since the last call.
    pub fn take(&self) -> Vec<StubRequest> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// An answer with `head`, further lines of it.
    pub fn answer(status: u16, head: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n{head}\r\n");
        [head.as_bytes(), body].concat()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A request with its body, which is thrown away.
async fn read(stream: &mut TcpStream) -> Option<StubRequest> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let request = StubRequest { path, headers };
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            break;
        }
    }
    Some(request)
}
