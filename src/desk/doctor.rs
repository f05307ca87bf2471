//! Everything that earmark needs, looked at, with a hint for what is not as it should be.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use earmark_audio::segment::SpeechModel;
use earmark_core::{Clock, Failure, SystemClock, shown_server};
use earmark_journal::AccountState;
use earmark_queue::{Finding, Weight};

use super::rules::in_force::named;
use super::{Desk, counted};
use crate::app::{App, FoundDatabase};
use crate::config::{CommandError, Config, Output, locate};
use crate::engines;

/// Less free space than this is worth a word: an hour of two-channel audio takes 230 MB while it is worked on.
const LOW_SPACE_BYTES: u64 = 2 << 30;
/// 2024-01-01: no machine that runs this program lives before.
const EARLIEST_MS: i64 = 1_704_067_200_000;
/// Clocks this far apart are worth a word: leases are a few times as long.
const APART_MS: i64 = 2_000;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// All is well; what was found.
    Well(String),
    /// Works, but someone should know: what was found, and a hint.
    Warning(String, String),
    /// Does not work: what was found, and a hint.
    Bad(String, String),
}

/// Runs every check and tells `report` of each, by its name, as it ends. Makes nothing and brings nothing up to date.
pub async fn examine(config: Config, mut report: impl FnMut(&str, Check)) {
    let mut is_current = true;
    let desk = match Desk::open_to_look(config).await {
        Ok((desk, Some(database))) => {
            is_current = !matches!(database, Check::Warning(..));
            report("database", database);
            desk
        }
        Ok((desk, None)) => {
            report("database", desk.check_database().await);
            desk
        }
        Err(error) => return report("database", bad(&error)),
    };
    report("clock", desk.check_clock().await);
    for check in desk.check_queue(is_current).await {
        report("queue", check);
    }
    if desk.app.engine().is_provider() {
        report("accounts", desk.check_accounts().await);
        for check in desk.check_permits().await {
            report("permits", check);
        }
    }
    report("engine", check_engine(desk.config()).await);
    report("speech", check_speech(desk.config()));
    report("ffmpeg", check_ffmpeg(desk.config()));
    report("rules", desk.check_rules().await);
    report("output", desk.check_output().await);
    report("temp space", check_space(&locate::temp_dir(desk.config())));
    if let Output::Folder(folder) = &desk.config().storage.output {
        report("out space", check_space(folder));
    }
}

/// What was found on a server, each as a check; that all is well where nothing was.
fn checks(place: &str, found: Vec<Finding>) -> Vec<Check> {
    if found.is_empty() {
        return vec![Check::Well(place.into())];
    }
    let check = |Finding { problem, weight }: Finding| {
        let hint = problem.hint.unwrap_or_else(|| "see the message".into());
        match weight {
            Weight::Note => Check::Warning(problem.message, hint),
            Weight::Bad | Weight::Never => Check::Bad(problem.message, hint),
        }
    };
    found.into_iter().map(check).collect()
}

fn bad(error: &CommandError) -> Check {
    Check::Bad(error.problem.message.clone(), error.problem.hint.clone().unwrap_or_else(|| "see the message".into()))
}

fn failed(error: &impl Failure) -> Check {
    let problem = error.problem();
    Check::Bad(problem.message, problem.hint.unwrap_or_else(|| "see the message".into()))
}

impl Desk {
    /// A desk on what is there, and how the database is where it is not as this program needs it.
    async fn open_to_look(config: Config) -> Result<(Self, Option<Check>), CommandError> {
        let (app, found) = App::open_to_look(config).await?;
        let check = match found {
            FoundDatabase::Current => None,
            FoundDatabase::ToMake { place } => Some(Check::Well(format!("{place}, not there yet: made at the first start"))),
            FoundDatabase::ToMigrate { place, from, to, due } => Some(Check::Warning(
                format!(
                    "{place} has schema {from}, this program {to}: {} due ({})",
                    counted(due.len(), "migration is", "migrations are"),
                    due.join(", ")
                ),
                "the next start brings it up to date, or `earmark migrate` now; an earlier version does not read it then"
                    .into(),
            )),
        };
        Ok((Self { app: Arc::new(app) }, check))
    }

    async fn check_database(&self) -> Check {
        match self.app.database.check().await {
            Ok(()) => Check::Well(self.app.database.place()),
            Err(error) => failed(&error),
        }
    }

    async fn check_clock(&self) -> Check {
        let now_ms = SystemClock.now_ms();
        let now = earmark_core::rfc3339(now_ms);
        if now_ms < EARLIEST_MS {
            return Check::Bad(
                format!("the machine's clock says {now}"),
                "set the clock: leases and the audit log depend on it".into(),
            );
        }
        match self.app.database.clock_ahead_ms().await {
            Ok(Some(ahead_ms)) if ahead_ms.abs() > APART_MS => Check::Warning(
                format!("{now}, which is {} ms from what the database's server says", ahead_ms.abs()),
                "keep the clocks of all machines in step (NTP): leases end by them".into(),
            ),
            Ok(_) => Check::Well(now),
            Err(error) => failed(&error),
        }
    }

    /// Whose the queue is only a database that `is_current` knows.
    async fn check_queue(&self, is_current: bool) -> Vec<Check> {
        let Some(broker) = &self.app.broker else { return vec![Check::Well("the journal itself".into())] };
        match broker.examine().await {
            Ok(mut found) => {
                found.retain(|finding| is_current || finding.problem.code != "queue.stranger");
                checks("Redis", found)
            }
            Err(error) => vec![failed(&error)],
        }
    }

    /// Keys and tiers as they are configured; whether the provider accepts them only a request would tell.
    async fn check_accounts(&self) -> Check {
        let engine = self.app.engine();
        if let Err(error) = engine.check() {
            return bad(&error);
        }
        let mut named = Vec::new();
        for account in engine.accounts() {
            let limit = account.limit.map(|(tier, limit)| format!(" ({tier}, {limit} at a time)")).unwrap_or_default();
            match self.app.account_states.state(&account.name).await {
                Ok(AccountState::Open) => named.push(format!("{}{limit}", account.name)),
                Ok(AccountState::Cooling { message, .. } | AccountState::Paused { message, .. }) => {
                    let hint = format!("see `earmark accounts list`, then `earmark accounts resume {}`", account.name);
                    return Check::Warning(format!("{} is stopped: {message}", account.name), hint);
                }
                Err(error) => return failed(&error),
            }
        }
        Check::Well(format!("{} at {}", named.join(", "), shown_server(self.config().asr.base_url.expose().as_str())))
    }

    async fn check_permits(&self) -> Vec<Check> {
        match self.app.permits_place().await {
            Ok((place, found)) => checks(&format!("kept in {place}"), found),
            Err(error) => vec![bad(&error)],
        }
    }

    async fn check_rules(&self) -> Check {
        match self.app.rules_in_force().await {
            Ok((rules, why)) => {
                let count = counted(rules.rules().len(), "rule", "rules");
                Check::Well(format!("{}: {count}, {why}", named(&rules)))
            }
            // Each mistake has its own hint already.
            Err(error) if error.problem.hint.is_none() => {
                Check::Bad(error.problem.message, "mend them; `earmark rules check PATH` looks again".into())
            }
            Err(error) => bad(&error),
        }
    }

    async fn check_output(&self) -> Check {
        match self.app.artifacts().check().await {
            Ok(()) => Check::Well(self.config().storage.output.to_string()),
            Err(error) => failed(&error),
        }
    }
}

/// The built-in engine hears a known sentence on every thread that it will use, whatever was proved before.
async fn check_engine(config: &Config) -> Check {
    let model = match locate::model(config) {
        Ok(model) => model,
        Err(error) => return bad(&error),
    };
    let proved = match engines::built_in(config) {
        Ok(engine) => tokio::task::spawn_blocking(move || engine.prove()).await,
        Err(error) => return bad(&error),
    };
    match proved {
        Ok(Ok(choice)) if choice.passed_over.is_empty() => {
            Check::Well(format!("{} {}", model.display(), choice.line()))
        }
        Ok(Ok(choice)) => Check::Warning(
            format!("{} {}", model.display(), choice.line()),
            "nothing to do: it works, if more slowly; please report the processor and what did not work".into(),
        ),
        Ok(Err(error)) => failed(&error),
        Err(error) => bad(&CommandError::internal(&error)),
    }
}

fn check_speech(config: &Config) -> Check {
    let load = || -> Result<String, CommandError> {
        let path = locate::speech_model(config)?;
        SpeechModel::load(&path)?;
        Ok(path.display().to_string())
    };
    load().map_or_else(|error| bad(&error), Check::Well)
}

fn check_ffmpeg(config: &Config) -> Check {
    let Some(path) = locate::ffmpeg(config) else {
        return Check::Warning(
            "not found".into(),
            "apt-get install ffmpeg, if recordings come as GSM, AMR, G.722, AU, WMA or other rare formats".into(),
        );
    };
    match Command::new(&path).arg("-version").output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
            Check::Well(format!("{} ({})", path.display(), text.split(" Copyright").next().unwrap_or_default()))
        }
        Ok(output) => Check::Bad(
            format!("{} ends with {}", path.display(), output.status),
            "reinstall ffmpeg, or set EARMARK__AUDIO__FFMPEG".into(),
        ),
        Err(error) => {
            Check::Bad(format!("{} cannot be run: {error}", path.display()), "set EARMARK__AUDIO__FFMPEG".into())
        }
    }
}

fn check_space(folder: &Path) -> Check {
    // A folder that is still to be made lies on the disk of the first one above it that is there.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let detail = format!("{}: {} MB free", folder.display(), free >> 20);
            if free < LOW_SPACE_BYTES {
                Check::Warning(
                    detail,
                    "make room: an hour of two-channel audio takes 230 MB while it is worked on".into(),
                )
            } else {
                Check::Well(detail)
            }
        }
        Err(error) => Check::Bad(format!("{}: {error}", folder.display()), "give a folder that exists".into()),
    }
}
