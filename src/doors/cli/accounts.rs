//! `earmark accounts`: the accounts at the provider, who stopped them and why, and what was used of them.

use std::collections::HashMap;
use std::time::Duration;

use earmark_core::{minutes_seconds, rfc3339};
use earmark_journal::{AccountState, UsageFilter, UsageRow};
use earmark_permits::PoolStatus;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use super::{Outcome, jobs, show};
use crate::app::{App, Loading};
use crate::config::CommandError;
use crate::config::{AccountKey, BUILT_IN, EngineKind, Tier, USUAL};

/// How long the store of the permits may take to say how many are taken.
const STATUS_TIME: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);
/// The code of a pause that a person wanted.
const BY_HAND: &str = "account.paused_by_hand";

/// List, pause or resume accounts, or show what was used.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the accounts: their limits, whether they are open, what was used today.
    List {
        /// As JSON, an account a line.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing on an account for a while; its jobs wait.
    Pause {
        /// Which.
        name: String,
        /// Until when, e.g. 2026-01-31T18:00:00+08:00; otherwise until it is resumed.
        #[arg(long, value_name = "RFC3339")]
        until: Option<String>,
        /// Why, for the others.
        #[arg(long, value_name = "TEXT", default_value = "paused by hand")]
        reason: String,
    },
    /// Open an account again and wake the jobs that wait for it.
    Resume {
        /// Which; the usual one if none is named.
        name: Option<String>,
    },
    /// Show requests, audio and price per day, tenant and account.
    Usage {
        /// From this day on, YYYY-MM-DD.
        #[arg(long, value_name = "DAY")]
        since: Option<String>,
        /// Only this tenant's.
        #[arg(long)]
        tenant: Option<String>,
        /// Only of this account.
        #[arg(long)]
        account: Option<String>,
        /// A row per job.
        #[arg(long)]
        by_job: bool,
        /// As JSON, a row a line.
        #[arg(long)]
        json: bool,
    },
}

/// The command.
pub async fn accounts(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { json } => list(app, json).await,
        Command::Pause { name, until, reason } => pause(app, &name, until.as_deref(), &reason).await,
        Command::Resume { name } => resume(app, name.as_deref().unwrap_or(usual(app))).await,
        Command::Usage { since, tenant, account, by_job, json } => {
            let tenant = tenant.map(|tenant| jobs::tenant(&tenant)).transpose()?;
            let since_day = since.as_deref().map(day).transpose()?;
            usage(app, &UsageFilter { since_day, tenant, account, by_job }, json).await
        }
    }
}

async fn list(app: &App, is_json: bool) -> Result<Outcome, CommandError> {
    let (today, _) = app.books().day();
    let used = app.usage.rows(&UsageFilter { since_day: Some(today.clone()), ..UsageFilter::default() }).await?;
    let states: HashMap<_, _> =
        app.account_states.all().await?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let statuses = statuses(app).await;
    let head = ["account", "tier", "limit", "now", "in flight", "state", "until", "why", "requests", "audio", "yuan"];
    let mut table = show::table(&head);
    for name in known(app).await? {
        let key = key(app, &name);
        let limit = key.as_ref().map(|(_, limit)| *limit);
        // Its variants are the provider's words.
        let tier = key.map(|(tier, _)| format!("{tier:?}"));
        let status = statuses.get(&name);
        let state = states.get(&name).map_or(&AccountState::Open, |row| &row.state);
        let (code, why) = why(state);
        let mut sum = Sum::default();
        // The day may have begun elsewhere already.
        used.iter().filter(|row| row.account == name && row.day == today).for_each(|row| sum.add(row));
        if is_json {
            show::json(&json!({
                "account": name, "tier": tier, "limit": limit, "limit_now": status.map(|status| status.limit_now),
                "in_flight": status.map(|status| status.in_flight), "waiting": status.map(|status| status.waiting),
                "state": state.status(), "until": state.until_ms().map(rfc3339), "code": code, "why": why,
                "changed_by": states.get(&name).map(|row| &row.changed_by),
                "today": { "day": today, "requests": sum.requests, "audio_ms": sum.audio_ms, "billed_ms": sum.billed_ms, "price_cny": yuan(sum.price_micro_cny) },
            }))?;
            continue;
        }
        let number = |number: Option<usize>| number.map_or_else(|| "-".into(), |number| number.to_string());
        table.add_row([
            name,
            tier.unwrap_or_else(|| "-".into()),
            number(limit),
            number(status.map(|status| status.limit_now)),
            number(status.map(|status| status.in_flight)),
            state.status().as_str().into(),
            state.until_ms().map(rfc3339).unwrap_or_default(),
            why.unwrap_or_default().into(),
            sum.requests.to_string(),
            minutes_seconds(sum.audio_ms),
            price(sum.price_micro_cny),
        ]);
    }
    if !is_json {
        show::line(&table.to_string());
    }
    Ok(Outcome::Done)
}

async fn pause(app: &App, name: &str, until: Option<&str>, reason: &str) -> Result<Outcome, CommandError> {
    refuse_unknown(app, name).await?;
    let until_ms = until.map(|until| instant(app, until)).transpose()?;
    let is_new = app.account_states.pause(name, until_ms, BY_HAND, reason, jobs::ACTOR).await?;
    // A longer pause may have been there already.
    let state = app.account_states.state(name).await?;
    let until = state.until_ms().map_or_else(|| "it is resumed".into(), rfc3339);
    let already = if is_new { "" } else { " already" };
    show::line(&format!("{name} is paused{already}, until {until}"));
    Ok(Outcome::Done)
}

async fn resume(app: &App, name: &str) -> Result<Outcome, CommandError> {
    refuse_unknown(app, name).await?;
    let woken = app.account_states.resume(name, jobs::ACTOR).await?;
    let jobs = show::counted(woken, "job was woken", "jobs were woken");
    show::line(&format!("{name} is open, {jobs}"));
    Ok(Outcome::Done)
}

async fn usage(app: &App, filter: &UsageFilter, is_json: bool) -> Result<Outcome, CommandError> {
    let rows = app.usage.rows(filter).await?;
    if is_json {
        for row in &rows {
            show::json(&json!({
                "day": row.day, "tenant": row.tenant, "account": row.account, "job_id": row.job_id, "requests": row.requests,
                "answered": row.answered, "audio_ms": row.audio_ms, "billed_ms": row.billed_ms,
                "price_cny": yuan(row.price_micro_cny), "latency_ms": row.latency_ms,
            }))?;
        }
        return Ok(Outcome::Done);
    }
    let mut head = vec!["day", "tenant", "account", "requests", "answered", "audio", "billed", "yuan"];
    if filter.by_job {
        head.insert(3, "job");
    }
    let mut table = show::table(&head);
    let mut total = Sum::default();
    for row in &rows {
        total.add(row);
        let job = row.job_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut cells = vec![row.day.clone(), row.tenant.to_string(), row.account.clone()];
        if filter.by_job {
            cells.push(job);
        }
        let mut sum = Sum::default();
        sum.add(row);
        cells.extend(sum.cells());
        table.add_row(cells);
    }
    let mut cells = vec!["all".into()];
    cells.resize(head.len() - 5, String::new());
    cells.extend(total.cells());
    table.add_row(cells);
    show::line(&table.to_string());
    Ok(Outcome::Done)
}

/// Requests of several rows.
#[derive(Default)]
struct Sum {
    requests: u64,
    answered: u64,
    audio_ms: u64,
    billed_ms: u64,
    price_micro_cny: i64,
}

impl Sum {
    fn add(&mut self, row: &UsageRow) {
        self.requests += row.requests;
        self.answered += row.answered;
        self.audio_ms += row.audio_ms;
        self.billed_ms += row.billed_ms;
        self.price_micro_cny += row.price_micro_cny;
    }

    fn cells(&self) -> [String; 5] {
        [
            self.requests.to_string(),
            self.answered.to_string(),
            minutes_seconds(self.audio_ms),
            minutes_seconds(self.billed_ms),
            price(self.price_micro_cny),
        ]
    }
}

/// The account of tenants that are bound to no other.
fn usual(app: &App) -> &'static str {
    match app.config.asr.engine {
        EngineKind::Local => BUILT_IN,
        EngineKind::Glm => USUAL,
    }
}

/// Every account: the usual one, those beside it, and those that were stopped at some time.
async fn known(app: &App) -> Result<Vec<String>, CommandError> {
    let mut names = vec![usual(app).to_owned()];
    if app.config.asr.engine == EngineKind::Glm {
        names.extend(app.config.accounts.keys.iter().map(|key| key.name.clone()));
    }
    for row in app.account_states.all().await? {
        if !names.contains(&row.name) {
            names.push(row.name);
        }
    }
    Ok(names)
}

async fn refuse_unknown(app: &App, name: &str) -> Result<(), CommandError> {
    let mut known = known(app).await?;
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
fn key(app: &App, name: &str) -> Option<(Tier, usize)> {
    let asr = &app.config.asr;
    match asr.engine {
        EngineKind::Local => None,
        EngineKind::Glm if name == USUAL => Some((asr.tier, asr.limit())),
        EngineKind::Glm => {
            let found: Option<&AccountKey> = app.config.accounts.keys.iter().find(|key| key.name == name);
            found.map(|key| (key.tier, key.limit()))
        }
    }
}

/// How the permits stand, of the accounts where that can be told: the built-in engine's are each process's own.
async fn statuses(app: &App) -> HashMap<String, PoolStatus> {
    let mut statuses = HashMap::new();
    if app.config.asr.engine == EngineKind::Local {
        return statuses;
    }
    let accounts = match app.accounts(Loading::Late).await {
        Ok(accounts) => accounts.all(),
        Err(complaint) => {
            show::error(&complaint);
            return statuses;
        }
    };
    let asked = async {
        let mut looks = tokio::time::interval(LOOK);
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
    statuses
}

fn why(state: &AccountState) -> (Option<&str>, Option<&str>) {
    match state {
        AccountState::Open => (None, None),
        AccountState::Cooling { code, message, .. } | AccountState::Paused { code, message, .. } => {
            (Some(code), Some(message))
        }
    }
}

fn instant(app: &App, text: &str) -> Result<i64, CommandError> {
    let hint = Some("use a time to come such as 2026-01-31T18:00:00+08:00");
    let until = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|error| CommandError::plain(format!("--until {text}: {error}"), hint))?;
    let until_ms = until.unix_timestamp() * 1000 + i64::from(until.millisecond());
    if until_ms <= app.clock.now_ms() {
        return Err(CommandError::plain(format!("--until {text} is over"), hint));
    }
    Ok(until_ms)
}

fn day(text: &str) -> Result<String, CommandError> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    match Date::parse(text, format) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            Err(CommandError::plain(format!("--since {text}: {error}"), Some("use a day such as 2026-01-31")))
        }
    }
}

/// Millionths of a yuan for people.
pub fn price(micro_cny: i64) -> String {
    format!("{:.4}", yuan(micro_cny))
}

/// Millionths of a yuan as yuan.
#[expect(clippy::cast_precision_loss, reason = "a price is far below 2^53 millionths of a yuan")]
pub fn yuan(micro_cny: i64) -> f64 {
    micro_cny as f64 / 1_000_000.0
}
