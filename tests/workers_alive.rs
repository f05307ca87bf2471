//! Who works and who is gone: in the statistics, in `/readyz`, and as an alert that is raised though nobody works.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use earmark_servers::{PATIENCE, PostgresServer};
use serde_json::{Value, json};
use support::{Machine, Running, Service, fixture};

/// A machine whose database is a server's.
struct Fleet {
    machine: Machine,
    postgres: PostgresServer,
}

impl Fleet {
    fn new() -> Self {
        Self { machine: Machine::new(), postgres: PostgresServer::start() }
    }

    fn work(&self) -> Running {
        let mut command = self.machine.command(&["work"]);
        command.env("EARMARK__DATABASE__URL", self.postgres.url()).env("EARMARK__WORKER__SLOTS", "3");
        let running = Running::start(command);
        running.says("working: ");
        running
    }

    fn serve(&self, settings: &[(&str, &str)]) -> Service {
        let url = self.postgres.url();
        let settings = [&[("EARMARK__DATABASE__URL", url.as_str())], settings].concat();
        Service::start(&self.machine, "serve", &settings)
    }

    fn ran(&self, args: &[&str]) -> support::Ran {
        let mut command = self.machine.command(args);
        command.env("EARMARK__DATABASE__URL", self.postgres.url());
        support::Ran::of(&command.output().unwrap())
    }
}

/// A receiver of webhooks: its address, and what it was told.
fn receiver() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            // A body is JSON: it is whole as soon as it can be read.
            let message = loop {
                let length = stream.read(&mut part).unwrap_or(0);
                request.extend_from_slice(&part[..length]);
                let body = request.windows(4).position(|end| end == b"\r\n\r\n").map(|head| &request[head + 4..]);
                match body.and_then(|body| serde_json::from_slice::<Value>(body).ok()) {
                    Some(message) => break message,
                    None if length == 0 => return,
                    None => {}
                }
            };
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if tell.send(message).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[tokio::test]
async fn a_killed_worker_of_a_server_is_shown_as_gone_and_counts_nowhere() {
    let fleet = Fleet::new();
    let service = fleet.serve(&[]);
    let (killed, stopped, alive) = (fleet.work(), fleet.work(), fleet.work());
    let (killed_pid, alive_pid) = (killed.child.id(), alive.child.id());
    let stats = fleet.ran(&["queue", "stats", "--json"]).json_whole();
    assert_eq!(stats["workers"], json!({"live": 3, "slots": 9}));
    assert!(stats["worker_processes"].as_array().unwrap().iter().all(|worker| worker["alive"] == true), "{stats}");
    stopped.stop();
    killed.kill();

    let workers = service
        .until("the dead worker", "/readyz", |_, body| (body["workers"]["live"] == 1).then(|| body["workers"].clone()))
        .await;
    assert_eq!(workers, json!({"live": 1, "slots": 3}));
    let stats = fleet.ran(&["queue", "stats", "--json"]).json_whole();
    let seen: Vec<_> =
        stats["worker_processes"].as_array().unwrap().iter().map(|one| (&one["pid"], &one["alive"])).collect();
    assert_eq!(seen, [(&json!(alive_pid), &json!(true)), (&json!(killed_pid), &json!(false))], "{stats}");
    let one = &stats["worker_processes"][0];
    assert_eq!(
        (&one["slots"], &one["jobs"], &one["version"]),
        (&json!(3), &json!(0), &json!(env!("CARGO_PKG_VERSION")))
    );
    let table = fleet.ran(&["queue", "stats"]).stdout;
    let gone: Vec<_> = table.lines().filter(|line| line.contains("gone, ")).collect();
    assert_eq!(gone.len(), 1, "{table}");
    assert!(gone[0].contains(&killed_pid.to_string()) && gone[0].trim_end().ends_with(" ago"), "{table}");
    assert!(table.contains("workers  1 alive with 3 slots"), "{table}");
    alive.stop();
    service.stop();
}

#[tokio::test]
async fn a_service_without_workers_accepts_and_says_that_nobody_works() {
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[]);
    let status = async |path: &str| {
        let (status, body) = service.get(path).await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (ready, body) = status("/readyz").await;
    assert_eq!((ready, &body["ready"], &body["accepting"]), (200, &json!(true), &json!(true)), "{body}");
    assert_eq!((&body["working"], &body["in_the_way"][0]["code"]), (&json!(false), &json!("workers.none")));
    assert_eq!(status("/readyz/accept").await.0, 200);
    assert_eq!(status("/readyz/work").await.0, 503);

    let mut command = machine.command(&["work"]);
    command.env("EARMARK__WORKER__SLOTS", "2");
    let worker = Running::start(command);
    worker.says("working: ");
    let (working, body) = status("/readyz/work").await;
    assert_eq!((working, &body["working"], &body["workers"]), (200, &json!(true), &json!({"live": 1, "slots": 2})));
    assert_eq!(service.post("/v1/queue/pause", &json!({}), &[]).await.0, 200);
    let (working, body) = status("/readyz/work").await;
    assert_eq!((working, &body["in_the_way"][0]["code"]), (503, &json!("queue.paused")));
    assert_eq!(status("/readyz").await.0, 200);
    worker.stop();
    service.stop();
}

#[tokio::test]
async fn with_no_worker_at_all_the_service_raises_the_alert_tells_it_and_closes_it() {
    let (url, received) = receiver();
    let fleet = Fleet::new();
    let service = fleet.serve(&[("EARMARK__NOTIFY__URL", &url), ("EARMARK__ALERTS__NO_WORKER_SECS", "1")]);
    let offer = json!({"uri": fixture("formats/austen0870.pcm16k.wav")});
    let (status, offered) = service.post("/v1/jobs", &offer, &[]).await;
    assert_eq!(status, 202, "{offered}");
    let said = service.running.says_with("no worker is alive and 1 job is due");
    assert!(said.contains("alert: "), "{said}");
    let told = service.running.until("the message", || received.try_iter().find(|told| told["kind"] == "alert"));
    assert_eq!(told["data"]["kind"], "workers.none", "{told}");

    let mut command = fleet.machine.command(&["work"]);
    command.env("EARMARK__DATABASE__URL", fleet.postgres.url());
    let worker = Running::start(command);
    let closed = service.running.until("its end", || {
        let alerts = fleet.ran(&["alerts", "list", "--all", "--json"]).json();
        let alert = alerts.iter().find(|alert| alert["kind"] == "workers.none").unwrap().clone();
        alert["cause"].is_string().then_some(alert)
    });
    assert_eq!(closed["times"], 1, "{closed}");
    worker.stop();
    service.stop();
}

#[test]
fn while_the_database_is_away_a_worker_says_each_thing_once_and_that_it_is_over() {
    let mut fleet = Fleet::new();
    let mut command = fleet.machine.command(&["work"]);
    command
        .env("EARMARK__DATABASE__URL", fleet.postgres.url())
        .env("EARMARK__DATABASE__ACQUIRE_TIMEOUT_SECS", "1")
        .env("EARMARK__WORKER__POLL_MS", "1")
        .env("EARMARK__LOG__LEVEL", "info");
    let worker = Running::start(command);
    worker.says("working: ");
    fleet.postgres.stop();
    let mut said = vec![worker.says_with("could not ask for work")];
    for _ in 0..3 {
        assert_ne!(fleet.ran(&["queue", "stats"]).code, Some(0));
    }
    fleet.postgres.start_again();
    while !said.last().unwrap().contains("asked for work again") {
        said.push(worker.said.recv_timeout(PATIENCE).unwrap());
    }
    // Behind the time of each; the driver speaks for each connection.
    let warnings: Vec<_> =
        said.iter().filter_map(|line| line.split_once("WARN earmark").map(|(_, text)| text)).collect();
    let different: std::collections::BTreeSet<_> = warnings.iter().collect();
    assert_eq!(warnings.len(), different.len(), "{said:#?}");
    worker.stop();
}
