//! Whether this process can do its work.

use earmark_core::{JobState, Lane, Problem, rfc3339};
use earmark_journal::{AccountState, JournalError};
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
    /// Why the database cannot be asked.
    pub error: Problem,
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
        Ok(Readiness {
            is_ready: stopped_accounts.is_empty() && accounts_without_permits.is_empty() && queue.is_none(),
            jobs: jobs.collect(),
            stopped_accounts,
            accounts_without_permits,
            places_away: self.places_away().await?,
            queue,
        })
    }
}
