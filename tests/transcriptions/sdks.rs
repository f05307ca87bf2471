//! The real SDKs, GLM-ASR's and OpenAI's, against the service.

use std::path::Path;
use std::process::Command;

use crate::client::SPEECH;
use crate::support::{Machine, Service, fixture};

#[test]
fn the_real_sdks_find_glm_asr_in_the_built_in_engine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sdks = root.join("sdk");
    assert!(sdks.join(".complete").is_file(), "the SDKs are missing: run deploy/sdks.sh (`make test` does)");
    let machine = Machine::new();
    let service = Service::start(&machine, "serve", &[("EARMARK__HTTP__API_KEYS", "test=test-key@V0")]);
    let ran = Command::new("python3")
        .arg(root.join("tests/sdk/conformance.py"))
        .args([service.url.as_str(), "test-key", "5", &fixture(SPEECH)])
        .env("PYTHONPATH", &sdks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(said.trim(), "19 promises kept");
    service.stop();
}
