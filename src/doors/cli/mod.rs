//! The commands, one file each. Results go to standard output, everything else to standard error.

mod accounts;
mod alerts;
mod arguments;
mod audit;
mod bulk;
mod config;
mod doctor;
mod engine;
mod findings;
mod gather;
mod jobs;
mod log;
mod manifest;
mod manifest_lines;
mod migrate;
mod offer;
mod outcome;
mod plan;
mod prefix;
mod progress;
mod queue;
mod results;
mod retention;
mod rules;
mod run;
mod show;
mod storage;
mod submit;
mod wait;
mod wildcard;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::{CommandError, Config, LogFormat, Setting};
use crate::desk::Desk;
use crate::desk::alerts::ALERT_LOG;
use crate::desk::notice;
use crate::desk::service::{Halves, Run};
use outcome::Outcome;

/// Recordings of meetings and calls in; transcripts, findings and evidence out.
#[derive(Debug, Parser)]
#[command(name = "earmark", version, max_term_width = 100)]
struct Cli {
    /// A TOML file with settings; the environment (EARMARK__SECTION__KEY) comes before it.
    #[arg(long, global = true, value_name = "FILE", env = "EARMARK_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Process recordings here and now.
    Run(run::Args),
    /// Serve the API and work, in one process.
    Up,
    /// Serve the API.
    Serve,
    /// Work on queued jobs.
    Work,
    /// Put recordings on the queue.
    Submit(submit::Args),
    /// Say what recordings would take and cost, without sending anything.
    Plan(plan::Args),
    /// List, show, retry or cancel jobs.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Show the queue, pause or resume it.
    #[command(subcommand)]
    Queue(queue::Command),
    /// Show or export a finished job's report and transcript.
    #[command(subcommand)]
    Results(results::Command),
    /// List findings, confirm or reject them.
    #[command(subcommand)]
    Findings(findings::Command),
    /// Check, test, show, activate or compare rules.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Verify or export the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// List, pause or resume accounts, or show what was used.
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// List or acknowledge alerts.
    #[command(subcommand)]
    Alerts(alerts::Command),
    /// Look after the output.
    #[command(subcommand)]
    Storage(storage::Command),
    /// Remove what has had its time.
    Retention(retention::Args),
    /// Bring the database up to date.
    Migrate,
    /// Print every setting and where it comes from.
    Config(config::Args),
    /// Check everything that earmark needs.
    Doctor,
    /// Have the built-in engine prove itself.
    #[command(hide = true)]
    Engine,
}

/// How long the database may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// Exit code of a process that had to be replaced and could not: whoever watches it starts it again.
const NOT_REPLACED: u8 = 3;

/// Runs the command line, with `service` for what runs for long, and gives the exit code: 0 done, 1 some recording failed, 2 usage or configuration.
pub fn main(service: Run) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows which stream and code each has.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match start(cli, service) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::Replace) => replace(),
        Err(error) => {
            show::error(&error);
            ExitCode::from(error.exit_code)
        }
    }
}

/// Runs the program anew in this process, under the same id and with the same arguments: threads that hang end with it.
/// Comes back only when that fails.
fn replace() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "earmark".into());
    // The program that runs now, whatever lies under its name by now.
    let error = std::process::Command::new("/proc/self/exe").arg0(name).args(arguments).exec();
    show::note(&format!("the process could not be replaced, start it again: {error}"));
    ExitCode::from(NOT_REPLACED)
}

fn start(cli: Cli, service: Run) -> Result<Outcome, CommandError> {
    let environment = crate::config::environment(std::env::vars_os())?;
    // What is wrong with the settings is to be said in the form that they ask for, too.
    if environment.iter().any(|(name, value)| name == "EARMARK__LOG__FORMAT" && value.trim() == "json") {
        notice::speak_json();
    }
    let file = cli.config.as_deref().filter(|file| !file.as_os_str().is_empty());
    let (settings, table) = Config::load(file, &environment)?;
    // `run` says itself what became of every recording, alerts among it; lines of the log would say it twice.
    let is_run = matches!(cli.command, Command::Run(_));
    let silenced = if is_run { format!("earmark_queue=off,{ALERT_LOG}=off") } else { String::new() };
    log::start(&settings.log, &silenced)?;
    // One provider of cryptography for every TLS connection; a second call can only mean it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::internal(&error))?;
    let outcome = runtime.block_on(dispatch(cli.command, settings, table, service));
    // Blocking work that did not stop in time must not hold up the end of the program.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(
    command: Command,
    settings: Config,
    table: Vec<Setting>,
    service: Run,
) -> Result<Outcome, CommandError> {
    match command {
        Command::Config(args) => return config::config(&args, settings, &table).await,
        Command::Doctor => return doctor::doctor(settings).await,
        Command::Engine => return engine::engine(settings).await,
        Command::Rules(command) => return rules::rules(command, settings).await,
        _ => {}
    }
    let desk = match command {
        // Whoever looks for something must not make an empty database and find nothing in it.
        Command::Jobs(_)
        | Command::Queue(_)
        | Command::Results(_)
        | Command::Findings(_)
        | Command::Audit(_)
        | Command::Accounts(_)
        | Command::Alerts(_)
        | Command::Storage(_)
        | Command::Retention(_) => Desk::open_existing(settings).await?,
        Command::Plan(_) => Desk::open_for_plan(settings).await?,
        _ => Desk::open(settings).await?,
    };
    match (desk.made(), desk.config().log.format) {
        (Some(made), LogFormat::Text) => show::note(&made),
        (Some(made), LogFormat::Json) => tracing::info!("{made}"),
        (None, _) => {}
    }
    let outcome = match command {
        Command::Run(args) => run::run(&desk, args).await,
        Command::Up => service(&desk, Halves::Both).await.map(Outcome::from),
        Command::Serve => service(&desk, Halves::Serve).await.map(Outcome::from),
        Command::Work => service(&desk, Halves::Work).await.map(Outcome::from),
        Command::Submit(args) => submit::submit(&desk, args).await,
        Command::Jobs(command) => jobs::jobs(&desk, command).await,
        Command::Queue(command) => queue::queue(&desk, command).await,
        Command::Results(command) => results::results(&desk, command).await,
        Command::Findings(command) => findings::findings(&desk, command).await,
        Command::Audit(command) => audit::audit(&desk, command).await,
        Command::Plan(args) => plan::plan(&desk, args).await,
        Command::Accounts(command) => accounts::accounts(&desk, command).await,
        Command::Alerts(command) => alerts::alerts(&desk, command).await,
        Command::Storage(command) => storage::storage(&desk, command).await,
        Command::Retention(args) => retention::retention(&desk, &args).await,
        Command::Migrate => migrate::migrate(&desk).await,
        Command::Config(_) | Command::Doctor | Command::Engine | Command::Rules(_) => Ok(Outcome::Done),
    };
    // What was written is safe already; a connection that is still busy must not hold up the end of the program.
    let _ = tokio::time::timeout(CLOSE_TIME, desk.close()).await;
    outcome
}
