//! Whether the service can do its work, and what keeps it from it.

use std::sync::Arc;

use earmark_core::{Problem, rfc3339};
use earmark_journal::{AccountState, Accounts as AccountStates, Count, Database, Journal, JournalError};
use earmark_pipeline::ProviderAccounts;
use earmark_queue::Broker;

use crate::app::App;

/// All that has to work.
#[derive(Clone)]
pub struct Health {
    database: Database,
    journal: Journal,
    states: AccountStates,
    accounts: ProviderAccounts,
    broker: Option<Arc<Broker>>,
}

/// How the service stands.
pub struct Readiness {
    /// How many jobs are where.
    pub jobs: Vec<Count>,
    /// ProviderAccounts that a person has to see to.
    pub stopped_accounts: Vec<StoppedAccount>,
    /// ProviderAccounts whose permits cannot be reached, by name.
    pub accounts_without_permits: Vec<String>,
    /// Why the queue cannot be used; none while it can.
    pub queue: Option<Problem>,
}

/// An account that may not go on.
pub struct StoppedAccount {
    /// Its name.
    pub name: String,
    /// Why, as a code.
    pub code: String,
    /// Why, in words.
    pub message: String,
    /// Until when, RFC 3339; none until it is resumed.
    pub until: Option<String>,
}

impl Health {
    /// Of a service that works with `accounts`.
    pub fn new(app: &App, accounts: ProviderAccounts) -> Self {
        Self {
            database: app.database.clone(),
            journal: app.journal.clone(),
            states: app.account_states.clone(),
            accounts,
            broker: app.broker.clone(),
        }
    }

    /// Looks at the database, which has to be writable, the accounts, their permits and the queue.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn check(&self) -> Result<Readiness, JournalError> {
        self.database.check().await?;
        let jobs = self.journal.counts().await?;
        let mut stopped_accounts = Vec::new();
        for account in self.states.all().await? {
            // A provider that is only overloaded comes back by itself; a person has to see to the rest.
            if let AccountState::Paused { until_ms, code, message } = account.state {
                let until = until_ms.map(rfc3339);
                stopped_accounts.push(StoppedAccount { name: account.name, code, message, until });
            }
        }
        let accounts = self.accounts.all();
        let without_permits = accounts.iter().filter(|account| !account.permits.status().is_reachable);
        let accounts_without_permits = without_permits.map(|account| account.name.clone()).collect();
        let queue = self.broker.as_ref().and_then(|broker| broker.health().problem());
        Ok(Readiness { jobs, stopped_accounts, accounts_without_permits, queue })
    }
}

impl Readiness {
    /// Whether nothing keeps it from its work.
    pub fn is_ready(&self) -> bool {
        self.stopped_accounts.is_empty() && self.accounts_without_permits.is_empty() && self.queue.is_none()
    }
}
