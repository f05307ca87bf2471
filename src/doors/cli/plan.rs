//! `earmark plan`: what recordings would take and cost. They are fetched, decoded and searched for speech here; nothing is
//! sent, journaled or written.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::{Failure, Lane, NewJob, Problem, RecordingUri, Tenant, minutes_seconds, rfc3339};
use earmark_pipeline::{Account, NoProgress, Pipeline, Survey};
use earmark_rules::RuleSet;
use futures::{StreamExt, stream};
use indicatif::ProgressBar;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::accounts::{price, yuan};
use super::manifest::{self, Given};
use super::offer::Usual;
use super::{Outcome, show};
use crate::app::{App, Loading};
use crate::config::CommandError;
use crate::config::locate;
use crate::config::{Config, Output};
use crate::desk::signals;

/// Say what recordings would take and cost, without sending anything.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    given: Given,
    /// As JSON: a recording a line, at last the sums.
    #[arg(long)]
    json: bool,
}

/// What became of the look at one recording.
struct Looked {
    uri: RecordingUri,
    tenant: Tenant,
    result: Result<Costs, Problem>,
}

/// What one recording would take.
struct Costs {
    account: String,
    channels: u16,
    load: Load,
}

/// What one or several recordings would take.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    duration_ms: u64,
    speech_ms: u64,
    requests: u64,
    billed_ms: u64,
    price_micro_cny: i64,
}

impl Load {
    fn add(&mut self, other: &Self) {
        self.duration_ms += other.duration_ms;
        self.speech_ms += other.speech_ms;
        self.requests += other.requests;
        self.billed_ms += other.billed_ms;
        self.price_micro_cny += other.price_micro_cny;
    }
}

/// How long an account would be busy.
struct Busy {
    account: String,
    requests: u64,
    permits: usize,
    /// What a request is taken to last.
    latency_ms: u64,
    /// Whether that was measured.
    is_measured: bool,
    takes_ms: u64,
}

/// The parts for a look ahead, which makes neither a database nor an output folder.
pub async fn open(mut config: Config) -> Result<App, CommandError> {
    config.storage.output = Output::Folder(locate::temp_dir(&config));
    match App::open_existing(config.clone()).await {
        Err(complaint) if complaint.problem.code == "database.missing" => {
            config.database.url = "sqlite::memory:".into();
            App::open(config).await
        }
        opened => opened,
    }
}

/// The command.
pub async fn plan(app: &App, args: Args) -> Result<Outcome, CommandError> {
    let usual = Usual { lane: Lane::Archive, ..Usual::default() };
    let mut offered = manifest::offered(&args.given, &usual)?;
    if let Some(mut prefix) = manifest::prefix(app, &args.given, &usual)? {
        while let batch @ [_, ..] = prefix.batch().await?.as_slice() {
            offered.extend_from_slice(batch);
        }
    }
    let accounts = app.accounts(Loading::Late).await?;
    // The rules do not matter: there is no text.
    let pipeline = app.pipeline_with(accounts, app.rule_book(Arc::new(RuleSet::starter())), Arc::new(NoProgress))?;
    let stop = CancellationToken::new();
    let looking = look_at_all(app, &pipeline, offered, &stop, args.json);
    let looked = tokio::select! {
        looked = looking => looked?,
        () = signals::stop_signal() => {
            stop.cancel();
            return Err(CommandError { exit_code: 1, ..CommandError::plain("interrupted", None) });
        }
    };
    let busy = busy(app, &pipeline, &looked).await?;
    if args.json {
        print_sums(app, &looked, &busy)?
    } else {
        print_table(app, &looked, &busy)
    }
    Ok(if looked.iter().all(|one| one.result.is_ok()) { Outcome::Done } else { Outcome::SomeFailed })
}

/// Looks at the recordings, some at a time, and tells of each as its turn comes.
async fn look_at_all(
    app: &App,
    pipeline: &Pipeline,
    offered: Vec<NewJob>,
    stop: &CancellationToken,
    is_json: bool,
) -> Result<Vec<Looked>, CommandError> {
    let bar = ProgressBar::new(offered.len() as u64);
    let mut looked = Vec::with_capacity(offered.len());
    let mut looking = stream::iter(offered).map(|new| look_at(pipeline, new, stop)).buffered(app.slots());
    while let Some(one) = looking.next().await {
        bar.inc(1);
        if is_json {
            bar.suspend(|| print_json(&one))?;
        } else if let Err(problem) = &one.result {
            let hint = problem.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            bar.suspend(|| show::note(&format!("{}: error: {problem} ({}){hint}", one.uri, problem.code)));
        }
        looked.push(one);
    }
    bar.finish_and_clear();
    Ok(looked)
}

async fn look_at(pipeline: &Pipeline, new: NewJob, stop: &CancellationToken) -> Looked {
    let survey = pipeline.survey(&new.location, stop).await;
    let account = pipeline.accounts.of(&new.tenant);
    let result = survey.map(|survey| costs(account, &survey)).map_err(|error| error.problem());
    Looked { uri: new.uri, tenant: new.tenant, result }
}

fn costs(account: &Account, survey: &Survey) -> Costs {
    let mut load = Load { duration_ms: survey.duration_ms, ..Load::default() };
    for clip_ms in &survey.clips {
        let billed_ms = account.transcriber.billed_ms(*clip_ms);
        load.speech_ms += clip_ms;
        load.requests += 1;
        load.billed_ms += billed_ms;
        load.price_micro_cny += account.price_micro_cny(billed_ms);
    }
    Costs { account: account.name.clone(), channels: survey.channels, load }
}

/// How long each account would be busy, with all its permits at work.
async fn busy(app: &App, pipeline: &Pipeline, looked: &[Looked]) -> Result<Vec<Busy>, CommandError> {
    let mut requests: BTreeMap<&str, u64> = BTreeMap::new();
    for costs in looked.iter().filter_map(|one| one.result.as_ref().ok()) {
        *requests.entry(&costs.account).or_default() += costs.load.requests;
    }
    let mut busy = Vec::new();
    for account in pipeline.accounts.all() {
        let Some(&requests) = requests.get(account.name.as_str()) else { continue };
        let measured = app.usage.mean_latency_ms(&account.name).await?;
        let latency_ms = measured.unwrap_or(app.config.asr.expected_latency_ms);
        let permits = account.permits.limit().max(1);
        busy.push(Busy {
            account: account.name.clone(),
            requests,
            permits,
            latency_ms,
            is_measured: measured.is_some(),
            takes_ms: requests.div_ceil(permits as u64) * latency_ms,
        });
    }
    Ok(busy)
}

fn total(looked: &[Looked]) -> Load {
    let mut total = Load::default();
    looked.iter().filter_map(|one| one.result.as_ref().ok()).for_each(|costs| total.add(&costs.load));
    total
}

/// How long all of it takes, and when it is done if it starts now.
fn finish(app: &App, busy: &[Busy]) -> (u64, String) {
    let takes_ms = busy.iter().map(|busy| busy.takes_ms).max().unwrap_or(0);
    (takes_ms, rfc3339(app.clock.now_ms() + i64::try_from(takes_ms).unwrap_or(0)))
}

fn print_json(one: &Looked) -> Result<(), CommandError> {
    match &one.result {
        Ok(Costs { account, channels, load }) => show::json(&json!({
            "recording": { "uri": one.uri, "duration_ms": load.duration_ms, "channels": channels },
            "tenant": one.tenant, "account": account, "speech_ms": load.speech_ms, "requests": load.requests,
            "billed_ms": load.billed_ms, "price_cny": yuan(load.price_micro_cny),
        })),
        Err(problem) => show::json(&json!({ "recording": { "uri": one.uri }, "tenant": one.tenant, "error": problem })),
    }
}

fn print_sums(app: &App, looked: &[Looked], busy: &[Busy]) -> Result<(), CommandError> {
    let (total, failed) = (total(looked), looked.iter().filter(|one| one.result.is_err()).count());
    let (takes_ms, finishes_at) = finish(app, busy);
    let accounts = busy.iter().map(|busy| {
        json!({
            "account": busy.account, "requests": busy.requests, "permits": busy.permits, "latency_ms": busy.latency_ms,
            "is_measured": busy.is_measured, "takes_ms": busy.takes_ms,
        })
    });
    show::json(&json!({ "total": {
        "recordings": looked.len(), "failed": failed, "duration_ms": total.duration_ms, "speech_ms": total.speech_ms,
        "requests": total.requests, "billed_ms": total.billed_ms, "price_cny": yuan(total.price_micro_cny),
        "accounts": accounts.collect::<Vec<_>>(), "takes_ms": takes_ms, "finishes_at": finishes_at,
    }}))
}

fn print_table(app: &App, looked: &[Looked], busy: &[Busy]) {
    let mut table = show::table(&["recording", "length", "to be sent", "requests", "yuan"]);
    let row = |name: String, load: &Load| {
        [
            name,
            minutes_seconds(load.duration_ms),
            minutes_seconds(load.speech_ms),
            load.requests.to_string(),
            price(load.price_micro_cny),
        ]
    };
    for one in looked {
        let uri = one.uri.to_string();
        match &one.result {
            Ok(costs) => table.add_row(row(uri, &costs.load)),
            Err(problem) => table.add_row([uri, format!("FAILED {}", problem.code)]),
        };
    }
    table.add_row(row(format!("all {}", looked.len()), &total(looked)));
    show::line(&table.to_string());
    for busy in busy {
        let how = if busy.is_measured { "measured" } else { "expected" };
        show::line(&format!(
            "{}: {}, {} at a time, {} ms each ({how}): {}",
            busy.account,
            show::counted(busy.requests, "request", "requests"),
            busy.permits,
            busy.latency_ms,
            minutes_seconds(busy.takes_ms)
        ));
    }
    let (takes_ms, finishes_at) = finish(app, busy);
    show::line(&format!("started now it ends after {}, at {finishes_at}", minutes_seconds(takes_ms)));
}
