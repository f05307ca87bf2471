//! A provider for tests: reads requests as bytes, answers as bytes, and misbehaves where it is told to.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What is done after a request has been read, in order. After the last step the next request is awaited.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Until the client hangs up.
    Wait,
    /// The same bytes until the client hangs up.
    SendForEver(Vec<u8>),
    /// The same bytes again and again, with a pause between, until the client hangs up.
    Trickle(Vec<u8>),
    /// Until so many requests have been read in all.
    Gather(usize),
    /// Without a farewell.
    Reset,
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// The first line.
    pub line: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub value: Vec<u8>,
}

/// Listens on a free port of 127.0.0.1 until it is dropped.
pub struct Peer {
    pub url: String,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    script: Box<dyn Fn(usize) -> Vec<Step> + Send + Sync>,
    /// Connections that are reset before a byte is read, from the first on.
    refused: usize,
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    connections: usize,
    hang_ups: usize,
}

impl Peer {
    /// Answers the request with the number given (from 0) by the steps that `script` says.
    pub async fn start(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::refusing(0, script).await
    }

    /// Answers each request with these bytes.
    pub async fn answering(reply: impl Into<Vec<u8>>) -> Self {
        let reply = reply.into();
        Self::start(move |_| vec![Step::Send(reply.clone())]).await
    }

    /// Resets the first connections before it reads anything.
    pub async fn refusing(refused: usize, script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/paas/v4", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { script: Box::new(script), refused, seen: Mutex::default(), changed: Notify::new() });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self { url, shared, listening }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().requests.clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.seen.lock().unwrap().connections
    }

    /// Waits until so many requests have been read.
    pub async fn has_read(&self, count: usize) {
        self.shared.until(|seen| seen.requests.len() >= count).await;
    }

    /// Waits until a client has hung up where it was waited for.
    pub async fn was_hung_up_on(&self) {
        self.shared.until(|seen| seen.hang_ups > 0).await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    async fn until(&self, is_so: impl Fn(&Seen) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if is_so(&self.seen.lock().unwrap()) {
                return;
            }
            changed.await;
        }
    }

    fn note(&self, note: impl FnOnce(&mut Seen) -> usize) -> usize {
        let number = note(&mut self.seen.lock().unwrap());
        self.changed.notify_waiters();
        number
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = shared.note(|seen| {
            seen.connections += 1;
            seen.connections
        });
        if number <= shared.refused {
            reset(stream);
            continue;
        }
        open.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut bytes).await {
        let number = shared.note(|seen| {
            seen.requests.push(request);
            seen.requests.len() - 1
        });
        for step in (shared.script)(number) {
            match step {
                // A client may have left, which is for the test to judge.
                Step::Send(reply) => drop(stream.write_all(&reply).await),
                Step::SendForEver(reply) => while stream.write_all(&reply).await.is_ok() {},
                Step::Trickle(reply) => {
                    let mut pause = tokio::time::interval(Duration::from_millis(10));
                    while stream.write_all(&reply).await.is_ok() {
                        pause.tick().await;
                    }
                }
                Step::Gather(count) => shared.until(|seen| seen.requests.len() >= count).await,
                Step::Wait => {
                    while stream.read(&mut [0; 64]).await.is_ok_and(|got| got > 0) {}
                    shared.note(|seen| {
                        seen.hang_ups += 1;
                        0
                    });
                }
                Step::Reset => return reset(stream),
                Step::Close => return,
            }
        }
    }
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// The next request; none when the client has left.
async fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    let head_bytes = loop {
        if let Some(at) = find(bytes, b"\r\n\r\n") {
            break at + 4;
        }
        read_more(stream, bytes).await?;
    };
    let head = String::from_utf8(bytes[..head_bytes].to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = header(&headers, "content-length").expect("a request has a length").parse().unwrap();
    while bytes.len() < head_bytes + length {
        read_more(stream, bytes).await?;
    }
    let body = bytes[head_bytes..head_bytes + length].to_vec();
    bytes.drain(..head_bytes + length);
    Some(Request { line, headers, body })
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let got = stream.read_buf(bytes).await.ok()?;
    (got > 0).then_some(())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The parts of its form, in order.
    pub fn parts(&self) -> Vec<Part> {
        let boundary = self.header("content-type").unwrap().split_once("boundary=").unwrap().1;
        let mark = format!("--{boundary}").into_bytes();
        let mut parts = Vec::new();
        let mut rest = self.body.strip_prefix(mark.as_slice()).unwrap();
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            let head_bytes = find(after, b"\r\n\r\n").unwrap();
            let value_bytes = find(&after[head_bytes + 4..], &[b"\r\n", mark.as_slice()].concat()).unwrap();
            let value = &after[head_bytes + 4..head_bytes + 4 + value_bytes];
            parts.push(part(std::str::from_utf8(&after[..head_bytes]).unwrap(), value));
            rest = &after[head_bytes + 4 + value_bytes + 2 + mark.len()..];
        }
        assert_eq!(rest, b"--\r\n");
        parts
    }

    /// The first part with this name, as text.
    pub fn field(&self, name: &str) -> Option<String> {
        let part = self.parts().into_iter().find(|part| part.name == name)?;
        Some(String::from_utf8(part.value).unwrap())
    }
}

fn part(head: &str, value: &[u8]) -> Part {
    let quoted = |key: &str| {
        let (_, after) = head.split_once(&format!(" {key}=\""))?;
        Some(after.split_once('"')?.0.to_owned())
    };
    let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).map(str::to_owned);
    Part { name: quoted("name").unwrap(), file_name: quoted("filename"), content_type, value: value.to_vec() }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// An answer with a length.
pub fn reply(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    reply_with(status, &format!("content-type: {content_type}\r\n"), body)
}

/// An answer with these header lines and a length.
pub fn reply_with(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The head of an answer in chunks.
pub fn chunked_head(content_type: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes()
}

/// `bytes` as one chunk of HTTP's chunked encoding.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// What ends an answer in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A whole stream of events in chunks of so many bytes.
pub fn stream(content_type: &str, body: &str, chunk_bytes: usize) -> Vec<u8> {
    let chunks: Vec<u8> = body.as_bytes().chunks(chunk_bytes).flat_map(chunk).collect();
    [chunked_head(content_type), chunks, LAST_CHUNK.to_vec()].concat()
}
