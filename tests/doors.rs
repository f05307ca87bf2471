//! One law for every door: each offer by the shell, a manifest, HTTP and Redis has the same end, for the same reason.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;

use earmark_servers::RedisServer;
use serde_json::{Value, json};
use support::{Machine, Ran, Service};

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    New,
    Known,
    /// With the code, where the door shows it, and the words.
    Refused {
        code: Option<String>,
        words: String,
    },
}

impl End {
    fn refused(code: &Value, words: &Value) -> Self {
        Self::Refused { code: code.as_str().map(str::to_owned), words: words.as_str().unwrap().to_owned() }
    }
}

/// A machine with every door open, whose jobs nobody works on.
struct House {
    machine: Machine,
    redis: RedisServer,
    service: Service,
}

impl House {
    fn open() -> Self {
        let (machine, redis) = (Machine::new(), RedisServer::start());
        let service = Service::start(&machine, "serve", &[("EARMARK__QUEUE__URL", &redis.url())]);
        Self { machine, redis, service }
    }

    fn submit(&self, args: &[&str]) -> End {
        let mut command = self.machine.command(&[&["submit", "--json"], args].concat());
        command.env("EARMARK__QUEUE__URL", self.redis.url());
        let ran = Ran::of(&command.output().unwrap());
        match (ran.code, ran.json().first()) {
            (Some(0), Some(line)) if line["is_new"] == true => End::New,
            (Some(0), Some(_)) => End::Known,
            (Some(1), Some(line)) => {
                let end = End::refused(&line["error"]["code"], &line["error"]["message"]);
                assert!(line["job_id"].is_null() && line.get("state").is_none(), "{line}");
                end
            }
            (Some(2), None) => {
                let words = ran.stderr.lines().find_map(|line| line.strip_prefix("error: ")).unwrap().to_owned();
                End::Refused { code: None, words }
            }
            _ => panic!("{args:?}: {ran:?}"),
        }
    }

    /// By the shell's own words; what they cannot say is left to the manifest.
    fn shell(&self, offer: &Value) -> Option<End> {
        let mut args = Vec::new();
        for (name, value) in offer.as_object().unwrap() {
            let value = value.as_str()?;
            match name.as_str() {
                "uri" => args.insert(0, value),
                "key" => args.extend(["--key", value]),
                "tenant" => args.extend(["--tenant", value]),
                "speakers" => args.extend(["--speakers", value]),
                "sound" => args.extend(["--sound", value]),
                _ => return None,
            }
        }
        if args.iter().any(|arg| arg.contains('\0')) {
            return None;
        }
        Some(self.submit(&args))
    }

    fn manifest(&self, offer: &Value) -> End {
        std::fs::write(self.machine.folder.path().join("list.jsonl"), offer.to_string()).unwrap();
        self.submit(&["--manifest", "list.jsonl"])
    }

    async fn http(&self, offer: &Value) -> End {
        let (status, said) = self.service.post("/v1/jobs", offer, &[]).await;
        match status {
            202 => End::New,
            200 => End::Known,
            _ => End::refused(&said["error"]["code"], &said["error"]["message"]),
        }
    }

    async fn stream(&self, offer: &Value) -> End {
        let before = self.jobs().await;
        let mut entry = vec!["XADD".to_owned(), "earmark:intake".into(), "*".into()];
        for (name, value) in offer.as_object().unwrap() {
            entry.extend([name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
        }
        let words: Vec<&str> = entry.iter().map(String::as_str).collect();
        let id = self.redis.ask::<String>(&words).await;
        self.service
            .running
            .meanwhile("the entry to be taken", async {
                while self.redis.ask::<u64>(&["XLEN", "earmark:intake"]).await > 0 {}
            })
            .await;
        let aside = self.entries("earmark:rejected").await;
        if let Some(fields) = aside.into_iter().find(|fields| fields["intake_id"] == id) {
            return End::Refused { code: fields.get("code").cloned(), words: fields["reason"].clone() };
        }
        if self.jobs().await > before { End::New } else { End::Known }
    }

    async fn entries(&self, stream: &str) -> Vec<HashMap<String, String>> {
        let entries: Vec<(String, HashMap<String, String>)> = self.redis.ask(&["XRANGE", stream, "-", "+"]).await;
        entries.into_iter().map(|(_, fields)| fields).collect()
    }

    async fn jobs(&self) -> usize {
        let (_, listed) = self.service.get("/v1/jobs?limit=1000").await;
        serde_json::from_str::<Value>(&listed).unwrap()["jobs"].as_array().unwrap().len()
    }
}

/// What the offer ends as at each door, every one of them open to it anew.
async fn ends(offers: &[Value]) -> Vec<(&'static str, End)> {
    let mut ends = Vec::new();
    for door in ["shell", "manifest", "http", "redis"] {
        let house = House::open();
        let mut last = None;
        for offer in offers {
            last = match door {
                "shell" => house.shell(offer),
                "manifest" => Some(house.manifest(offer)),
                "http" => Some(house.http(offer).await),
                _ => Some(house.stream(offer).await),
            };
        }
        ends.extend(last.map(|end| (door, end)));
        house.service.stop();
    }
    ends
}

#[tokio::test]
async fn an_offer_ends_the_same_way_at_every_door() {
    let uri = "s3://calls/a.wav";
    let large = json!({ "uri": uri, "metadata": { "x": "x".repeat(70_000) } });
    let most = json!({ "uri": uri, "metadata": { "x": "x".repeat(65_000) }, "key": "k".repeat(512) });
    let long = format!("s3://calls/{}", "x".repeat(5000));
    // Refused by what is wrong, in one house: nothing is left behind.
    let house = House::open();
    for (offer, expected) in [
        (json!({ "uri": "" }), "job.uri"),
        (json!({ "uri": "ftp://example.org/a.wav" }), "job.uri"),
        (json!({ "uri": "s3://calls" }), "job.uri"),
        (json!({ "uri": "file://elsewhere/a.wav" }), "job.uri"),
        (json!({ "uri": long }), "job.uri"),
        (json!({ "uri": "s3://calls/a\0b.wav" }), "job.uri"),
        (json!({ "uri": uri, "key": "" }), "job.key"),
        (json!({ "uri": uri, "key": "k".repeat(513) }), "job.key"),
        (json!({ "uri": uri, "key": "a\0b" }), "job.nul"),
        (large, "job.metadata"),
        (json!({ "uri": uri, "metadata": { "a": ["\0"] } }), "job.nul"),
        (json!({ "uri": uri, "tenant": "../x" }), "job.tenant"),
        (json!({ "uri": uri, "lane": "urgent" }), "job.lane"),
        (json!({ "uri": uri, "priority": 101 }), "job.priority"),
        (json!({ "uri": uri, "rule_set": "latest" }), "job.rule_set"),
        (json!({ "uri": uri, "speakers": "agent,<b>" }), "job.speakers"),
        (json!({ "uri": uri, "speakers": [] }), "job.speakers"),
        (json!({ "uri": uri, "sound": "pcm_s16le:8000:17" }), "job.sound"),
        (json!({ "uri": uri, "sound": { "encoding": "wav" } }), "job.sound"),
        (json!({ "uri": uri, "rule_set": "a".repeat(64) }), "rules.unknown"),
    ] {
        let End::Refused { code, words } = house.http(&offer).await else { panic!("{offer} is accepted over HTTP") };
        assert_eq!(code.as_deref(), Some(expected), "{offer}: {words}");
        let ends = [house.shell(&offer), Some(house.manifest(&offer)), Some(house.stream(&offer).await)];
        for (end, door) in ends.into_iter().zip(["shell", "manifest", "redis"]) {
            let Some(end) = end else { continue };
            let End::Refused { code, words: here } = end else { panic!("{offer} is accepted by {door}: {end:?}") };
            // The shell names the place before the reason, and shows no code.
            assert!(here.ends_with(&words), "{offer} by {door}: {here}, over HTTP: {words}");
            assert!(code.is_none_or(|code| code == expected), "{offer} by {door}");
        }
        assert_eq!(house.jobs().await, 0, "{offer}");
    }
    house.service.stop();

    let name = |name: &str, key: &str| json!({ "uri": name, "key": key });
    for (offers, expected) in [
        (vec![most], End::New),
        (vec![name(uri, "k"), name(uri, "k")], End::Known),
        (vec![json!({ "uri": uri }), json!({ "uri": uri })], End::Known),
        (vec![json!({ "uri": uri }), json!({ "uri": uri, "speakers": "customer,agent" })], End::New),
        (
            vec![
                json!({ "uri": uri, "speakers": "customer,agent" }),
                json!({ "uri": uri, "speakers": ["customer", "agent"] }),
            ],
            End::Known,
        ),
        (vec![json!({ "uri": uri }), json!({ "uri": uri, "sound": "pcm_alaw:8000" })], End::New),
        (
            vec![
                json!({ "uri": uri, "sound": "pcm_alaw:8000" }),
                json!({ "uri": uri, "sound": { "encoding": "pcm_alaw", "rate_hz": 8000 } }),
            ],
            End::Known,
        ),
        (vec![name("/a/b.wav", "k"), name("file:///a/b.wav", "k")], End::Known),
        (vec![json!({ "uri": "file:///a/b.wav" }), json!({ "uri": "file://localhost/a/b.wav" })], End::Known),
    ] {
        for (door, end) in ends(&offers).await {
            assert_eq!(end, expected, "{offers:?} by {door}");
        }
    }
}

#[tokio::test]
async fn a_key_that_names_another_recording_is_refused_at_every_door_with_the_job_it_names() {
    let (a, b) = ("s3://calls/a.wav", "s3://calls/b.wav");
    let first = json!({ "uri": a, "key": "k" });
    let other = json!({ "uri": b, "key": "k" });
    for (door, end) in ends(&[first.clone(), other.clone()]).await {
        let End::Refused { code, words } = end else { panic!("{door}: {end:?}") };
        assert_eq!(code.as_deref(), Some("job.key_reused"), "{door}");
        assert!(words.starts_with("the key `k` names s3://calls/a.wav already (job "), "{door}: {words}");
    }
    // The producer on Redis hears of it, and of nobody's job; that one's end is its own producer's.
    let house = House::open();
    assert_eq!(house.http(&first).await, End::New);
    let (_, listed) = house.service.get("/v1/jobs?key=k").await;
    let job = serde_json::from_str::<Value>(&listed).unwrap()["jobs"][0]["job_id"].as_str().unwrap().to_owned();
    assert!(matches!(house.stream(&other).await, End::Refused { .. }));
    let aside = house.entries("earmark:rejected").await.remove(0);
    assert_eq!((aside["job"].as_str(), aside["uri"].as_str()), (job.as_str(), b));
    let told = house.entries("earmark:results").await.remove(0);
    assert_eq!((&told["intake_id"], told["key"].as_str()), (&aside["intake_id"], "k"));
    assert_eq!(
        [&told["job_id"], &told["state"], &told["report_uri"], &told["error_code"]],
        ["", "rejected", "", "job.key_reused"]
    );
    assert_eq!(house.service.post(&format!("/v1/jobs/{job}/cancel"), &json!({}), &[]).await.0, 200);
    let told = house
        .service
        .running
        .meanwhile("the outcome", async {
            loop {
                let told = house.entries("earmark:results").await;
                if told.len() > 1 {
                    return told;
                }
            }
        })
        .await;
    assert_eq!((told.len(), told[1]["job_id"].as_str(), told[1]["intake_id"].as_str()), (2, job.as_str(), ""));
    house.service.stop();
}

#[tokio::test]
async fn a_file_is_one_job_by_whichever_door_it_comes_until_it_changes() {
    let house = House::open();
    let call = house.machine.folder.path().join("a b.wav");
    std::fs::write(&call, b"one").unwrap();
    let offer = json!({ "uri": call });
    assert_eq!(house.stream(&offer).await, End::New);
    for end in
        [house.http(&offer).await, house.manifest(&offer), house.shell(&offer).unwrap(), house.stream(&offer).await]
    {
        assert_eq!(end, End::Known);
    }
    assert_eq!(house.shell(&json!({ "uri": "a b.wav" })), Some(End::Known));
    std::fs::write(&call, b"another").unwrap();
    assert_eq!(house.http(&offer).await, End::New);
    assert_eq!(house.stream(&offer).await, End::Known);
    assert_eq!(house.jobs().await, 2);
    house.service.stop();
}
