//! `earmark audit`

use super::outcome::Outcome;
use super::{arguments, show};
use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::views::ChainView;

/// Verify or export the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Recompute every hash of every chain and compare jobs and results with it; exit code 1 when something is amiss.
    Verify {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<String>,
        /// As JSON, a chain a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the entries as JSON, one a line, in order.
    Export {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<String>,
    },
}

pub async fn audit(desk: &Desk, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Verify { tenant, json } => {
            let tenant = tenant.as_deref().map(arguments::tenant).transpose()?;
            let chains = desk.verify(tenant.as_ref()).await?;
            for chain in &chains {
                if json {
                    show::json(chain)?;
                } else {
                    print(chain);
                }
            }
            if chains.is_empty() && !json {
                show::line("the audit log is empty");
            }
            Ok(if chains.iter().all(|chain| chain.is_sound) { Outcome::Done } else { Outcome::SomeFailed })
        }
        Command::Export { tenant } => {
            let tenants = match tenant {
                Some(tenant) => vec![arguments::tenant(&tenant)?],
                None => desk.audited_tenants().await?,
            };
            for tenant in tenants {
                let mut after = 0;
                loop {
                    let page = desk.audit_entries(&tenant, after).await?;
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

fn print(chain: &ChainView) {
    let erased = match chain.erased {
        0 => String::new(),
        erased => format!(" ({erased} erased)"),
    };
    match &chain.error {
        None => show::line(&format!(
            "{}: {}{erased}, chain intact, ends in {}",
            chain.tenant,
            show::counted(chain.entries, "entry", "entries"),
            chain.last_hash
        )),
        Some(error) => show::line(&format!("{}: BROKEN: {error}", chain.tenant)),
    }
    for mismatch in &chain.mismatches {
        show::line(&format!("{}: MISMATCH: {mismatch}", chain.tenant));
    }
}
