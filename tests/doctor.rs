//! `doctor` looks and makes nothing; who makes a database or brings one up to date says so; a queue that cannot be used is
//! refused at the start.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use earmark_servers::RedisServer;
use support::{Machine, Ran, Running};

/// The line of `name` in what `doctor` says.
fn line(ran: &Ran, name: &str) -> String {
    let named = |line: &&str| line.get(6..).is_some_and(|rest| rest.split_whitespace().next() == Some(name));
    ran.stdout.lines().find(named).unwrap_or_else(|| panic!("no {name}: {}", ran.stdout)).to_owned()
}

fn with_queue(machine: &Machine, args: &[&str], redis: &RedisServer) -> Ran {
    Ran::of(&machine.command(args).env("EARMARK__QUEUE__URL", redis.url()).output().unwrap())
}

#[test]
fn doctor_makes_no_database_and_the_first_command_that_does_says_so_once() {
    let machine = Machine::new();
    let ran = machine.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let told = line(&ran, "database");
    assert!(told.starts_with("  ok") && told.contains("not there yet: made at the first start"), "{told}");
    assert!(!machine.database().exists());
    let names: Vec<_> =
        std::fs::read_dir(machine.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("sqlite")), "{names:?}");

    let made = machine.run(&["migrate"]);
    assert!(made.code == Some(0) && made.stderr.contains("made the database"), "{}", made.stderr);
    let again = machine.run(&["migrate"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert!(line(&machine.run(&["doctor"]), "database").starts_with("  ok"));
}

#[test]
fn doctor_names_the_migrations_that_are_due_and_leaves_them_to_migrate() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["migrate"]).code, Some(0));
    // As an earlier version left it: without the last migrations.
    let forget = |statements: &str| {
        let mut command = std::process::Command::new("python3");
        let code =
            "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.executescript(sys.argv[2]); base.commit()";
        let ended = command.args(["-c", code]).arg(machine.database()).arg(statements).status().unwrap();
        assert!(ended.success());
    };
    forget("DROP INDEX jobs_dead_by_cause; DROP TABLE facts; DELETE FROM _sqlx_migrations WHERE version >= 17;");
    let before = std::fs::read(machine.database()).unwrap();
    for _ in 0..2 {
        let ran = machine.run(&["doctor"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        let told = line(&ran, "database");
        assert!(told.starts_with("note") && told.contains("has schema 16") && told.contains("17 facts"), "{told}");
        assert!(ran.stdout.contains("earmark migrate"), "{}", ran.stdout);
    }
    assert!(std::fs::read(machine.database()).unwrap() == before, "nothing was written");
    let migrated = machine.run(&["migrate"]);
    assert!(
        migrated.stderr.contains("brought the database") && migrated.stderr.contains("from schema 16 to"),
        "{migrated:?}"
    );
    assert!(line(&machine.run(&["doctor"]), "database").starts_with("  ok"));
}

#[tokio::test]
async fn doctor_says_what_is_wrong_with_a_queue_in_its_own_words() {
    let machine = Machine::new();
    let redis = RedisServer::start();
    redis.tell(&["RPUSH", "earmark:intake", "x"]).await;
    redis.tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let ran = with_queue(&machine, &["doctor"], &redis);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    for part in ["`earmark:intake` in Redis at", "is a list, not a stream", "set it to noeviction"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    redis.tell(&["DEL", "earmark:intake"]).await;
    redis.tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).await;
    let ran = with_queue(&machine, &["doctor"], &redis);
    assert!(ran.code == Some(1) && line(&ran, "queue").starts_with(" BAD"), "{}", ran.stdout);
    assert!(line(&ran, "queue").contains("is full"), "{}", ran.stdout);
    assert!(!machine.database().exists(), "looking makes nothing");
}

#[tokio::test]
async fn a_second_database_on_one_redis_refuses_to_start_and_a_freed_one_is_taken_over() {
    let (machine, other) = (Machine::new(), Machine::new());
    let redis = RedisServer::start();
    let start = |machine: &Machine| {
        let mut command = machine.command(&["serve"]);
        command.env("EARMARK__QUEUE__URL", redis.url()).env("EARMARK__HTTP__LISTEN", "127.0.0.1:0");
        command
    };
    let first = Running::start(start(&machine));
    first.says("listening on ");
    let ran = Ran::of(&start(&other).output().unwrap());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("belongs to another database"), "{}", ran.stderr);
    assert!(ran.stderr.contains("earmark.sqlite") && ran.stderr.contains("DEL earmark:journal"), "{}", ran.stderr);
    let ran = with_queue(&other, &["doctor"], &redis);
    assert!(ran.code == Some(1) && line(&ran, "queue").contains("belongs to another database"), "{}", ran.stdout);
    first.stop();
    redis.tell(&["DEL", "earmark:journal"]).await;
    let second = Running::start(start(&other));
    second.says("listening on ");
    second.stop();
}

#[tokio::test]
async fn a_cluster_is_refused_at_the_start() {
    let machine = Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let cluster = RedisServer::start_with(&["--dir", folder.path().to_str().unwrap(), "--cluster-enabled", "yes"]);
    for command in ["serve", "up", "work"] {
        let ran = with_queue(&machine, &[command], &cluster);
        assert_eq!(ran.code, Some(2), "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("cluster mode") && ran.stderr.contains("hint: "), "{command}: {}", ran.stderr);
    }
}
