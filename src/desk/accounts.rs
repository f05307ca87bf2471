//! The accounts at the provider: their limits, who stopped them and why, and what was used of them.

use std::collections::HashMap;
use std::time::Duration;

use earmark_core::rfc3339;
use earmark_journal::{AccountState, JournalError, UsageRow};
use earmark_permits::PoolStatus;

use super::Desk;
use super::views::{AccountView, Spent, Today, UsageReport, UsageView};
use crate::app::Loading;
use crate::config::{BUILT_IN, CommandError, Tier};

pub use earmark_journal::UsageFilter;

/// How long the store of the permits may take to say how many are taken.
const STATUS_TIME: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const STATUS_POLL: Duration = Duration::from_millis(20);
/// The code of a pause that a person wanted.
const BY_HAND: &str = "account.paused_by_hand";

/// An account that a person has paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausedAccount {
    /// Whether it was not paused for as long already.
    pub is_new: bool,
    /// Until when, RFC 3339; none until it is resumed.
    pub until: Option<String>,
}

/// The accounts, and what kept some of the facts from being told.
#[derive(Debug)]
pub struct AccountList {
    /// The usual one first.
    pub accounts: Vec<AccountView>,
    /// Why nothing is known of the permits, where nothing is.
    pub unknown_permits: Option<CommandError>,
}

impl Desk {
    /// Every account: the usual one, those beside it, and those that were stopped at some time.
    ///
    /// # Errors
    /// [`CommandError`] when the database fails.
    pub async fn accounts(&self) -> Result<AccountList, CommandError> {
        let (today, _) = self.app.ledger().day();
        let filter = UsageFilter { since_day: Some(today.clone()), ..UsageFilter::default() };
        let used = self.app.usage.rows(&filter).await?;
        let states: HashMap<_, _> =
            self.app.account_states.all().await?.into_iter().map(|row| (row.name.clone(), row)).collect();
        let (statuses, unknown_permits) = self.permit_statuses().await;
        let mut accounts = Vec::new();
        for name in self.account_names().await? {
            let key = self.tier_and_limit(&name);
            let status = statuses.get(&name);
            let row = states.get(&name);
            let state = row.map_or(&AccountState::Open, |row| &row.state);
            let (code, why) = cause(state);
            accounts.push(AccountView {
                // Its variants are the provider's words.
                tier: key.map(|(tier, _)| format!("{tier:?}")),
                limit: key.map(|(_, limit)| limit),
                limit_now: status.map(|status| status.limit_now),
                in_flight: status.map(|status| status.in_flight),
                waiting: status.map(|status| status.waiting),
                state: state.status().as_str().into(),
                until: state.until_ms().map(rfc3339),
                code,
                why,
                changed_by: row.map(|row| row.changed_by.clone()),
                today: used_on(&today, &name, &used),
                account: name,
            });
        }
        Ok(AccountList { accounts, unknown_permits })
    }

    /// Has nothing sent on account `name` until that instant, or until it is resumed. A longer pause may be there already.
    ///
    /// # Errors
    /// [`CommandError`] naming the accounts there are, when there is none of that name.
    pub async fn pause_account(
        &self,
        name: &str,
        until_ms: Option<i64>,
        reason: &str,
        actor: &str,
    ) -> Result<PausedAccount, CommandError> {
        self.refuse_unknown_account(name).await?;
        let states = &self.app.account_states;
        let is_new = states.pause(name, until_ms, BY_HAND, reason, actor).await?;
        Ok(PausedAccount { is_new, until: states.state(name).await?.until_ms().map(rfc3339) })
    }

    /// Opens account `name` again; tells how many jobs that waited for it were woken.
    ///
    /// # Errors
    /// As [`pause_account`](Self::pause_account).
    pub async fn resume_account(&self, name: &str, actor: &str) -> Result<u64, CommandError> {
        self.refuse_unknown_account(name).await?;
        Ok(self.app.account_states.resume(name, actor).await?)
    }

    /// What was used.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn usage(&self, filter: &UsageFilter) -> Result<UsageReport, JournalError> {
        let rows = self.app.usage.rows(filter).await?;
        let total = Spent::by(&rows);
        Ok(UsageReport { rows: rows.into_iter().map(UsageView::from).collect(), total })
    }

    /// The account of tenants that are bound to no other.
    pub fn usual_account(&self) -> &'static str {
        self.app.engine().usual()
    }

    /// The instant now, in milliseconds since the epoch: what is to come is later.
    pub fn now_ms(&self) -> i64 {
        self.app.clock.now_ms()
    }

    async fn account_names(&self) -> Result<Vec<String>, JournalError> {
        let mut names: Vec<String> = self.app.engine().accounts().into_iter().map(|account| account.name).collect();
        for row in self.app.account_states.all().await? {
            if !names.contains(&row.name) {
                names.push(row.name);
            }
        }
        Ok(names)
    }

    async fn refuse_unknown_account(&self, name: &str) -> Result<(), CommandError> {
        let mut known = self.account_names().await?;
        // It transcribes what the provider refuses.
        known.push(BUILT_IN.into());
        if known.iter().any(|known| known == name) {
            return Ok(());
        }
        known.dedup();
        let hint = format!("use one of {}", known.join(", "));
        Err(CommandError::plain(format!("there is no account `{name}`"), Some(&hint)))
    }

    /// Tier and limit of an account at the provider.
    fn tier_and_limit(&self, name: &str) -> Option<(Tier, usize)> {
        self.app.engine().accounts().into_iter().find(|account| account.name == name)?.limit
    }

    /// How the permits stand, of the accounts where that can be told: the built-in engine's are each process's own.
    async fn permit_statuses(&self) -> (HashMap<String, PoolStatus>, Option<CommandError>) {
        let mut statuses = HashMap::new();
        if !self.app.engine().is_provider() {
            return (statuses, None);
        }
        let accounts = match self.app.accounts(Loading::Late).await {
            Ok(accounts) => accounts.all(),
            Err(error) => return (statuses, Some(error)),
        };
        let asked = async {
            let mut looks = tokio::time::interval(STATUS_POLL);
            while statuses.len() < accounts.len() {
                looks.tick().await;
                for account in &accounts {
                    let status = account.permits.status();
                    if status.is_reachable {
                        statuses.insert(account.name.clone(), status);
                    }
                }
            }
        };
        // Those that did not answer in time are left out.
        let _ = tokio::time::timeout(STATUS_TIME, asked).await;
        (statuses, None)
    }
}

/// What was used of account `name` on day `today`.
fn used_on(today: &str, name: &str, used: &[UsageRow]) -> Today {
    // The day may have begun elsewhere already.
    let of_today = used.iter().filter(|row| row.account == name && row.day == today);
    let Spent { requests, audio_ms, billed_ms, price_cny, .. } = Spent::by(of_today);
    Today { day: today.into(), requests, audio_ms, billed_ms, price_cny }
}

/// Code and words of what stopped an account.
fn cause(state: &AccountState) -> (Option<String>, Option<String>) {
    match state {
        AccountState::Open => (None, None),
        AccountState::Cooling { code, message, .. } | AccountState::Paused { code, message, .. } => {
            (Some(code.clone()), Some(message.clone()))
        }
    }
}
