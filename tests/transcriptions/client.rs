//! Requests as clients make them, and a provider behind the service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use earmark_simulator::{Latency, Options, Simulator};
use serde_json::Value;

use crate::support::{Machine, Service};

/// The clip of `formats/austen0870.pcm16k.wav`: 7.1 s of speech.
pub const SPEECH: &str = "formats/austen0870.pcm16k.wav";
pub const GLM: &str = "/api/paas/v4/audio/transcriptions";
pub const OPENAI: &str = "/v1/audio/transcriptions";
/// What the provider hears.
pub const TEXT: &str = "这里的天气怎么样？今天下午会下雨吗？";

/// A WAV file with `ms` of a tone; `tone` makes files different.
pub fn wav(ms: u32, tone: u32) -> Vec<u8> {
    let samples = ms * 16;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + samples * 2).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(16_000_u32.to_le_bytes());
    file.extend(32_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((samples * 2).to_le_bytes());
    let period = 20 + tone % 200;
    file.extend((0..samples).flat_map(|at| if at % period < period / 2 { 4000_i16 } else { -4000 }.to_le_bytes()));
    file
}

/// A form with `fields`, and `file` where there is one.
pub fn form(fields: &[(&str, &str)], file: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    if let Some(file) = file {
        body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    body
}

/// A request's head for a body of `length`.
pub fn head(line: &str, headers: &str, length: usize) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n{headers}Content-Length: {length}\r\n\r\n"
    )
}

/// One connection, kept alive.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In small letters.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The events of a stream, the last line aside.
    pub fn events(&self) -> Vec<Value> {
        assert!(self.body.ends_with("data: [DONE]\n\n"), "{}", self.body);
        let events = self.body.strip_suffix("data: [DONE]\n\n").unwrap().split_terminator("\n\n");
        events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }
}

impl Wire {
    pub fn to(service: &Service) -> Self {
        Self::at(&service.url)
    }

    pub fn at(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    pub fn end(&mut self) {
        self.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads one answer and no further.
    pub fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).unwrap();
            assert!(read > 0, "the connection ended: {head}");
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let body = match answer.header("content-length") {
            Some(length) => self.exactly(length.parse().unwrap()),
            None => self.chunks(),
        };
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Sends a head and waits until the service wants the body: the request has its place then, or is refused for good.
    pub fn announce(&mut self, line: &str, headers: &str, length: usize) {
        self.send(head(line, &format!("{headers}Expect: 100-continue\r\n"), length).as_bytes());
        let mut told = String::new();
        while !told.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut told).unwrap() > 0, "the connection ended: {told}");
        }
        assert!(told.starts_with("HTTP/1.1 100"), "{told}");
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            body.extend(self.exactly(size));
            self.exactly(2);
            if size == 0 {
                return body;
            }
        }
    }

    /// A whole request and its answer.
    pub fn ask(&mut self, line: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(&[head(line, headers, body.len()).as_bytes(), body].concat());
        self.answer()
    }

    /// A clip posted to `path`, with `fields` beside model and file.
    pub fn transcribe(&mut self, path: &str, headers: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        let fields = [&[("model", "glm-asr-2512")][..], fields].concat();
        self.ask(&format!("POST {path}"), headers, &form(&fields, Some(file)))
    }
}

/// A provider that answers only when it is let.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    /// Lets `count` more through.
    pub fn open(&self, count: usize) {
        let mut left = self.0.0.lock().unwrap();
        *left = left.saturating_add(count);
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut left = self.0.1.wait_while(self.0.0.lock().unwrap(), |left| *left == 0).unwrap();
        *left -= 1;
    }
}

/// A provider of `tier` requests at a time that hears [`TEXT`] in everything, at once.
pub fn provider(tier: usize) -> Options {
    Options {
        max_in_flight: tier,
        latency: Latency::Fixed(Duration::ZERO),
        default_text: Arc::new(|_| TEXT.into()),
        ..Options::default()
    }
}

/// The same behind `gate`.
pub fn gated(tier: usize, gate: &Gate) -> Options {
    let gate = gate.clone();
    let text = move |_: &_| {
        gate.pass();
        TEXT.into()
    };
    Options { default_text: Arc::new(text), ..provider(tier) }
}

/// `part` of the program with `simulator` as its provider.
pub fn before(machine: &Machine, part: &str, simulator: &Simulator, settings: &[(&str, &str)]) -> Service {
    let given = [
        ("EARMARK__ASR__ENGINE", "glm"),
        ("EARMARK__ASR__API_KEY", "id.secret"),
        ("EARMARK__ASR__BASE_URL", simulator.url()),
        ("EARMARK__ASR__FALLBACK", "off"),
    ];
    Service::start(machine, part, &[&given[..], settings].concat())
}
