//! `earmark accounts`: the accounts at the provider, who stopped them and why, and what was used of them.

use earmark_core::minutes_seconds;

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::accounts::UsageFilter;
use crate::desk::views::Spent;
use crate::desk::{Desk, instant};

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
        /// The account's name.
        name: String,
        /// Until when, e.g. 2026-01-31T18:00:00+08:00, or the day at whose beginning it ends; otherwise until it is resumed.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Why, for the others.
        #[arg(long, value_name = "TEXT", default_value = "paused by hand")]
        reason: String,
    },
    /// Open an account again and wake the jobs that wait for it.
    Resume {
        /// The account's name; the usual one if none is given.
        name: Option<String>,
    },
    /// Show requests, audio and price per day, tenant and account.
    Usage {
        /// From this day on, YYYY-MM-DD, or from the day on which this time falls: RFC 3339.
        #[arg(long, value_name = "TIME")]
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

pub async fn accounts(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::List { json } => list(desk, json).await,
        Command::Pause { name, until, reason } => pause(desk, &name, until.as_deref(), &reason).await,
        Command::Resume { name } => resume(desk, name.as_deref().unwrap_or(desk.usual_account())).await,
        Command::Usage { since, tenant, account, by_job, json } => {
            let tenant = tenant.as_deref().map(arguments::tenant).transpose()?;
            let day_begins = desk.config().accounts.day_begins;
            let day =
                |text| instant::day(text, day_begins).map_err(|why| arguments::wrong_instant("--since", text, &why));
            let since_day = since.as_deref().map(day).transpose()?;
            usage(desk, &UsageFilter { since_day, tenant, account, by_job }, json).await
        }
    }
}

async fn list(desk: &Desk, is_json: bool) -> Result<Outcome, CommandError> {
    let list = desk.accounts().await?;
    if let Some(error) = &list.unknown_permits {
        show::error(error);
    }
    if is_json {
        list.accounts.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let head = ["account", "tier", "limit", "now", "in flight", "state", "until", "why", "requests", "audio", "yuan"];
    let mut table = show::table(&head);
    let number = |number: Option<usize>| number.map_or_else(|| "-".into(), |number| number.to_string());
    for account in list.accounts {
        table.add_row([
            account.account,
            account.tier.unwrap_or_else(|| "-".into()),
            number(account.limit),
            number(account.limit_now),
            number(account.in_flight),
            account.state,
            account.until.unwrap_or_default(),
            account.why.unwrap_or_default(),
            account.today.requests.to_string(),
            minutes_seconds(account.today.audio_ms),
            show::price(account.today.price_cny),
        ]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}

async fn pause(desk: &Desk, name: &str, until: Option<&str>, reason: &str) -> Result<Outcome, CommandError> {
    let until_ms = arguments::later_ms("--until", until)?;
    if let Some(until) = until.filter(|_| until_ms.is_some_and(|until_ms| until_ms <= desk.now_ms())) {
        let hint = "use a time to come such as 2026-01-31T18:00:00+08:00";
        return Err(CommandError::plain(format!("--until {until} is over"), Some(hint)));
    }
    let paused = desk.pause_account(name, until_ms, reason, arguments::ACTOR).await?;
    let until = paused.until.unwrap_or_else(|| "it is resumed".into());
    let already = if paused.is_new { "" } else { " already" };
    show::line(&format!("{name} is paused{already}, until {until}"));
    Ok(Outcome::Done)
}

async fn resume(desk: &Desk, name: &str) -> Result<Outcome, CommandError> {
    let woken = desk.resume_account(name, arguments::ACTOR).await?;
    let jobs = show::counted(woken, "job was woken", "jobs were woken");
    show::line(&format!("{name} is open, {jobs}"));
    Ok(Outcome::Done)
}

async fn usage(desk: &Desk, filter: &UsageFilter, is_json: bool) -> Result<Outcome, CommandError> {
    let report = desk.usage(filter).await?;
    if is_json {
        report.rows.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let mut head = vec!["day", "tenant", "account", "requests", "answered", "audio", "billed", "yuan"];
    if filter.by_job {
        head.insert(3, "job");
    }
    let mut table = show::table(&head);
    for row in report.rows {
        let mut cells = vec![row.day, row.tenant.to_string(), row.account];
        if filter.by_job {
            cells.push(row.job_id.map(|id| id.to_string()).unwrap_or_default());
        }
        cells.extend(sums(&row.spent));
        table.add_row(cells);
    }
    let mut cells = vec!["all".into()];
    cells.resize(head.len() - 5, String::new());
    cells.extend(sums(&report.total));
    table.add_row(cells);
    show::line(&table.to_string());
    Ok(Outcome::Done)
}

fn sums(spent: &Spent) -> [String; 5] {
    [
        spent.requests.to_string(),
        spent.answered.to_string(),
        minutes_seconds(spent.audio_ms),
        minutes_seconds(spent.billed_ms),
        show::price(spent.price_cny),
    ]
}
