//! A signed URL with a password in it, taken through every command and every door with everything logged: what it holds
//! is in the jobs' table, for the fetch, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use earmark_servers::{RedisServer, until};
use earmark_simulator::{Key, Options, Simulator};
use serde_json::{Value, json};
use support::{Machine, Ran, Service, fixture};

const CALL: &str = "dialogues/zh-dev-02-collection-abuse.pcm8k.wav";
const KEY: &str = "0123456789.k3y";
/// The password, the signature, and the password as it is sent.
const SECRETS: [&str; 3] = ["pa55w0rd", "51gnatur3", "bWU6cGE1NXcwcmQ"];

/// Entries of a stream: ids, fields and values.
type Entries = Vec<(String, Vec<String>)>;

/// What was said and written, by where.
#[derive(Default)]
struct Heard(Vec<(String, String)>);

impl Heard {
    fn hear(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn assert_no_secret(&self) {
        for (place, text) in &self.0 {
            let line = text.lines().find(|line| SECRETS.iter().any(|secret| line.contains(secret)));
            assert_eq!(line, None, "{place}");
        }
    }

    fn holds(&self, place: &str, part: &str) -> bool {
        self.0.iter().any(|(heard, text)| heard.starts_with(place) && text.contains(part))
    }
}

/// A server with a recording for whoever is allowed, and a receiver of webhooks. Gives its address.
async fn web(posted: Arc<Mutex<Vec<String>>>) -> std::net::SocketAddr {
    let audio = std::fs::read(fixture(CALL)).unwrap();
    let router = Router::new()
        .route("/call.wav", get(move || std::future::ready(audio.clone())))
        .route("/broken.wav", get(|| async { "no recording" }))
        .route(
            "/hook",
            post(move |body: String| {
                posted.lock().unwrap().push(body);
                std::future::ready(())
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router));
    address
}

/// The program's features of axum have no `serve`.
async fn serve(listener: tokio::net::TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

fn settings(machine: &Machine, simulator: &Simulator, redis: &RedisServer, web: &str) -> Vec<(&'static str, String)> {
    vec![
        ("EARMARK__ASR__ENGINE", "glm".into()),
        ("EARMARK__ASR__BASE_URL", simulator.url().into()),
        ("EARMARK__ASR__API_KEY", KEY.into()),
        ("EARMARK__ASR__FALLBACK", "off".into()),
        ("EARMARK__QUEUE__URL", redis.url()),
        ("EARMARK__STORAGE__ALLOW_PRIVATE_HOSTS", "true".into()),
        ("EARMARK__NOTIFY__URL", format!("{web}/hook")),
        ("EARMARK__NOTIFY__SECRET", "0123456789abcdef".into()),
        ("EARMARK__LOG__LEVEL", "trace".into()),
        ("EARMARK__WORKER__TEMP_DIR", machine.folder.path().to_string_lossy().into_owned()),
    ]
}

/// All tables but that of the jobs, as text.
fn tables(machine: &Machine) -> String {
    let dump = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
        for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'jobs'\").fetchall():\n\
        \x20   for row in db.execute('SELECT * FROM \"' + name + '\"'): print(name, row)\n\
        print('jobs, but for two columns')\n\
        cursor = db.execute('SELECT * FROM jobs')\n\
        keep = [at for at, column in enumerate(cursor.description) if column[0] not in ('uri', 'location')]\n\
        for row in cursor: print([row[at] for at in keep])\n";
    let output = Command::new("python3").args(["-c", dump]).arg(machine.database()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn files(folder: &Path, heard: &mut Heard) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, heard);
        } else {
            heard.hear(path.to_string_lossy(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_signed_url_holds_is_shown_logged_and_written_nowhere() {
    let (machine, redis, posted) = (Machine::new(), RedisServer::start(), Arc::default());
    let simulator = Simulator::start(Options { keys: vec![Key::new(KEY)], ..Options::default() }).await.unwrap();
    let address = web(Arc::clone(&posted)).await;
    let settings = settings(&machine, &simulator, &redis, &format!("http://{address}"));
    let signed = |name: &str| format!("http://me:pa55w0rd@{address}/{name}?X-Amz-Signature=51gnatur3#51gnatur3");
    let shown = format!("http://{address}/call.wav?…");
    let (call, broken, missing) = (signed("call.wav"), signed("broken.wav"), signed("missing.wav"));
    let wrong = "https://me:pa55w0rd@[/call.wav?X-Amz-Signature=51gnatur3";
    let mut heard = Heard::default();
    let run = |heard: &mut Heard, args: &[&str]| {
        let mut command = machine.command(args);
        command.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
        let ran = tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()));
        heard.hear(format!("{} out", args[0]), ran.stdout.clone());
        heard.hear(format!("{} err", args[0]), ran.stderr.clone());
        ran
    };

    // Here and now.
    let ran = run(&mut heard, &["run", "--json", &call, &broken, &missing, wrong]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines = ran.json();
    assert_eq!(lines[0]["recording"]["uri"], shown.as_str());
    assert!(lines[1..].iter().all(|line| line["error"]["code"].is_string()), "{lines:?}");
    assert!(
        lines[3]["recording"]["uri"] == "an invalid http URL" && lines[3]["error"]["code"] == "job.uri",
        "{lines:?}"
    );
    run(&mut heard, &["run", &call, &missing]);
    run(&mut heard, &["run", "--out", "elsewhere", &call]);
    run(&mut heard, &["plan", &call, &missing]);
    run(&mut heard, &["plan", "--json", &call, &missing]);

    // Queued at the shell.
    let listed: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service::start(&machine, "up", &listed);
    for args in [
        &["submit", "--key", "shell", &call, "--wait"][..],
        &["submit", "--key", "shell", &call],
        &["submit", "--json", "--again", &call, &missing, "--wait"],
        &["submit", "--key", "shell", &broken],
        &["submit", "--json", "--key", "shell", &broken],
        &["submit", wrong],
    ] {
        run(&mut heard, args);
    }
    let manifest = machine.folder.path().join("list.jsonl");
    let line = |uri: &str, rest: Value| {
        let mut line = json!({ "uri": uri });
        line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        line.to_string()
    };
    std::fs::write(&manifest, format!("{call}\n{}\n", line(&broken, json!({ "key": "shell" })))).unwrap();
    run(&mut heard, &["submit", "--manifest", "list.jsonl"]);
    std::fs::write(&manifest, line(&call, json!({ "priority": 1000 }))).unwrap();
    assert_eq!(run(&mut heard, &["submit", "--manifest", "list.jsonl"]).code, Some(2));
    std::fs::remove_file(&manifest).unwrap();

    // Over HTTP.
    let body = json!({ "uri": call, "key": "web" });
    let (status, accepted) = service.post("/v1/jobs", &body, &[]).await;
    assert_eq!(status, 202, "{accepted}");
    let id = accepted["job_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/jobs/{id}");
    service.until("the job's end", &path, |_, job| (job["state"] == "done").then_some(())).await;
    for (body, status) in [
        (json!({ "uri": call, "key": "web" }), 200),
        (json!({ "uri": broken, "key": "web" }), 409),
        (json!({ "uri": call, "lane": "urgent" }), 400),
        (json!({ "uri": wrong }), 400),
        (json!({ "uri": call, "url": call }), 422),
    ] {
        let (answered, said) = service.post("/v1/jobs", &body, &[]).await;
        assert_eq!(answered, status, "{said}");
        heard.hear("POST /v1/jobs", said.to_string());
    }
    let reports =
        ["", "/report", "/transcript.vtt", "/transcript.srt", "/transcript.txt"].map(|part| format!("{path}{part}"));
    for path in reports.iter().map(String::as_str).chain(["/v1/jobs", "/v1/findings", "/v1/queue"]) {
        let (status, text) = service.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        heard.hear(format!("GET {path}"), text);
    }
    assert!(heard.holds(&format!("GET {path}/report"), &shown));

    // Through Redis.
    for fields in [
        &["uri", &call, "key", "stream"][..],
        &["uri", &broken, "key", "stream"],
        &["uri", &call, "lane", "urgent"],
        &["url", &call],
        &["uri", wrong],
    ] {
        redis.ask::<String>(&[&["XADD", "earmark:intake", "*"], fields].concat()).await;
    }
    // Five entries ended: one done, four put aside, of which one is told of.
    service
        .running
        .meanwhile("the outcomes", async {
            loop {
                let told = format!("{:?}", redis.ask::<Entries>(&["XRANGE", "earmark:results", "-", "+"]).await);
                let aside = redis.ask::<u64>(&["XLEN", "earmark:rejected"]).await;
                if told.matches("\"stream\"").count() == 2 && aside == 4 {
                    break;
                }
            }
        })
        .await;
    for stream in ["earmark:results", "earmark:rejected", "earmark:intake"] {
        let entries = redis.ask::<Entries>(&["XRANGE", stream, "-", "+"]).await;
        heard.hear(stream, format!("{entries:?}"));
    }
    assert!(heard.holds("earmark:rejected", &shown));

    // What is asked afterwards.
    let jobs = run(&mut heard, &["jobs", "list", "--json", "--limit", "100"]).json();
    for job in &jobs {
        run(&mut heard, &["jobs", "show", job["id"].as_str().unwrap()]);
    }
    for args in [
        &["jobs", "show", "--json", &id][..],
        &["jobs", "list"],
        &["results", "show", &id],
        &["results", "export", &id],
        &["results", "export", &id, "--format", "srt"],
        &["results", "export", &id, "--format", "vtt"],
        &["results", "export", &id, "--format", "txt"],
        &["findings", "list"],
        &["findings", "list", "--json"],
        &["audit", "export"],
        &["alerts", "list", "--all"],
        &["queue", "stats"],
    ] {
        assert_eq!(run(&mut heard, args).code, Some(0), "{args:?}");
    }
    assert!(heard.holds("jobs out", &shown) && heard.holds("audit out", &shown));

    until("a message of the webhook", || (!posted.lock().unwrap().is_empty()).then_some(()));
    for body in posted.lock().unwrap().iter() {
        heard.hear("webhook", body);
    }
    service.signal();
    let said: Vec<String> = service.running.said.iter().collect();
    assert!(said.iter().any(|line| line.contains("TRACE")), "everything is logged");
    heard.hear("up err", said.join("\n"));
    service.stop();

    heard.hear("database", tables(&machine));
    files(&machine.output(), &mut heard);
    files(&machine.folder.path().join("elsewhere"), &mut heard);
    assert!(heard.holds(&machine.output().to_string_lossy(), &shown), "a report is on disk");
    heard.assert_no_secret();
}
