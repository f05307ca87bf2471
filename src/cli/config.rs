//! `earmark config`

use super::{Outcome, show};
use crate::complaint::Complaint;
use crate::config::Setting;

/// Print every setting and where it comes from.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON, a setting a line.
    #[arg(long)]
    json: bool,
}

/// Prints the settings.
pub fn config(args: &Args, settings: &[Setting]) -> Result<Outcome, Complaint> {
    if args.json {
        for setting in settings {
            show::json(
                &serde_json::json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()}),
            )?;
        }
        return Ok(Outcome::Done);
    }
    let mut table = show::table(&["setting", "value", "from"]);
    for setting in settings {
        table.add_row([setting.key.clone(), setting.value.clone(), setting.origin.to_string()]);
    }
    show::line(&table.to_string());
    Ok(Outcome::Done)
}
