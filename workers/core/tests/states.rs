//! The drawing of a job's states in `ARCHITECTURE.md` is the table that the code goes by.

#![expect(clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;

use earmark_core::audit::AuditKind;
use earmark_core::{JobState, MessageKind, Mover, Step, Transition};

/// Every transition in words: from, to, what, on record, by whom.
fn drawn() -> String {
    let mut lines = Vec::new();
    for transition in Transition::ALL {
        let Step { from, to, audit, by, .. } = transition.step();
        let from = if from.is_empty() { "-".into() } else { words(from) };
        let to = to.map_or("-", JobState::as_str);
        let (what, audit) = (transition.as_str(), audit.map_or("", AuditKind::as_str));
        let line = format!(" {from:<21} --> {to:<9}  {what:<13}  {audit:<20}  {}", words(by));
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn words<T: std::fmt::Display>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_drawing_of_the_states_is_the_table_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let text = std::fs::read_to_string(file).expect("ARCHITECTURE.md");
    let states = text.split("## States of a job").nth(1).expect("the heading").split("\n## ").next().expect("text");
    assert!(states.contains(&drawn()), "write under `States of a job`:\n{}", drawn());
}

#[test]
fn every_state_can_be_reached_and_every_open_one_left() {
    let steps: Vec<Step> = Transition::ALL.iter().map(|transition| transition.step()).collect();
    for state in JobState::ALL {
        assert!(steps.iter().any(|step| step.to == Some(*state)), "{state} is reached");
        assert!(steps.iter().any(|step| step.from.contains(state) && step.to != Some(*state)), "{state} is left");
    }
}

#[test]
fn only_a_person_brings_a_job_back_from_its_end_and_only_a_result_makes_it_done() {
    for transition in Transition::ALL {
        let Step { from, to, by, .. } = transition.step();
        if to.is_some() && from.iter().any(|state| state.is_final()) {
            assert_eq!(by, [Mover::Person], "{transition}");
        }
        if to == Some(JobState::Done) {
            assert_eq!((*transition, by), (Transition::Finish, &[Mover::Holder][..]));
        }
    }
}

#[test]
fn the_end_of_a_job_is_told_in_one_kind_of_message_and_put_on_record() {
    for transition in Transition::ALL {
        let Step { to, audit, message, .. } = transition.step();
        let is_end = to.is_some_and(JobState::is_final);
        assert_eq!(message.is_some(), is_end, "{transition}");
        assert!(audit.is_some() || !is_end, "{transition}");
        assert!(message.is_none_or(|message| message.end() == to), "{transition}");
    }
    assert_eq!(MessageKind::Alert.end(), None);
}

#[test]
fn the_last_end_or_return_on_record_says_where_a_job_stands() {
    let kinds = AuditKind::ends_and_returns();
    let expected = ["job.done", "job.dead", "job.quarantined", "job.cancelled", "job.retried", "job.expired"];
    assert_eq!(
        kinds.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>(),
        expected.into_iter().collect::<BTreeSet<_>>()
    );
    assert_eq!(AuditKind::leading_to(JobState::Dead), [AuditKind::JobDead, AuditKind::JobQuarantined]);
    assert_eq!(AuditKind::leading_to(JobState::Ready), [AuditKind::JobRetried]);
    assert!(AuditKind::leading_to(JobState::Leased).is_empty());
}
