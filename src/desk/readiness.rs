//! Whether this process can do its work: whether offers can be accepted, and whether anybody can work on them.

use earmark_core::{JobState, Lane, Problem, rfc3339};
use earmark_journal::{AccountState, JournalError, Pause, WorkerCount};
use serde::Serialize;

use super::Desk;
use super::transcribe::Accounts;
use super::views::PlaceView;

/// Whether the database can be written, the queue be reached, every account be used and its permits' store be reached,
/// and how much waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readiness {
    /// Whether all of it can.
    #[serde(rename = "ready")]
    pub is_ready: bool,
    /// Whether an offer would be accepted: it is kept in the database, whatever else is away.
    #[serde(rename = "accepting")]
    pub is_accepting: bool,
    /// Whether jobs can be worked on: nothing is in the way, and a worker lives, here or elsewhere.
    #[serde(rename = "working")]
    pub is_working: bool,
    /// What is in the way of working, each with its code.
    pub in_the_way: Vec<Problem>,
    /// Worker processes that live, and their slots.
    pub workers: WorkerCount,
    /// How many jobs stand where.
    pub jobs: Vec<JobCount>,
    /// Accounts that a person has to see to.
    pub stopped_accounts: Vec<StoppedAccount>,
    /// Names of accounts whose permits' store does not answer.
    pub accounts_without_permits: Vec<String>,
    /// Stores, hosts and folders that do not answer: their jobs wait, others are worked on.
    pub places_away: Vec<PlaceView>,
    /// What is wrong with the queue; none where nothing is, and where the journal itself is the queue.
    pub queue: Option<Problem>,
}

/// How many jobs of a lane are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobCount {
    /// The lane that they are in.
    pub lane: Lane,
    /// The stored state.
    pub state: JobState,
    /// How many jobs.
    pub jobs: u64,
    /// Since the oldest of them was accepted, in milliseconds.
    pub oldest_age_ms: i64,
}

/// An account that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoppedAccount {
    /// Its name in the configuration.
    pub account: String,
    /// Code of the cause.
    pub code: String,
    /// The cause, in words.
    pub message: String,
    /// When it opens by itself, RFC 3339; none for not before a person resumes it.
    pub until: Option<String>,
}

/// That the database cannot even be asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unready {
    /// Always false.
    #[serde(rename = "ready")]
    pub is_ready: bool,
    /// Always false: nothing can be kept.
    #[serde(rename = "accepting")]
    pub is_accepting: bool,
    /// Always false: no job can be leased.
    #[serde(rename = "working")]
    pub is_working: bool,
    /// Why the database cannot be asked.
    pub error: Problem,
}

impl Unready {
    /// Because of `error`.
    pub fn because(error: Problem) -> Self {
        Self { is_ready: false, is_accepting: false, is_working: false, error }
    }
}

impl StoppedAccount {
    fn problem(&self) -> Problem {
        let Self { account, code, message, until } = self;
        let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        Problem {
            code: code.clone(),
            message: format!("account {account} is paused{until}: {message}"),
            hint: Some(format!("see to the cause, then `earmark accounts resume {account}`")),
        }
    }
}

impl Desk {
    /// Whether the work can be done on `accounts`, those of this process.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn readiness(&self, accounts: &Accounts) -> Result<Readiness, JournalError> {
        self.app.database.check().await?;
        let counts = self.app.journal.counts().await?;
        let jobs = counts.into_iter().map(|count| JobCount {
            lane: count.lane,
            state: count.state,
            jobs: count.jobs,
            oldest_age_ms: count.oldest_age_ms,
        });
        let mut stopped_accounts = Vec::new();
        for row in self.app.account_states.all().await? {
            // A provider that is only overloaded comes back by itself; a person has to see to the rest.
            if let AccountState::Paused { until_ms, code, message } = row.state {
                stopped_accounts.push(StoppedAccount {
                    account: row.name,
                    code,
                    message,
                    until: until_ms.map(rfc3339),
                });
            }
        }
        let accounts_without_permits: Vec<String> = accounts
            .all()
            .iter()
            .filter(|account| !account.permits.status().is_reachable)
            .map(|account| account.name.clone())
            .collect();
        let queue = self.app.broker.as_ref().and_then(|broker| broker.health().problem());
        let workers = self.app.journal.live_workers().await?;
        let pauses = self.app.journal.pauses().await?;
        let mut in_the_way: Vec<_> = stopped_accounts.iter().map(StoppedAccount::problem).collect();
        in_the_way.extend(accounts_without_permits.iter().map(|account| without_permits(account)));
        in_the_way.extend(queue.clone());
        let is_ready = in_the_way.is_empty();
        in_the_way.extend(pauses.iter().filter(|pause| pause.lane.is_none() && pause.tenant.is_none()).map(paused));
        in_the_way.extend((workers.live == 0).then(no_worker));
        Ok(Readiness {
            is_ready,
            is_accepting: true,
            is_working: in_the_way.is_empty(),
            in_the_way,
            workers,
            jobs: jobs.collect(),
            stopped_accounts,
            accounts_without_permits,
            places_away: self.places_away().await?,
            queue,
        })
    }
}

fn without_permits(account: &str) -> Problem {
    Problem {
        code: "permits.unreachable".into(),
        message: format!("the permits' store of account {account} does not answer: nothing is sent"),
        hint: Some("see to EARMARK__ASR__PERMITS_URL, or to the queue's server where that is empty".into()),
    }
}

fn paused(pause: &Pause) -> Problem {
    Problem {
        code: "queue.paused".into(),
        message: format!("everything is paused since {} by {}", rfc3339(pause.since_ms), pause.by),
        hint: Some("`earmark queue resume` lifts that".into()),
    }
}

fn no_worker() -> Problem {
    Problem {
        code: "workers.none".into(),
        message: "no worker is alive: jobs are accepted and wait".into(),
        hint: Some("start one with `earmark work` or `earmark up`".into()),
    }
}
