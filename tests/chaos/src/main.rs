//! `earmark-chaos`: the crash run, from the command line.

#![allow(clippy::unwrap_used, reason = "a run that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "its report is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use earmark_chaos::{Kind, Outage, Plan, Report, Scale, Settings, run, run_long};

/// Kills a fleet at random and checks that nothing was lost and nothing done twice.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program to be run.
    #[arg(long, default_value = "target/release/earmark")]
    earmark: PathBuf,
    /// The folder of test recordings.
    #[arg(long, default_value = "tests/fixtures")]
    fixtures: PathBuf,
    /// What happens when: the same with the same seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many runs, with the seeds from --seed on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The short run.
    #[arg(long)]
    short: bool,
    /// Workers compute by themselves, and their engines are killed too.
    #[arg(long)]
    engines: bool,
    /// SQLite and folders instead of PostgreSQL, Redis and S3.
    #[arg(long)]
    embedded: bool,
    /// SQLite instead of PostgreSQL.
    #[arg(long)]
    sqlite: bool,
    /// Other numbers than the run's own.
    #[arg(long)]
    jobs: Option<usize>,
    /// Kills of workers.
    #[arg(long)]
    kills: Option<usize>,
    /// Seconds over which kills and bursts are spread.
    #[arg(long)]
    span_secs: Option<u64>,
    /// The outages instead of the run's own, with commas between them.
    #[arg(long, value_delimiter = ',')]
    outages: Option<Vec<Outage>>,
    /// Seconds that a part is away.
    #[arg(long)]
    away_secs: Option<u64>,
    /// Keeps the run's folder, with what the workers said.
    #[arg(long)]
    keep: bool,
    /// One recording of three hours instead, whose worker is killed five times.
    #[arg(long)]
    long: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let kind = match (arguments.embedded, arguments.sqlite) {
        (true, _) => Kind::Embedded,
        (false, true) => Kind::OneMachine,
        (false, false) => Kind::Fleet,
    };
    let mut scale = match (arguments.engines, arguments.short, kind) {
        (false, false, _) => Scale::FULL,
        (false, true, Kind::Fleet) => Scale::SHORT,
        (false, true, Kind::OneMachine | Kind::Embedded) => Scale::SHORT_ONE_MACHINE,
        (true, false, _) => Scale::ENGINES,
        (true, true, _) => Scale::SHORT_ENGINES,
    };
    scale.jobs = arguments.jobs.unwrap_or(scale.jobs);
    scale.kills = arguments.kills.unwrap_or(scale.kills);
    scale.span = arguments.span_secs.map_or(scale.span, Duration::from_secs);
    if let Some(away) = arguments.away_secs.map(Duration::from_secs) {
        (scale.store_away, scale.away) = (away, away);
    }
    let outages = arguments.outages.unwrap_or_else(|| scale.outages.to_vec());
    scale.outages = outages.into_iter().filter(|outage| kind.has(*outage)).collect::<Vec<_>>().leak();
    let (mut lost, mut double, mut is_good) = (0, 0, true);
    let (mut rows, mut revivals) = (Vec::new(), Vec::new());
    for seed in arguments.seed..arguments.seed + arguments.seeds {
        let mut folder = tempfile::Builder::new().prefix("earmark-chaos-").tempdir().unwrap();
        folder.disable_cleanup(arguments.keep);
        println!("seed {seed}, in {}", folder.path().display());
        let settings = Settings {
            program: std::path::absolute(&arguments.earmark).unwrap(),
            fixtures: arguments.fixtures.clone(),
            kind,
            folder: folder.path().into(),
        };
        if arguments.long {
            // Three hours of phrases that are 6.3 s apart.
            let long = run_long(seed, 1715, 5, &settings).await;
            println!(
                "{:.2} hours, killed {} times: {} requests for {} clips, {} are allowed; done: {}, {:.0} s",
                long.hours,
                long.kills,
                long.requests,
                long.clips,
                long.allowed(),
                long.is_done,
                long.took.as_secs_f64()
            );
            is_good &= long.is_good();
            continue;
        }
        let report = run(&Plan::new(seed, scale), &settings).await;
        if !report.verdict.is_good() {
            // What the workers said is wanted then.
            folder.disable_cleanup(true);
        }
        println!("{report}");
        lost += report.verdict.lost;
        double += report.verdict.double;
        is_good &= report.verdict.is_good();
        rows.push(report.row());
        revivals.extend(report.revivals());
    }
    if arguments.seeds > 1 && !arguments.long {
        println!("\n{}\n{}", Report::HEAD, rows.join("\n"));
        if !revivals.is_empty() {
            println!("\n{}\n{}", Report::REVIVAL_HEAD, revivals.join("\n"));
        }
        println!("\nlost: {lost} double: {double}");
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
