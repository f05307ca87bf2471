//! The crash run in small: a fleet on PostgreSQL, Redis and S3 is killed, stopped and cut off, each of its parts is away
//! or full for longer than a job has tries, and nothing is lost or done twice. The whole of it is `make chaos`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;

use earmark_chaos::{Kind, Plan, Scale, Settings, run};

/// Another one with `EARMARK_CHAOS_SEED`.
fn seed() -> u64 {
    std::env::var_os("EARMARK_CHAOS_SEED").map_or(1, |seed| seed.to_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_while_workers_and_servers_are_killed() {
    survives(Kind::Fleet, Scale::SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_while_the_disk_under_sqlite_is_full() {
    survives(Kind::OneMachine, Scale::SHORT_ONE_MACHINE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_while_workers_and_their_engines_are_killed() {
    survives(Kind::Fleet, Scale::SHORT_ENGINES).await;
}

async fn survives(kind: Kind, scale: Scale) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        program: env!("CARGO_BIN_EXE_earmark").into(),
        fixtures: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"),
        kind,
        folder: folder.path().into(),
    };
    let report = run(&Plan::new(seed(), scale), &settings).await;
    assert!(report.verdict.is_good(), "{report}");
    assert!(scale.engine_kills == 0 || report.done.engine_kills > 0, "no engine was there to be killed: {report}");
}
