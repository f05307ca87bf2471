//! `earmark audit`

use super::{Outcome, jobs, show};
use crate::app::App;
use crate::config::CommandError;

/// Entries read at a time.
const PAGE: u32 = 500;

/// Verify or export the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Recompute every hash of every chain and compare jobs and results with it; exit code 1 when something is amiss.
    Verify {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Print the entries as JSON, one a line, in order.
    Export {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// The command.
pub async fn audit(app: &App, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Verify { tenant } => {
            let tenant = tenant.map(|tenant| jobs::tenant(&tenant)).transpose()?;
            let mut outcome = Outcome::Done;
            let chains = app.audit.verify(tenant.as_ref()).await?;
            for chain in &chains {
                let erased = match chain.erased {
                    0 => String::new(),
                    erased => format!(" ({erased} erased)"),
                };
                match &chain.result {
                    Ok(()) => show::line(&format!(
                        "{}: {}{erased}, chain intact, ends in {}",
                        chain.tenant,
                        show::counted(chain.entries, "entry", "entries"),
                        chain.last_hash
                    )),
                    Err(error) => show::line(&format!("{}: BROKEN: {error}", chain.tenant)),
                }
                for mismatch in &chain.mismatches {
                    show::line(&format!("{}: MISMATCH: {mismatch}", chain.tenant));
                }
                if !chain.is_sound() {
                    outcome = Outcome::SomeFailed;
                }
            }
            if chains.is_empty() {
                show::line("the audit log is empty");
            }
            Ok(outcome)
        }
        Command::Export { tenant } => {
            let tenants = match tenant {
                Some(tenant) => vec![jobs::tenant(&tenant)?],
                None => app.audit.tenants().await?,
            };
            for tenant in tenants {
                let mut after = 0;
                loop {
                    let page = app.audit.page(&tenant, after, PAGE).await?;
                    let Some(last) = page.last() else { break };
                    after = last.head.seq;
                    for entry in &page {
                        show::json(entry)?;
                    }
                }
            }
            Ok(Outcome::Done)
        }
    }
}
