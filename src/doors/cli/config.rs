//! `earmark config`

use super::outcome::Outcome;
use super::show;
use crate::config::{CommandError, Config, Setting};
use crate::desk::settings;

/// Print every setting and where it comes from.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON, a setting a line.
    #[arg(long)]
    json: bool,
}

/// Prints the settings, the rule set that comes before `rules.path` where one was put in force, and what the built-in
/// engine was found to work with.
pub async fn config(args: &Args, config: Config, settings: &[Setting]) -> Result<Outcome, CommandError> {
    let views = settings::all(settings);
    if args.json {
        for view in &views {
            show::json(view)?;
        }
        return Ok(Outcome::Done);
    }
    let beside = settings::beside(config).await;
    let mut table = show::table(&["setting", "value", "from"]);
    for view in views {
        table.add_row([view.key, view.value, view.origin]);
    }
    show::line(&table.to_string());
    for sentence in beside {
        show::line(&sentence);
    }
    Ok(Outcome::Done)
}
