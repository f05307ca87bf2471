//! `earmark jobs retry|cancel` of many jobs: those that a filter lets through.

use earmark_core::{JobId, JobState, Lane, Standing};
use serde_json::json;

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::jobs::{CancelOutcome, JobFilter};

/// Which jobs are meant, where no ids are given. Everything that is given must hold.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Which {
    /// Only this state's: dead (of retry, unless cancelled is said) or cancelled; of cancel ready, accepted, waiting,
    /// paused or leased.
    #[arg(long)]
    state: Option<Standing>,
    /// Only those whose last error has this code, such as s3.connect.
    #[arg(long)]
    code: Option<String>,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this lane's: webhook, call, archive.
    #[arg(long)]
    lane: Option<Lane>,
    /// Only those that ended (of cancel: were accepted) at this time or later: RFC 3339, a day, or a span such as 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those that ended (of cancel: were accepted) before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// All of them, where nothing else is given.
    #[arg(long)]
    all: bool,
    /// Only say how many.
    #[arg(long)]
    dry_run: bool,
    /// As JSON, a job a line.
    #[arg(long)]
    json: bool,
}

impl Which {
    /// Whether jobs are chosen rather than named; `ids` are those named.
    ///
    /// # Errors
    /// [`CommandError`] when neither is said, or both.
    pub fn is_chosen(&self, ids: &[String]) -> Result<bool, CommandError> {
        let Self { state, code, tenant, lane, since, until, all, .. } = self;
        let is_chosen = state.is_some()
            || code.is_some()
            || tenant.is_some()
            || lane.is_some()
            || since.is_some()
            || until.is_some()
            || *all;
        match (ids.is_empty(), is_chosen) {
            (true, false) => {
                let hint = "give ids, --state, --code, --tenant, --lane, --since or --until, or --all";
                Err(CommandError::plain("nothing says which jobs are meant", Some(hint)))
            }
            (false, true) => Err(CommandError::plain("ids and a filter are given", Some("give one of them"))),
            (false, false) if self.dry_run || self.json => Err(CommandError::plain(
                "--dry-run and --json are for a filter",
                Some("leave them out, or give no ids"),
            )),
            (_, is_chosen) => Ok(is_chosen),
        }
    }

    fn filter(&self) -> Result<JobFilter, CommandError> {
        Ok(JobFilter {
            tenant: self.tenant.as_deref().map(arguments::tenant).transpose()?,
            code: self.code.clone(),
            lane: self.lane,
            ..JobFilter::default().standing_at(self.state)
        })
    }

    fn instants(&self) -> Result<(Option<i64>, Option<i64>), CommandError> {
        Ok((
            arguments::instant_ms("--since", self.since.as_deref())?,
            arguments::instant_ms("--until", self.until.as_deref())?,
        ))
    }

    /// Makes them ready again.
    pub async fn retry(&self, desk: &Desk) -> Result<Outcome, CommandError> {
        let (ended_since_ms, ended_until_ms) = self.instants()?;
        let mut filter = JobFilter { ended_since_ms, ended_until_ms, ..self.filter()? };
        match (filter.state, filter.standing) {
            (None, None) => filter.state = Some(JobState::Dead),
            (Some(JobState::Dead | JobState::Cancelled), _) => {}
            _ => return Err(wrong_state("only dead and cancelled jobs are tried again", "dead or --state cancelled")),
        }
        if self.dry_run {
            return self.tell(desk.count_jobs(&filter).await?, "would be tried again");
        }
        let mut count = 0_u64;
        let mut done = |ids: &[JobId]| {
            count += u64::try_from(ids.len()).unwrap_or(u64::MAX);
            for id in ids {
                self.line(id, "ready");
            }
        };
        desk.retry_all(&filter, arguments::ACTOR, &mut done).await?;
        if self.json { Ok(Outcome::Done) } else { self.tell(count, "ready again") }
    }

    /// Calls them off.
    pub async fn cancel(&self, desk: &Desk) -> Result<Outcome, CommandError> {
        let (since_ms, until_ms) = self.instants()?;
        let filter = JobFilter { since_ms, until_ms, ..self.filter()? };
        if filter.state.is_some_and(JobState::is_final) {
            return Err(wrong_state("only jobs that have not ended are called off", "ready or --state leased"));
        }
        // Without a state those that are over would be counted, too.
        let states = match (filter.state, filter.standing) {
            (None, None) => vec![Some(JobState::Ready), Some(JobState::Leased)],
            (state, _) => vec![state],
        };
        let mut count = 0_u64;
        for state in states {
            let filter = JobFilter { state, ..filter.clone() };
            if self.dry_run {
                count += desk.count_jobs(&filter).await?;
                continue;
            }
            let mut done = |outcomes: &[(JobId, CancelOutcome)]| {
                count += u64::try_from(outcomes.len()).unwrap_or(u64::MAX);
                for (id, outcome) in outcomes {
                    let is_over = matches!(outcome, CancelOutcome::Cancelled);
                    self.line(id, if is_over { "cancelled" } else { "stopping" });
                }
            };
            desk.cancel_all(&filter, arguments::ACTOR, &mut done).await?;
        }
        match (self.dry_run, self.json) {
            (true, _) => self.tell(count, "would be called off"),
            (false, true) => Ok(Outcome::Done),
            (false, false) => self.tell(count, "called off, or stopping within seconds"),
        }
    }

    fn line(&self, id: &JobId, state: &str) {
        if self.json {
            show::line(&json!({ "job": id, "state": state }).to_string());
        } else {
            show::line(&format!("{id} {state}"));
        }
    }

    fn tell(&self, count: u64, what: &str) -> Result<Outcome, CommandError> {
        if self.json {
            show::json(&json!({ "dry_run": self.dry_run, "jobs": count }))?;
        } else {
            show::line(&format!("{} {what}", show::counted(count, "job", "jobs")));
        }
        Ok(Outcome::Done)
    }
}

fn wrong_state(message: &str, states: &str) -> CommandError {
    CommandError::plain(message, Some(&format!("use --state {states}")))
}
