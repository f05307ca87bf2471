//! How much is taken at a time: requests by the key's tier, bodies by memory.

use earmark_simulator::Simulator;

use crate::client::{GLM, Gate, OPENAI, Wire, before, form, gated, provider, wav};
use crate::support::{Machine, Service};

const KEYS: (&str, &str) = ("EARMARK__HTTP__API_KEYS", "crm=s3cret@V0,ivr=other@V1");
const CRM: &str = "Authorization: Bearer s3cret\r\n";
const IVR: &str = "Authorization: Bearer other\r\n";
/// The account's own tier, out of the way of the keys'.
const WIDE: (&str, &str) = ("EARMARK__ASR__TIER", "V3");

/// `count` connections, each with a clip posted and not answered yet.
fn posted(service: &Service, key: &str, count: u32) -> Vec<Wire> {
    let post = |at| {
        let mut wire = Wire::to(service);
        let body = form(&[("model", "glm-asr")], Some(&wav(500, at)));
        wire.send(crate::client::head(&format!("POST {GLM}"), key, body.len()).as_bytes());
        wire.send(&body);
        wire
    };
    (0..count).map(post).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_its_tier_and_what_is_over_it_is_refused_at_once() {
    let (machine, gate) = (Machine::new(), Gate::default());
    let simulator = Simulator::start(gated(20, &gate)).await.unwrap();
    let service = before(&machine, "serve", &simulator, &[KEYS, WIDE]);
    let mut within = posted(&service, CRM, 5);
    simulator.wait_for_requests(5).await;
    let mut over = Wire::to(&service);
    for path in [GLM, OPENAI, GLM, OPENAI] {
        // Nothing of it is ever looked at: it is refused before its body is read, and read all the same.
        let answer = over.ask(&format!("POST {path}"), CRM, &vec![0; 1 << 20]);
        assert_eq!((answer.status, answer.code().as_str()), (429, "1302"));
        assert_eq!(answer.json()["error"]["message"], "您的账户已达到速率限制，请您控制请求频率");
    }
    // Another key has places of its own.
    let mut other = posted(&service, IVR, 10);
    simulator.wait_for_requests(15).await;
    assert_eq!(over.ask(&format!("POST {GLM}"), IVR, b"").code(), "1302");
    gate.open(15);
    for wire in within.iter_mut().chain(&mut other) {
        assert_eq!(wire.answer().status, 200);
    }
    gate.open(1);
    assert_eq!(over.transcribe(GLM, CRM, &[], &wav(500, 0)).status, 200);
    assert_eq!(simulator.requests(), 16);
    assert!(simulator.log()[0].user_id.as_deref() == Some("default-crm"), "the key's name is the tenant");
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_workers_as_the_tier_allows_meet_no_refusal() {
    let machine = Machine::new();
    let simulator = Simulator::start(provider(20)).await.unwrap();
    let service = before(&machine, "serve", &simulator, &[KEYS, WIDE]);
    std::thread::scope(|scope| {
        for worker in 0..5_u32 {
            let url = &service.url;
            scope.spawn(move || {
                let mut wire = Wire::at(url);
                for at in 0..60 {
                    let (file, stream) = (wav(200, worker * 60 + at), if at % 2 == 0 { "true" } else { "false" });
                    let answer = wire.transcribe(GLM, CRM, &[("stream", stream)], &file);
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    assert_eq!(simulator.requests(), 300);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_frees_its_place() {
    let (machine, gate) = (Machine::new(), Gate::default());
    let simulator = Simulator::start(gated(20, &gate)).await.unwrap();
    let service = before(&machine, "serve", &simulator, &[KEYS, WIDE]);
    let mut waiting = posted(&service, CRM, 5);
    simulator.wait_for_requests(5).await;
    waiting.remove(0);
    // A body that never ends holds a place too, for as long as its client is there.
    let probe = || {
        let mut wire = Wire::to(&service);
        let body = form(&[("model", "glm-asr"), ("response_format", "docx")], Some(&wav(500, 9)));
        wire.ask(&format!("POST {GLM}"), CRM, &body).code()
    };
    // One probe at a time: each ends before the next, whether it was let in (1214) or not (1302).
    let is_let_in = || (probe() != "1302").then_some(());
    service.running.until("the place of the client that went", is_let_in);
    let mut half = Wire::to(&service);
    half.announce(&format!("POST {GLM}"), CRM, 10_000);
    assert_eq!(probe(), "1302");
    drop(half);
    service.running.until("the place of the endless body", is_let_in);
    gate.open(usize::MAX);
    for wire in &mut waiting {
        assert_eq!(wire.answer().status, 200);
    }
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_bodies_at_once_take_bounded_memory() {
    let (machine, simulator) = (Machine::new(), Simulator::start(provider(20)).await.unwrap());
    let keys = ("EARMARK__HTTP__API_KEYS", "a=a@V3,b=b@V3");
    let service = before(&machine, "serve", &simulator, &[keys]);
    let plain = form(&[("model", "glm-asr")], Some(&vec![7; 25 << 20]));
    let encoded = form(&[("model", "glm-asr"), ("file_base64", &"Bwcx".repeat((25 << 20) / 3))], None);
    let oversize = form(&[("model", "glm-asr")], Some(&vec![7; 50 << 20]));
    std::thread::scope(|scope| {
        for at in 0..40 {
            let (url, plain, encoded, oversize) = (&service.url, &plain, &encoded, &oversize);
            scope.spawn(move || {
                let key = if at % 2 == 0 { "Authorization: Bearer a\r\n" } else { "Authorization: Bearer b\r\n" };
                let body = [plain, encoded, oversize, plain][at / 2 % 4];
                let answer = Wire::at(url).ask(&format!("POST {GLM}"), key, body);
                assert_eq!((answer.status, answer.code().as_str()), (400, "1214"), "{answer:?}");
            });
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    // 256 MiB for bodies, the rest for the program. Unbounded it would be above 1 GiB.
    assert!(peak_kb < 384 * 1024, "{peak_kb} kB");
    service.stop();
}
