//! Accounts at the provider, as far as they were ever stopped: paused by the provider's word or a person's, or cooling
//! after too many failures. Every process asks here before it sends.

use earmark_core::audit::{AuditEvent, AuditKind};
use earmark_core::{AccountStatus, Tenant, UnknownWord};
use serde_json::json;
use sqlx::any::AnyRow;

use crate::JournalError;
use crate::alerts::{self, NewAlert};
use crate::audit;
use crate::database::{Database, Write, column, storable};
use crate::jobs::make_due;

/// Codes of jobs that wait for an account and for nothing else.
const WAITS_FOR_ACCOUNT: &[&str] = &[
    "transcribe.account_stopped",
    "transcribe.credentials",
    "transcribe.account_paused",
    "transcribe.account_cooling",
];

/// The kind of the alert that an account is paused.
const PAUSED: &str = "account.paused";

/// Whether requests may be sent on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountState {
    /// Requests may be sent.
    Open,
    /// The circuit is open: too many failures in a row.
    Cooling {
        /// When the next request may be tried.
        until_ms: i64,
        /// Code of the failure.
        code: String,
        /// The failure in words.
        message: String,
    },
    /// Nothing is sent until then, or until a person resumes the account.
    Paused {
        /// When it opens by itself; none for not before a person resumes it.
        until_ms: Option<i64>,
        /// Code of the cause.
        code: String,
        /// The cause in words.
        message: String,
    },
}

impl AccountState {
    /// The state without its facts: the word that is stored and shown.
    pub fn status(&self) -> AccountStatus {
        match self {
            Self::Open => AccountStatus::Open,
            Self::Cooling { .. } => AccountStatus::Cooling,
            Self::Paused { .. } => AccountStatus::Paused,
        }
    }

    /// When it opens by itself, where it is not open and does.
    pub fn until_ms(&self) -> Option<i64> {
        match self {
            Self::Open => None,
            Self::Cooling { until_ms, .. } => Some(*until_ms),
            Self::Paused { until_ms, .. } => *until_ms,
        }
    }

    /// The state as it is at `now_ms`: what has run out is open.
    fn at(self, now_ms: i64) -> Self {
        match self.until_ms() {
            Some(until_ms) if until_ms <= now_ms => Self::Open,
            Some(_) | None => self,
        }
    }
}

/// An account that was stopped at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its name in the configuration.
    pub name: String,
    /// How it stands now.
    pub state: AccountState,
    /// When somebody last changed that.
    pub changed_at_ms: i64,
    /// Who changed that, as the audit log names them.
    pub changed_by: String,
}

/// The accounts in the database. Clones share it.
#[derive(Debug, Clone)]
pub struct Accounts {
    db: Database,
}

impl Accounts {
    /// The accounts of `db`.
    pub fn new(db: Database) -> Self {
        Self { db }
    }

    /// How account `name` stands now. One that was never stopped is open.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn state(&self, name: &str) -> Result<AccountState, JournalError> {
        let found = sqlx::query("SELECT * FROM accounts WHERE name = $1")
            .bind(name.to_owned())
            .fetch_optional(self.db.pool())
            .await;
        match self.db.map(found)? {
            Some(found) => Ok(account(&self.db, &found)?.state),
            None => Ok(AccountState::Open),
        }
    }

    /// Every account that was ever stopped, by name.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn all(&self) -> Result<Vec<AccountRow>, JournalError> {
        let rows = sqlx::query("SELECT * FROM accounts ORDER BY name").fetch_all(self.db.pool()).await;
        self.db.map(rows)?.iter().map(|found| account(&self.db, found)).collect()
    }

    /// Pauses account `name` until `until_ms`, or until a person resumes it. True if it was not paused already: then
    /// there is an alert, and an entry in the default tenant's audit log. Pausing again can only make it longer.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn pause(
        &self,
        name: &str,
        until_ms: Option<i64>,
        code: &str,
        message: &str,
        actor: &str,
    ) -> Result<bool, JournalError> {
        let mut write = self.db.write().await?;
        let before = taken(&mut write, name, actor).await?;
        let paused = AccountState::Paused { until_ms, code: code.into(), message: message.into() };
        if let AccountState::Paused { until_ms: before, .. } = before.state {
            if ends_later(until_ms, before) {
                put(&mut write, name, &paused, actor).await?;
                write.commit().await?;
            }
            return Ok(false);
        }
        put(&mut write, name, &paused, actor).await?;
        let until = until_ms.map_or("a person resumes it".into(), earmark_core::rfc3339);
        let alert =
            NewAlert { kind: PAUSED.into(), message: format!("account {name} is paused until {until}: {message}") };
        let payload = json!({ "account": name, "until_ms": until_ms, "code": code, "message": message });
        audit::append(&mut write, &[event(actor, AuditKind::AccountPaused, payload)]).await?;
        // One that ran out has nobody who closes it.
        alerts::close_about(&mut write, PAUSED, name, actor, "the pause was over").await?;
        alerts::raise_about(&mut write, &Tenant::default(), None, name, &alert).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Lets account `name` cool until `until_ms`. True if it was open. Cooling again can only make it longer, and a pause
    /// stays what it is.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn cool(
        &self,
        name: &str,
        until_ms: i64,
        code: &str,
        message: &str,
        actor: &str,
    ) -> Result<bool, JournalError> {
        let mut write = self.db.write().await?;
        let was_open = match taken(&mut write, name, actor).await?.state {
            AccountState::Paused { .. } => return Ok(false),
            AccountState::Cooling { until_ms: before, .. } if before >= until_ms => return Ok(false),
            AccountState::Cooling { .. } => false,
            AccountState::Open => true,
        };
        let cooling = AccountState::Cooling { until_ms, code: code.into(), message: message.into() };
        put(&mut write, name, &cooling, actor).await?;
        write.commit().await?;
        Ok(was_open)
    }

    /// Opens account `name` and makes every job due that waits for an account, which is counted; one that waits for
    /// another account will find that out and wait again. On record, unless nothing had to be done.
    ///
    /// # Errors
    /// [`JournalError`] when the database fails.
    pub async fn resume(&self, name: &str, actor: &str) -> Result<u64, JournalError> {
        let mut write = self.db.write().await?;
        // Jobs before the account: Write says why.
        let woken = make_due(&mut write, WAITS_FOR_ACCOUNT).await?;
        let before = taken(&mut write, name, actor).await?;
        put(&mut write, name, &AccountState::Open, actor).await?;
        if before.state == AccountState::Open && woken == 0 {
            return Ok(0);
        }
        let payload = json!({ "account": name, "was": before.state.status(), "jobs_woken": woken });
        audit::append(&mut write, &[event(actor, AuditKind::AccountResumed, payload)]).await?;
        alerts::close_about(&mut write, PAUSED, name, actor, "the account was resumed").await?;
        write.commit().await?;
        self.db.tell_ready();
        Ok(woken)
    }
}

/// The account as it stands, made if it is new, nobody else changing it before the commit.
async fn taken(write: &mut Write, name: &str, actor: &str) -> Result<AccountRow, JournalError> {
    let statement = sqlx::query(
        "INSERT INTO accounts (name, state, code, message, changed_at_ms, changed_by) VALUES ($1, $4, '', '', $2, $3)
         ON CONFLICT (name) DO UPDATE SET state = accounts.state RETURNING *",
    )
    .bind(name.to_owned())
    .bind(write.db().now_ms())
    .bind(actor.to_owned())
    .bind(AccountStatus::Open.as_str());
    let found = write
        .row(statement)
        .await?
        .ok_or_else(|| JournalError::Database { place: write.db().place(), source: sqlx::Error::RowNotFound })?;
    account(write.db(), &found)
}

async fn put(write: &mut Write, name: &str, state: &AccountState, actor: &str) -> Result<(), JournalError> {
    let (code, message) = match state {
        AccountState::Open => ("", ""),
        AccountState::Cooling { code, message, .. } | AccountState::Paused { code, message, .. } => {
            (code.as_str(), message.as_str())
        }
    };
    let statement = sqlx::query(
        "UPDATE accounts SET state = $1, until_ms = $2, code = $3, message = $4, changed_at_ms = $5, changed_by = $6 WHERE name = $7",
    )
    .bind(state.status().as_str())
    .bind(state.until_ms())
    .bind(code.to_owned())
    .bind(storable(message))
    .bind(write.db().now_ms())
    .bind(actor.to_owned())
    .bind(name.to_owned());
    write.run(statement).await?;
    Ok(())
}

/// Whether `until_ms` is later than `before`, where none is never.
fn ends_later(until_ms: Option<i64>, before: Option<i64>) -> bool {
    before.is_some_and(|before| until_ms.is_none_or(|until_ms| until_ms > before))
}

fn account(db: &Database, found: &AnyRow) -> Result<AccountRow, JournalError> {
    let word: String = column(db, found, "state")?;
    let until_ms: Option<i64> = column(db, found, "until_ms")?;
    let (code, message): (String, String) = (column(db, found, "code")?, column(db, found, "message")?);
    let unreadable = |why: String| JournalError::Unreadable { column: "state", value: word.clone(), why };
    let status: AccountStatus = word.parse().map_err(|error: UnknownWord| unreadable(error.to_string()))?;
    let state = match (status, until_ms) {
        (AccountStatus::Open, _) => AccountState::Open,
        (AccountStatus::Cooling, Some(until_ms)) => AccountState::Cooling { until_ms, code, message },
        (AccountStatus::Cooling, None) => return Err(unreadable("cooling without an end".into())),
        (AccountStatus::Paused, until_ms) => AccountState::Paused { until_ms, code, message },
    };
    Ok(AccountRow {
        name: column(db, found, "name")?,
        state: state.at(db.now_ms()),
        changed_at_ms: column(db, found, "changed_at_ms")?,
        changed_by: column(db, found, "changed_by")?,
    })
}

fn event(actor: &str, kind: AuditKind, payload: serde_json::Value) -> AuditEvent {
    AuditEvent {
        actor: actor.into(),
        tenant: Tenant::default(),
        kind,
        job_id: None,
        payload,
        rule_set_sha256: None,
        engine: None,
        audio_sha256: None,
    }
}
