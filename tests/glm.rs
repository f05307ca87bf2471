//! GLM-ASR in the place of the built-in engine, at a stand-in that keeps the provider's rules: what is sent, what becomes
//! of each kind of refusal, and what it costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use earmark_simulator::{Fault, Key, Latency, Match, Options, Record, Rule, Simulator};
use serde_json::{Value, json};
use support::{Machine, Ran, Running, Service, fixture};

/// Three clips: two of the agent's, one of the customer's.
const CALL: &str = "dialogues/zh-dev-02-collection-abuse.pcm8k.wav";
const KEY: &str = "0123456789.s3cret";

/// A machine whose account is at a simulator.
struct Glm {
    machine: Machine,
    simulator: Simulator,
    settings: Vec<(&'static str, String)>,
}

impl Glm {
    async fn start(options: Options) -> Self {
        let simulator = Simulator::start(Options { keys: vec![Key::new(KEY)], ..options }).await.unwrap();
        Self { machine: Machine::new(), simulator, settings: Vec::new() }
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(args);
        command
            .env("EARMARK__ASR__ENGINE", "glm")
            .env("EARMARK__ASR__BASE_URL", self.simulator.url())
            .env("EARMARK__ASR__API_KEY", KEY)
            .env("EARMARK__ASR__FALLBACK", "off")
            .envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    /// Runs the program to its end; the simulator answers meanwhile.
    fn run(&self, args: &[&str]) -> Ran {
        tokio::task::block_in_place(|| Ran::of(&self.command(args).output().unwrap()))
    }

    /// The report of one recording that went well.
    fn report(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["run", "--json"], args].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.json().remove(0)
    }

    fn answered(&self) -> Vec<Record> {
        self.simulator.log().into_iter().filter(|record| record.status == 200).collect()
    }

    fn jobs(&self) -> Vec<Value> {
        let ran = self.run(&["jobs", "list", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.json()
    }

    fn account(&self) -> Value {
        self.run(&["accounts", "list", "--json"]).json().remove(0)
    }
}

fn faults(rules: Vec<Rule>) -> Options {
    Options { faults: rules, ..Options::default() }
}

fn findings_of<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_up_clip_by_clip_and_comes_back_as_a_report_with_its_price() {
    let said = "您好，我们保证收益";
    let options = Options { default_text: Arc::new(move |_| said.into()), ..Options::default() };
    let glm = Glm::start(options)
        .await
        .set("EARMARK__ASR__GLOSSARY", "智谱,催收")
        .set("EARMARK__ASR__GLOSSARIES", "bank=稳赚")
        .set("EARMARK__ASR__PROMPT", "电话录音。");
    let report = glm.report(&["--tenant", "bank", &fixture(CALL)]);
    assert_eq!((&report["engine"]["name"], &report["engine"]["model"]), (&json!("glm"), &json!("glm-asr-2512")));
    assert_eq!(report["language"], "zh");
    assert!(report["utterances"].as_array().unwrap().iter().all(|one| one["time_precision"] == "estimated"));
    assert!(!findings_of(&report, "exact").is_empty(), "{report}");

    let log = glm.answered();
    assert_eq!(report["cost"]["requests"], log.len());
    let billed_ms: u64 = log.iter().map(|record| record.audio_ms.unwrap().div_ceil(1000) * 1000).sum();
    assert_eq!(report["cost"]["billed_ms"], billed_ms);
    #[expect(clippy::as_conversions, reason = "milliseconds of a test's recordings, far below 2^53")]
    let price = billed_ms as f64 / 60_000.0 * 0.06;
    assert!((report["cost"]["price_cny"].as_f64().unwrap() - price).abs() < 0.0001, "{}", report["cost"]);
    for record in &log {
        assert!(record.audio_ms.unwrap() <= 28_000, "{record:?}");
        assert_eq!(record.hotwords, ["稳赚", "智谱", "催收"]);
        assert!(record.prompt.as_deref().unwrap().starts_with("电话录音。"), "{record:?}");
        assert!(record.request_id.as_deref().unwrap().contains(report["job_id"].as_str().unwrap()));
        assert_eq!(record.user_id.as_deref(), Some("default-bank"));
    }
    let usage = glm.run(&["accounts", "usage", "--json"]).json();
    assert_eq!((&usage[0]["tenant"], &usage[0]["account"]), (&json!("bank"), &json!("default")));
    assert_eq!((&usage[0]["requests"], &usage[0]["billed_ms"]), (&json!(log.len()), &json!(billed_ms)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_a_signed_token_and_8_khz_uploads_give_the_same_text() {
    let said = "第一句话。第二句话。";
    let options = || Options { default_text: Arc::new(move |_| said.into()), ..Options::default() };
    let text = |report: &Value| {
        let utterances = report["utterances"].as_array().unwrap();
        utterances.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let plain = Glm::start(options()).await;
    let stream = Glm::start(options())
        .await
        .set("EARMARK__ASR__STREAM", "true")
        .set("EARMARK__ASR__AUTH", "jwt")
        .set("EARMARK__ASR__UPLOAD_SOURCE_RATE", "true");
    assert_eq!(text(&plain.report(&[&fixture(CALL)])), text(&stream.report(&[&fixture(CALL)])));
    assert!(stream.answered().iter().all(|record| record.is_stream && record.sample_rate == Some(8000)));
    assert!(plain.answered().iter().all(|record| !record.is_stream && record.sample_rate == Some(16_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_is_a_finding_and_the_built_in_engine_transcribes_it() {
    // The agent's first clip.
    let refused = Match { request_id: Some("-0-0-1".into()), ..Match::default() };
    let glm = Glm::start(faults(vec![Rule::when(refused, Fault::error("1301"))]))
        .await
        .set("EARMARK__ASR__FALLBACK", "local");
    let report = glm.report(&[&fixture(CALL)]);
    let found = findings_of(&report, "provider_refused");
    assert_eq!(found.len(), 1, "{report}");
    assert!(found[0]["reason"].as_str().unwrap().contains("1301"), "{found:?}");
    assert_eq!((&found[0]["channel"], &found[0]["speaker"]), (&json!(0), &json!("agent")));
    assert!(report["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "provider_refused"));
    // The fallback really listened: Chinese was said there, and the simulator's own text is not Chinese.
    let heard = report["utterances"].as_array().unwrap().iter().find(|one| one["channel"] == 0).unwrap();
    assert!(heard["text"].as_str().unwrap().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{heard}");
    assert_eq!(glm.account()["state"], "open");

    let alone = Glm::start(faults(vec![Rule::always(Fault::error("1301"))])).await;
    let report = alone.report(&[&fixture(CALL)]);
    assert_eq!(findings_of(&report, "provider_refused").len(), 3);
    assert_eq!(report["utterances"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_account_costs_time_but_no_attempt() {
    let throttled = Match { times: Some(2), ..Match::default() };
    let glm = Glm::start(faults(vec![Rule::when(throttled, Fault::error("1302"))])).await;
    let report = glm.report(&[&fixture(CALL)]);
    assert_eq!(report["cost"]["requests"], 5);
    assert_eq!(glm.answered().len(), 3);
    assert_eq!(glm.jobs()[0]["attempt"], 1);
    // Every clip was answered once: nothing is paid for twice.
    let distinct: BTreeSet<_> = glm.answered().into_iter().map(|record| record.audio_sha256).collect();
    assert_eq!(distinct.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_account_is_paused_with_an_alert_and_resumed_by_a_person() {
    for code in ["1113", "1000"] {
        let glm = Glm::start(faults(vec![Rule::always(Fault::error(code))])).await;
        let ran = glm.run(&["run", "--json", &fixture(CALL)]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let error = &ran.json()[0]["error"];
        assert!(error["message"].as_str().unwrap().contains(code), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("earmark accounts resume"), "{error}");
        let job = &glm.jobs()[0];
        assert_eq!((&job["state"], &job["attempt"]), (&json!("ready"), &json!(0)), "{job}");
        assert_eq!(glm.account()["state"], "paused");
        let alerts = glm.run(&["alerts", "list"]);
        assert!(alerts.stdout.contains("account.paused"), "{alerts:?}");

        // While it is paused nothing is sent, not even for another job.
        let asked = glm.simulator.requests();
        assert_eq!(glm.run(&["run", "--json", &fixture(CALL)]).code, Some(1));
        assert_eq!(glm.simulator.requests(), asked);

        glm.simulator.set_faults(Vec::new());
        let resumed = glm.run(&["accounts", "resume"]);
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        let jobs = glm.jobs();
        let due = jobs.iter().filter(|job| {
            job["run_at_ms"].as_i64().unwrap() <= earmark_core::Clock::now_ms(&earmark_core::SystemClock)
        });
        assert_eq!(due.count(), 2, "{jobs:?}");
        assert_eq!(glm.report(&[&fixture(CALL)])["cost"]["requests"], 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_provider_is_left_alone_for_a_while_and_the_job_put_back() {
    let glm = Glm::start(faults(vec![Rule::always(Fault::error("1305"))])).await;
    let calls = [fixture(CALL), fixture("dialogues/en-dev-02-collection-abuse.mp3_16k.mp3")];
    assert_eq!(glm.run(&["submit", &calls[0], &calls[1]]).code, Some(0));
    let worker = Running::start(glm.command(&["work"]));
    worker.until("the account's circuit to open", || (glm.account()["state"] == "cooling").then_some(()));
    let asked = glm.simulator.requests();
    tokio::task::block_in_place(|| worker.stop());
    // Whatever was on its way when the circuit opened; nothing since.
    assert!(glm.simulator.requests() <= asked + 5, "{} {asked}", glm.simulator.requests());
    let jobs = glm.jobs();
    assert!(jobs.iter().all(|job| job["state"] == "ready" && job["attempt"] == 0), "{jobs:?}");
    assert!(jobs.iter().any(|job| job["error"]["code"] == "transcribe.account_cooling"), "{jobs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_will_never_be_answered_ends_the_job_and_nothing_else() {
    let glm = Glm::start(Options::default()).await.set("EARMARK__ASR__MODEL", "no-such-model");
    let ran = glm.run(&["run", "--json", &fixture(CALL)]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.json()[0]["error"]["code"], "transcribe.rejected");
    assert_eq!((&glm.jobs()[0]["state"], glm.account()["state"].as_str()), (&json!("dead"), Some("open")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_holds_the_tenants_jobs_until_the_next_day() {
    // The call's first clip costs 0.027 yuan at most, all three 0.06.
    let glm = Glm::start(Options::default()).await.set("EARMARK__ACCOUNTS__BUDGETS", "bank=0.03");
    let ran = glm.run(&["run", "--json", "--tenant", "bank", &fixture(CALL)]);
    assert_eq!(ran.json()[0]["error"]["code"], "budget.spent", "{ran:?}");
    let sent = glm.answered();
    assert!(!sent.is_empty() && sent.len() < 3, "{sent:?}");
    let job = &glm.jobs()[0];
    assert_eq!((&job["state"], &job["attempt"]), (&json!("ready"), &json!(0)), "{job}");
    assert!(job["run_at_ms"].as_i64().unwrap() > earmark_core::Clock::now_ms(&earmark_core::SystemClock));
    assert_eq!(job["clips_done"], sent.len(), "what was paid for is kept");
    assert!(glm.run(&["alerts", "list"]).stdout.contains("budget.spent"));
    // Other tenants go on.
    assert_eq!(glm.report(&["--tenant", "shop", &fixture(CALL)])["cost"]["requests"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_use_the_account_they_are_bound_to() {
    let other = "9876543210.an0ther";
    let simulator = Options { keys: vec![Key::new(KEY), Key::new(other)], ..Options::default() };
    let simulator = Simulator::start(simulator).await.unwrap();
    let glm = Glm { machine: Machine::new(), simulator, settings: Vec::new() }
        .set("EARMARK__ACCOUNTS__KEYS", format!("night={other}@V1"))
        .set("EARMARK__ACCOUNTS__TENANTS", "bank=night");
    glm.report(&["--tenant", "bank", &fixture(CALL)]);
    assert!(glm.answered().iter().all(|record| record.key == "ther"), "{:?}", glm.answered());
    glm.report(&["--tenant", "shop", &fixture(CALL)]);
    assert_eq!(glm.answered().iter().filter(|record| record.key == "cret").count(), 3);

    let wrong = glm.set("EARMARK__ACCOUNTS__TENANTS", "bank=day").run(&["run", &fixture(CALL)]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("binds `bank` to `day`") && wrong.stderr.contains("default, night"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_starts() {
    let ran = Machine::new().command(&["run", &fixture(CALL)]).env("EARMARK__ASR__ENGINE", "glm").output().unwrap();
    let ran = Ran::of(&ran);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("EARMARK__ASR__API_KEY is not set"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_never_sent() {
    let glm = Glm::start(Options::default()).await;
    let report = glm.report(&[&fixture("broken/dtmf.wav")]);
    assert_eq!((glm.simulator.requests(), &report["cost"]["requests"]), (0, &json!(0)));
    assert_eq!(report["cost"]["price_cny"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ready_while_an_account_waits_for_a_person() {
    let glm = Glm::start(faults(vec![Rule::always(Fault::error("1000"))])).await;
    assert_eq!(glm.run(&["run", &fixture(CALL)]).code, Some(1));
    let settings = [
        ("EARMARK__ASR__ENGINE", "glm"),
        ("EARMARK__ASR__BASE_URL", glm.simulator.url()),
        ("EARMARK__ASR__API_KEY", KEY),
        ("EARMARK__ASR__FALLBACK", "off"),
    ];
    let service = Service::start(&glm.machine, "serve", &settings);
    let (status, body) = service.get("/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["ready"]), (503, &json!(false)), "{body}");
    assert_eq!(body["stopped_accounts"][0]["account"], "default");
    assert!(body["stopped_accounts"][0]["message"].as_str().unwrap().contains("1000"), "{body}");

    assert_eq!(glm.run(&["accounts", "resume"]).code, Some(0));
    assert_eq!(service.get("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_is_in_flight_be_answered_and_saved() {
    let slow = Options { latency: Latency::Fixed(Duration::from_secs(1)), ..Options::default() };
    let glm = Glm::start(slow).await.set("EARMARK__WORKER__GRACE_SECS", "0").set("EARMARK__ASR__MAX_IN_FLIGHT", "2");
    assert_eq!(glm.run(&["submit", &fixture(CALL)]).code, Some(0));
    let worker = Running::start(glm.command(&["work"]));
    worker.meanwhile("two requests", glm.simulator.wait_for_requests(2)).await;
    tokio::task::block_in_place(|| worker.stop());

    // Two of three clips were in flight: both are paid for and kept, the third was not sent.
    let log = glm.simulator.log();
    assert!(log.len() == 2 && log.iter().all(|record| record.status == 200 && !record.is_client_gone), "{log:?}");
    let job = &glm.jobs()[0];
    assert_eq!((&job["state"], &job["clips_done"], &job["attempt"]), (&json!("ready"), &json!(2), &json!(0)), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_not_two_accounts() {
    let glm = Glm::start(Options::default()).await.set("EARMARK__ACCOUNTS__KEYS", format!("night={KEY}@V1"));
    let ran = glm.run(&["run", &fixture(CALL)]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("`default` and `night` have the same key") && !ran.stderr.contains(KEY), "{ran:?}");
}
