//! `earmark config`

use std::time::Duration;

use super::{Outcome, show};
use crate::app::App;
use crate::config::CommandError;
use crate::config::{Config, Setting};
use crate::desk::rules::in_force::{self, short};
use crate::engines;

/// Settings are printed whether there is a database or not.
const LOOK: Duration = Duration::from_secs(3);

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
    if args.json {
        for setting in settings {
            show::json(
                &serde_json::json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()}),
            )?;
        }
        return Ok(Outcome::Done);
    }
    let proof = engines::of(&config).proof();
    let activated = tokio::time::timeout(LOOK, activated(config));
    let mut table = show::table(&["setting", "value", "from"]);
    for setting in settings {
        table.add_row([setting.key.clone(), setting.value.clone(), setting.origin.to_string()]);
    }
    show::line(&table.to_string());
    if let Ok(Some(activated)) = activated.await {
        show::line(&activated);
    }
    if let Some(proof) = proof {
        show::line(&format!("the built-in engine {proof}"));
    }
    Ok(Outcome::Done)
}

async fn activated(config: Config) -> Option<String> {
    let app = App::open_existing(config).await.ok()?;
    let activated = in_force::activated(&app.rule_sets).await.ok()?;
    app.close().await;
    let (activation, sha256) = activated?;
    Some(format!("rules {} come before rules.path: {}", short(&sha256), in_force::Why::Activated(activation)))
}
