//! `earmark doctor`: everything that earmark needs, with a hint for what is not as it should be.

use std::path::Path;
use std::process::Command;

use earmark_audio::segment::SpeechModel;
use earmark_core::{Clock, SystemClock};
use earmark_journal::AccountState;

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;
use crate::config::locate;
use crate::config::{Config, Output};
use crate::desk::rules::in_force::named;
use crate::engines;

/// Less free space than this is worth a word: an hour of two-channel audio takes 230 MB while it is worked on.
const LOW_SPACE_BYTES: u64 = 2 << 30;
/// 2024-01-01: no machine that runs this program lives before.
const EARLIEST_MS: i64 = 1_704_067_200_000;
/// Clocks this far apart are worth a word: leases are a few times as long.
const APART_MS: i64 = 2_000;

/// How a check ended.
enum Check {
    Well(String),
    /// Works, but someone should know.
    Warning(String, String),
    /// Does not work.
    Bad(String, String),
}

/// Runs every check.
pub async fn doctor(config: Config) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Done;
    let mut report = |name: &str, check: Check| match check {
        Check::Well(detail) => show::line(&format!("  ok  {name:<10} {detail}")),
        Check::Warning(detail, hint) => show::line(&format!("note  {name:<10} {detail}\n        hint: {hint}")),
        Check::Bad(detail, hint) => {
            outcome = Outcome::SomeFailed;
            show::line(&format!(" BAD  {name:<10} {detail}\n        hint: {hint}"));
        }
    };
    let app = match App::open(config).await {
        Ok(app) => app,
        Err(complaint) => {
            report("database", bad(&complaint));
            return Ok(Outcome::SomeFailed);
        }
    };
    report("database", database(&app).await);
    report("clock", clock(&app).await);
    report("queue", queue(&app).await);
    if app.engine().is_provider() {
        report("accounts", accounts(&app).await);
        report("permits", permits(&app).await);
    }
    report("engine", engine(&app).await);
    report("speech", speech(&app));
    report("ffmpeg", ffmpeg(&app));
    report(
        "rules",
        app.rules_in_force().await.map_or_else(
            // Each mistake has its own hint already.
            |complaint| match complaint.problem.hint {
                Some(_) => bad(&complaint),
                None => {
                    Check::Bad(complaint.problem.message, "mend them; `earmark rules check PATH` looks again".into())
                }
            },
            |(rules, why)| {
                let count = show::counted(rules.rules().len(), "rule", "rules");
                Check::Well(format!("{}: {count}, {why}", named(&rules)))
            },
        ),
    );
    report(
        "output",
        match app.artifacts().check().await {
            Ok(()) => Check::Well(app.config.storage.output.to_string()),
            Err(error) => bad(&CommandError::from(error)),
        },
    );
    report("temp space", space(&locate::temp_dir(&app.config)));
    if let Output::Folder(folder) = &app.config.storage.output {
        report("out space", space(folder));
    }
    Ok(outcome)
}

fn bad(complaint: &CommandError) -> Check {
    Check::Bad(
        complaint.problem.message.clone(),
        complaint.problem.hint.clone().unwrap_or_else(|| "see the message".into()),
    )
}

async fn database(app: &App) -> Check {
    match app.database.check().await {
        Ok(()) => Check::Well(app.database.place()),
        Err(error) => bad(&CommandError::from(error)),
    }
}

async fn clock(app: &App) -> Check {
    let now_ms = SystemClock.now_ms();
    let now = earmark_core::rfc3339(now_ms);
    if now_ms < EARLIEST_MS {
        return Check::Bad(
            format!("the machine's clock says {now}"),
            "set the clock: leases and the audit log depend on it".into(),
        );
    }
    match app.database.clock_ahead_ms().await {
        Ok(Some(ahead_ms)) if ahead_ms.abs() > APART_MS => Check::Warning(
            format!("{now}, which is {} ms from what the database's server says", ahead_ms.abs()),
            "keep the clocks of all machines in step (NTP): leases end by them".into(),
        ),
        Ok(_) => Check::Well(now),
        Err(error) => bad(&CommandError::from(error)),
    }
}

/// Keys and tiers as they are configured; whether the provider accepts them only a request would tell.
async fn accounts(app: &App) -> Check {
    if let Err(error) = app.engine().check() {
        return bad(&error);
    }
    let mut named = Vec::new();
    for account in app.engine().accounts() {
        let limit = account.limit.map(|(tier, limit)| format!(" ({tier}, {limit} at a time)")).unwrap_or_default();
        match app.account_states.state(&account.name).await {
            Ok(AccountState::Open) => named.push(format!("{}{limit}", account.name)),
            Ok(AccountState::Cooling { message, .. } | AccountState::Paused { message, .. }) => {
                let hint = format!("see `earmark accounts list`, then `earmark accounts resume {}`", account.name);
                return Check::Warning(format!("{} is stopped: {message}", account.name), hint);
            }
            Err(error) => return bad(&CommandError::from(error)),
        }
    }
    Check::Well(format!("{} at {}", named.join(", "), app.config.asr.base_url))
}

async fn queue(app: &App) -> Check {
    let Some(broker) = &app.broker else { return Check::Well("the journal itself".into()) };
    match broker.warning().await {
        Ok(None) => Check::Well("Redis".into()),
        Ok(Some(warning)) => Check::Warning("Redis".into(), warning),
        Err(error) => bad(&CommandError::from(error)),
    }
}

async fn permits(app: &App) -> Check {
    match app.permits_place().await {
        Ok((place, None)) => Check::Well(format!("kept in {place}")),
        Ok((place, Some(warning))) => Check::Warning(format!("kept in {place}"), warning),
        Err(complaint) => bad(&complaint),
    }
}

/// The built-in engine hears a known sentence on every thread that it will use, whatever was proved before.
async fn engine(app: &App) -> Check {
    let model = match locate::model(&app.config) {
        Ok(model) => model,
        Err(complaint) => return bad(&complaint),
    };
    let proved = match engines::built_in(&app.config) {
        Ok(engine) => tokio::task::spawn_blocking(move || engine.prove()).await,
        Err(complaint) => return bad(&complaint),
    };
    match proved {
        Ok(Ok(choice)) if choice.passed_over.is_empty() => {
            Check::Well(format!("{} {}", model.display(), choice.line()))
        }
        Ok(Ok(choice)) => Check::Warning(
            format!("{} {}", model.display(), choice.line()),
            "nothing to do: it works, if more slowly; please report the processor and what did not work".into(),
        ),
        Ok(Err(error)) => bad(&CommandError::from(error)),
        Err(error) => bad(&CommandError::internal(&error)),
    }
}

fn speech(app: &App) -> Check {
    let load = || -> Result<String, CommandError> {
        let path = locate::speech_model(&app.config)?;
        SpeechModel::load(&path)?;
        Ok(path.display().to_string())
    };
    load().map_or_else(|complaint| bad(&complaint), Check::Well)
}

fn ffmpeg(app: &App) -> Check {
    let Some(path) = locate::ffmpeg(&app.config) else {
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

fn space(folder: &Path) -> Check {
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
