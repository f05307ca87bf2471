//! `earmark submit`: recordings put on the queue.

use std::time::Duration;

use earmark_core::{Job, JobState, Lane, NewJob};

use super::manifest::{self, Given};
use super::offer::{Sources, Usual};
use super::outcome::Outcome;
use super::wait::wait;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::submit::{Accepted, KeyNames, checked_priority};
use crate::desk::views::{RefusedView, SubmittedView};
use crate::desk::{Desk, duration};

/// Put recordings on the queue.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    sources: Sources,
    /// How urgent: webhook, call, archive.
    #[arg(long, default_value = "call")]
    lane: Lane,
    /// Your own key for the recording: submitted again with the same key, it is the same job.
    #[arg(long)]
    key: Option<String>,
    /// More urgent within its lane and tenant the higher it is, -100 to 100; a manifest's own comes first.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = priority)]
    priority: i64,
    /// Process the recordings again, even where there is a job for the same one or a transcript of the same audio.
    #[arg(long)]
    again: bool,
    /// Judge by the rule set with this hash (its beginning will do) instead of the one in force; a manifest's own comes
    /// first.
    #[arg(long, value_name = "HASH")]
    rules: Option<String>,
    /// Wait until every job has ended; exit code 1 when one has no result.
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this, e.g. 90, 5m, 2h; then exit code 1, and the jobs stay queued.
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// As JSON, a job a line.
    #[arg(long)]
    json: bool,
}

pub async fn submit(desk: &Desk, args: Args) -> Result<Outcome, CommandError> {
    let rule_set = match &args.rules {
        Some(hash) => Some(desk.kept_rule_set(hash).await?),
        None => None,
    };
    let usual = Usual {
        lane: args.lane,
        priority: args.priority,
        key: args.key.clone(),
        is_repeat: args.again,
        rule_set,
        sources: args.sources,
    };
    let new = manifest::offered(desk, &args.given, &usual).await?;
    let prefix = manifest::prefix(desk, &args.given, &usual)?;
    // The rules in force are part of what makes a recording the same job again.
    desk.judge_by_rules_in_force().await?;
    let mut submitting =
        Submitting { desk, is_json: args.json, outcome: Outcome::Done, open: args.wait.then(Vec::new) };
    submitting.offer(&new).await?;
    drop(new);
    if let Some(mut prefix) = prefix {
        loop {
            let batch = prefix.batch().await?;
            if batch.is_empty() {
                break;
            }
            submitting.offer(&batch).await?;
        }
    }
    let Submitting { outcome, open, .. } = submitting;
    match open {
        Some(open) => {
            let waited = wait(desk, open, args.timeout).await?;
            Ok(if outcome == Outcome::Done { waited } else { outcome })
        }
        None => Ok(outcome),
    }
}

/// Recordings on their way into the journal.
struct Submitting<'a> {
    desk: &'a Desk,
    is_json: bool,
    outcome: Outcome,
    /// Jobs to be waited for, where someone waits.
    open: Option<Vec<Job>>,
}

impl Submitting<'_> {
    /// Accepts `new` and says what became of each.
    async fn offer(&mut self, new: &[NewJob]) -> Result<(), CommandError> {
        if new.is_empty() {
            return Ok(());
        }
        let answers = self.desk.accept_many(new, arguments::ACTOR).await?;
        for (answer, new) in answers.iter().zip(new) {
            let Accepted { job, is_new } = match answer {
                Ok(accepted) => accepted,
                Err(names) => {
                    self.refuse(names)?;
                    continue;
                }
            };
            if self.is_json {
                show::json(&SubmittedView::new(job, *is_new))?;
            } else {
                let known = format!("known, {}", job.state);
                show::line(&format!("{}  {}  {}", job.id, if *is_new { "accepted" } else { &known }, job.uri));
            }
            if !is_new && let Some(note) = about_known(job, new) {
                show::note(&note);
            }
        }
        if let Some(open) = &mut self.open {
            open.extend(answers.into_iter().flatten().map(|accepted| accepted.job));
        }
        Ok(())
    }

    /// Says that a recording was not accepted: its key is another's, whose job is not waited for.
    fn refuse(&mut self, names: &KeyNames) -> Result<(), CommandError> {
        self.outcome = Outcome::SomeFailed;
        let error = CommandError::from(names.clone());
        show::error(&error);
        if self.is_json {
            show::json(&RefusedView::new(names))?;
        }
        Ok(())
    }
}

fn priority(text: &str) -> Result<i64, String> {
    let value = text.parse::<i64>().map_err(|error| error.to_string())?;
    checked_priority(value).map_err(|error| error.to_string())
}

/// What the producer of `new` has to know of the job there is: without a word its recording would never be processed.
fn about_known(job: &Job, new: &NewJob) -> Option<String> {
    let (id, uri, key) = (&job.id, &new.uri, new.key.as_deref().unwrap_or_default());
    if job.version != new.version {
        return Some(format!(
            "warning: {uri} has changed since its key `{key}` was given, and is not processed again\n  hint: give what is new in it another key"
        ));
    }
    if (&job.options.speakers, &job.options.sound) != (&new.options.speakers, &new.options.sound) {
        return Some(format!(
            "warning: {uri} is job {id} already, which was offered with other speakers or another sound, and keeps them\n  hint: give it another key, or none, to have it processed with these"
        ));
    }
    match job.state {
        JobState::Dead | JobState::Cancelled => Some(format!(
            "warning: {uri} is job {id} already, which is {}{}\n  hint: `earmark jobs retry {id}` has it tried again, `earmark submit --again` makes another job",
            job.state,
            job.error.as_ref().map(|error| format!(" ({})", error.code)).unwrap_or_default(),
        )),
        JobState::Ready | JobState::Leased | JobState::Done => None,
    }
}
