//! `earmark plan`: what recordings would take and cost.

use earmark_core::{Lane, minutes_seconds};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::manifest::{self, Given};
use super::offer::{Sources, Usual};
use super::outcome::Outcome;
use super::show;
use crate::config::CommandError;
use crate::desk::plan::Plan;
use crate::desk::views::{Load, PlanRow, PlanTotal};
use crate::desk::{Desk, signals};

/// Say what recordings would take and cost, without sending anything.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    sources: Sources,
    /// As JSON: a recording a line, at last the sums.
    #[arg(long)]
    json: bool,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct TotalLine<'a> {
    total: &'a PlanTotal,
}

pub async fn plan(desk: &Desk, args: Args) -> Result<Outcome, CommandError> {
    let usual = Usual { lane: Lane::Archive, sources: args.sources, ..Usual::default() };
    let mut offered = manifest::offered(desk, &args.given, &usual).await?;
    if let Some(mut prefix) = manifest::prefix(desk, &args.given, &usual)? {
        while let batch @ [_, ..] = prefix.batch().await?.as_slice() {
            offered.extend_from_slice(batch);
        }
    }
    let bar = ProgressBar::new(u64::try_from(offered.len()).unwrap_or(u64::MAX));
    let seen = |row: &PlanRow| {
        bar.inc(1);
        if args.json {
            return bar.suspend(|| show::json(row));
        }
        if let PlanRow::Failed { recording, error, .. } = row {
            let hint = error.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            let uri = &recording.uri;
            bar.suspend(|| show::note(&format!("{uri}: error: {error} ({}){hint}", error.code)));
        }
        Ok(())
    };
    let stop = CancellationToken::new();
    let plan = tokio::select! {
        plan = desk.plan(offered, &stop, seen) => plan?,
        () = signals::stop_signal() => {
            stop.cancel();
            return Err(CommandError { exit_code: 1, ..CommandError::plain("interrupted", None) });
        }
    };
    bar.finish_and_clear();
    if args.json {
        show::json(&TotalLine { total: &plan.total })?;
    } else {
        print_table(&plan);
    }
    Ok(if plan.total.failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

fn print_table(plan: &Plan) {
    let Plan { rows, total } = plan;
    let mut table = show::table(&["recording", "length", "to be sent", "requests", "yuan"]);
    for row in rows {
        let uri = row.uri().to_string();
        match row {
            PlanRow::Planned { load, .. } => table.add_row(cells(uri, load)),
            PlanRow::Failed { error, .. } => table.add_row([uri, format!("FAILED {}", error.code)]),
        };
    }
    table.add_row(cells(format!("all {}", total.recordings), &total.load));
    show::line(&table.to_string());
    for account in &total.accounts {
        let how = if account.is_measured { "measured" } else { "expected" };
        show::line(&format!(
            "{}: {}, {} at a time, {} ms each ({how}): {}",
            account.account,
            show::counted(account.requests, "request", "requests"),
            account.permits,
            account.latency_ms,
            minutes_seconds(account.takes_ms)
        ));
    }
    let (takes, finishes_at) = (minutes_seconds(total.takes_ms), &total.finishes_at);
    show::line(&format!("started now it ends after {takes}, at {finishes_at}"));
}

fn cells(name: String, load: &Load) -> [String; 5] {
    [
        name,
        minutes_seconds(load.duration_ms),
        minutes_seconds(load.speech_ms),
        load.requests.to_string(),
        show::price(load.price_cny),
    ]
}
