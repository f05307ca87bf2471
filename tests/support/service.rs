//! The program as a service: started on a free port, asked over HTTP, stopped by a signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc;

use serde_json::Value;

use super::Machine;

/// A running service.
pub struct Service {
    pub child: Child,
    pub url: String,
    pub client: reqwest::Client,
    /// What it says on standard error.
    pub said: mpsc::Receiver<String>,
}

impl Service {
    pub fn start(machine: &Machine, part: &str, settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = machine.command(&[part]);
        command.env("EARMARK__HTTP__LISTEN", "127.0.0.1:0").envs(settings.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("it says where it listens");
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || lines.for_each(|line| drop(say.send(line))));
        let client = earmark_storage::http_client(&earmark_storage::HttpOptions {
            connect_timeout: std::time::Duration::from_secs(5),
            read_timeout: std::time::Duration::from_secs(60),
            timeout: None,
            allow_private: true,
        });
        Self { child, url, client: client.unwrap(), said }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self.client.post(format!("{}{path}", self.url)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The request as it stands, and the answer's status and body.
    pub fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.into())
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap()
    }

    pub fn signal(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    pub fn stop(mut self) {
        self.signal();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
