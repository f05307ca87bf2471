//! `earmark doctor`: everything that earmark needs, with a hint for what is not as it should be.

use super::outcome::Outcome;
use super::show;
use crate::config::{CommandError, Config};
use crate::desk::doctor::{Check, examine};

/// Runs every check and prints each as it ends.
pub async fn doctor(config: Config) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Done;
    let report = |name: &str, check: Check| match check {
        Check::Well(detail) => show::line(&format!("  ok  {name:<10} {detail}")),
        Check::Warning(detail, hint) => show::line(&format!("note  {name:<10} {detail}\n        hint: {hint}")),
        Check::Bad(detail, hint) => {
            outcome = Outcome::SomeFailed;
            show::line(&format!(" BAD  {name:<10} {detail}\n        hint: {hint}"));
        }
    };
    examine(config, report).await;
    Ok(outcome)
}
