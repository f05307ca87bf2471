//! A worker's load on its account without its work: clips that cost next to nothing to make, asked for as a worker asks,
//! with the same settings, database, permits and books. For a tier that needs more machines than there are.

mod clips;
mod load;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use earmark::{App, CommandError, Config, Loading, environment};

use load::Load;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Load::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads standard error: nobody is to be told.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(load: Load) -> Result<(), Box<dyn Error>> {
    let (config, _) = Config::load(None, &environment(std::env::vars_os())?)?;
    // A second call can only mean that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let app = App::open(config).await.map_err(in_words)?;
    let accounts = app.accounts(Loading::Now).await.map_err(in_words)?;
    let asked = load.ask_all(accounts.of(&load.tenant), app.clock.as_ref()).await;
    app.close().await;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&asked)?)?;
    Ok(())
}

fn in_words(error: CommandError) -> Box<dyn Error> {
    error.to_string().into()
}
