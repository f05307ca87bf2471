//! The program as a service: started on a free port, asked over HTTP, stopped by a signal.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Machine, Running};

/// A running service.
pub struct Service {
    pub running: Running,
    pub url: String,
    pub client: reqwest::Client,
}

impl Service {
    pub fn start(machine: &Machine, part: &str, settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = machine.command(&[part]);
        command.env("EARMARK__HTTP__LISTEN", "127.0.0.1:0").envs(settings.iter().copied());
        let running = Running::start(command);
        let url = running.says("listening on ");
        let client = earmark_objects::http_client(&earmark_objects::HttpOptions {
            connect_timeout: std::time::Duration::from_secs(5),
            read_timeout: std::time::Duration::from_secs(60),
            timeout: None,
            allow_private: true,
        });
        Self { running, url, client: client.unwrap() }
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

    /// Asks again and again until an answer is as it should be, for as long as the service runs.
    pub async fn until<T>(&self, what: &str, path: &str, is_so: impl Fn(u16, &Value) -> Option<T>) -> T {
        let (client, url) = (self.client.clone(), format!("{}{path}", self.url));
        let asking = async {
            loop {
                let answer = client.get(&url).send().await.unwrap();
                let status = answer.status().as_u16();
                if let Some(found) = is_so(status, &answer.json().await.unwrap()) {
                    return found;
                }
            }
        };
        self.running.meanwhile(what, asking).await
    }

    pub fn signal(&self) {
        self.running.signal();
    }

    pub fn stop(self) {
        self.running.stop();
    }
}
