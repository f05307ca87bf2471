//! Which rule set is in force, and results that a rule holds back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[macro_use]
mod support;

use earmark_core::{Action, MessageKind, Tenant};
use earmark_journal::{AuditLog, JournalError, ResultStore};
use support::*;

on_both!(
    a_set_is_put_in_force_and_rolled_back_one_by_one_on_record,
    a_swap_is_on_record_once_for_all_processes,
    bad_rules_raise_one_alert_until_good_ones_are_there,
    who_refuses_rules_and_dies_leaves_no_alert_for_ever,
    a_rule_set_is_found_by_the_beginning_of_its_hash,
    a_held_result_is_told_without_its_place_until_it_is_released,
);

fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

async fn kept(stores: &Stores, digits: &str) {
    for digit in digits.chars() {
        stores.rule_sets.put(&hash(digit), "rules", &serde_json::json!([])).await.unwrap();
    }
}

async fn on_record(stores: &Stores) -> Vec<String> {
    let entries = stores.audit.page(&Tenant::default(), 0, 100).await.unwrap();
    entries.into_iter().map(|entry| entry.head.kind).filter(|kind| kind.starts_with("rules.")).collect()
}

async fn a_set_is_put_in_force_and_rolled_back_one_by_one_on_record(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let sets = &stores.rule_sets;
    kept(&stores, "abc").await;
    assert_eq!(sets.in_force().await.unwrap(), None);
    assert!(matches!(sets.roll_back("cli:me", None).await, Err(JournalError::NothingBefore)));
    assert!(matches!(sets.activate(Some(&hash('d')), None, "cli", None).await, Err(JournalError::NoSuchRuleSet(_))));

    let first = sets.activate(Some(&hash('a')), Some("configured"), "cli:me", Some("new")).await.unwrap().unwrap();
    assert_eq!((first.seq, first.previous.as_deref(), first.note.as_deref()), (1, Some("configured"), Some("new")));
    assert_eq!(sets.in_force().await.unwrap(), Some(first));
    assert_eq!(sets.activate(Some(&hash('a')), None, "cli", None).await.unwrap(), None, "it is in force already");
    sets.activate(Some(&hash('b')), None, "cli", None).await.unwrap();
    sets.activate(None, None, "cli", None).await.unwrap();
    sets.activate(Some(&hash('c')), None, "cli", None).await.unwrap();

    for before in [None, Some(hash('b')), Some(hash('a'))] {
        let back = sets.roll_back("cli", None).await.unwrap();
        assert_eq!(back.sha256, before);
        assert_eq!(sets.in_force().await.unwrap(), Some(back));
    }
    // A new one after a rollback goes back to what it replaced.
    sets.activate(Some(&hash('c')), None, "cli", None).await.unwrap();
    assert_eq!(sets.roll_back("cli", None).await.unwrap().sha256, Some(hash('a')));
    assert_eq!(sets.roll_back("cli", None).await.unwrap().sha256, None, "before the first the configured set was");
    assert!(matches!(sets.roll_back("cli", None).await, Err(JournalError::NothingBefore)));

    let kinds = on_record(&stores).await;
    let rolled_back = kinds.iter().filter(|kind| *kind == "rules.rolled_back").count();
    assert_eq!((kinds.len(), rolled_back), (10, 5), "{kinds:?}");
    assert!(stores.audit.verify(None).await.unwrap()[0].is_sound());
}

async fn a_swap_is_on_record_once_for_all_processes(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let sets = &stores.rule_sets;
    assert!(!sets.note_in_force("a", "start", "worker:1").await.unwrap(), "the first is no swap");
    let (one, other) = tokio::join!(
        sets.note_in_force("b", "the configured path", "worker:1"),
        sets.note_in_force("b", "the configured path", "worker:2"),
    );
    assert_eq!(usize::from(one.unwrap()) + usize::from(other.unwrap()), 1);
    assert!(sets.note_in_force("a", "the configured path", "worker:1").await.unwrap(), "back is a swap too");
    assert_eq!(on_record(&stores).await, ["rules.swapped", "rules.swapped"]);
}

async fn bad_rules_raise_one_alert_until_good_ones_are_there(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let sets = &stores.rule_sets;
    let open = async || stores.outbox.alerts(None, true, 10).await.unwrap().len();
    let (one, other) = tokio::join!(
        sets.refuse("process:1", "bad", "rules.yaml:3:1: no such key", LEASE_MS),
        sets.refuse("process:2", "bad", "the same", LEASE_MS),
    );
    assert_eq!(usize::from(one.unwrap()) + usize::from(other.unwrap()), 1);
    assert!(!sets.refuse("process:1", "bad", "still", LEASE_MS).await.unwrap());
    assert_eq!(sets.clear_refusals("process:1").await.unwrap(), 0, "another refuses them still");
    assert_eq!(sets.clear_refusals("process:3").await.unwrap(), 0, "good ones elsewhere are no news");
    assert_eq!(open().await, 1);
    assert!(
        sets.refuse("process:2", "worse", "rules.yaml:4:1: no such key", LEASE_MS).await.unwrap(),
        "other mistakes"
    );
    assert_eq!(open().await, 1, "in the place of the first");
    assert_eq!(sets.clear_refusals("process:2").await.unwrap(), 1);
    assert_eq!(sets.clear_refusals("process:2").await.unwrap(), 0);
    let alerts = stores.outbox.alerts(None, false, 10).await.unwrap();
    assert!(alerts.iter().all(|alert| alert.kind == "rules.refused" && alert.cause.is_some()), "{alerts:?}");
    assert_eq!((alerts.len(), open().await), (2, 0));
    assert!(sets.refuse("process:1", "bad", "again", LEASE_MS).await.unwrap(), "after good ones it is news");
}

async fn who_refuses_rules_and_dies_leaves_no_alert_for_ever(ground: Ground) {
    let stores = Stores::on(&ground).await;
    let sets = &stores.rule_sets;
    sets.refuse("process:1", "bad", "rules.yaml:3:1: no such key", LEASE_MS).await.unwrap();
    sets.refuse("process:2", "bad", "the same", LEASE_MS).await.unwrap();
    stores.clock.advance_ms(LEASE_MS - 1);
    assert!(!sets.refuse("process:2", "bad", "the same", LEASE_MS).await.unwrap());
    stores.clock.advance_ms(1);
    assert_eq!(sets.clear_refusals("process:3").await.unwrap(), 0, "one of them lives");
    stores.clock.advance_ms(LEASE_MS);
    assert_eq!(sets.clear_refusals("process:3").await.unwrap(), 1);
    let alert = stores.outbox.alerts(None, false, 10).await.unwrap().remove(0);
    assert!(alert.cause.unwrap().contains("is gone"));
    // One that was only cut off says so again, and somebody is told again.
    assert!(sets.refuse("process:2", "bad", "the same", LEASE_MS).await.unwrap());
    // Under its name after a restart it need not be waited for.
    assert_eq!(sets.clear_refusals("process:2").await.unwrap(), 1);
}

async fn a_rule_set_is_found_by_the_beginning_of_its_hash(ground: Ground) {
    let stores = Stores::on(&ground).await;
    kept(&stores, "ab").await;
    let near = format!("{}{}", "a".repeat(8), "b".repeat(56));
    stores.rule_sets.put(&near, "near", &serde_json::json!([])).await.unwrap();
    assert_eq!(stores.rule_sets.find("BB").await.unwrap().sha256, hash('b'));
    assert_eq!(stores.rule_sets.find("aaaaaaaab").await.unwrap().name, "near");
    assert!(matches!(stores.rule_sets.find("aaaa").await, Err(JournalError::AmbiguousRuleSet(_))));
    for none in ["", "c", "%", "a_"] {
        assert!(matches!(stores.rule_sets.find(none).await, Err(JournalError::NoSuchRuleSet(_))), "{none}");
    }
    assert_eq!(stores.rule_sets.latest(2).await.unwrap().len(), 2);
}

async fn a_held_result_is_told_without_its_place_until_it_is_released(ground: Ground) {
    let stores = Stores::on(&ground).await;
    stores.journal.accept(&new_job("call"), "cli:me").await.unwrap();
    let (job, lease) =
        stores.journal.lease_next(&worker("a"), earmark_core::Lane::ALL, LEASE_MS).await.unwrap().unwrap();
    let mut whole = finished(&job);
    whole.alerts.clear();
    whole.report.findings[0].actions = vec![Action::Block];
    stores.results.finish(&lease, &whole).await.unwrap();
    let holding = stores.results.review_hold(&job.id).await.unwrap().unwrap();
    assert!(holding.is_held() && holding.held_since_ms == START_MS, "{holding:?}");
    let told = stores.outbox.due(10, 1000).await.unwrap().remove(0);
    assert_eq!((told.kind, &told.payload["held"]), (MessageKind::JobDone, &true.into()));
    assert!(!told.payload.to_string().contains("report.json"), "{}", told.payload);
    let outcome = stores.journal.unannounced(10).await.unwrap().remove(0);
    let held = outcome.outcome.unwrap();
    assert_eq!((held.is_held, held.report_uri), (true, None));
    stores.journal.announced(&[outcome.id]).await.unwrap();

    stores.results.release_held(&job.id, "cli:judge", Some("looked at it")).await.unwrap();
    let again = stores.results.release_held(&job.id, "cli:judge", None).await;
    assert!(matches!(again, Err(JournalError::NotHeld(_))), "{again:?}");
    let holding = stores.results.review_hold(&job.id).await.unwrap().unwrap();
    assert_eq!(holding.released, Some((START_MS, "cli:judge".into())));
    let told = stores.outbox.due(10, 1000).await.unwrap().remove(0);
    assert_eq!(
        (told.kind, &told.payload["held"], &told.payload["state"]),
        (MessageKind::JobDone, &false.into(), &"done".into())
    );
    assert_eq!(told.payload["artifacts"][0]["name"], "report.json");
    let released = stores.journal.unannounced(10).await.unwrap().remove(0).outcome.unwrap();
    assert_eq!((released.is_held, released.report_uri.is_some()), (false, true));
    let kinds: Vec<_> = stores.audit.of_job(&job.id).await.unwrap().into_iter().map(|entry| entry.head.kind).collect();
    assert_eq!(kinds.last().unwrap(), "result.released");
    assert!(stores.audit.verify(None).await.unwrap()[0].is_sound());
}
