//! The stand-in as a program, for scripts and for clients in other languages.

mod arguments;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use earmark_simulator::Simulator;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let simulator = Simulator::start(arguments.options()?).await?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{}", simulator.address())?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = closed_stdin(), if arguments.until_stdin_closes => {}
    }
    let summary = simulator.summary();
    drop(simulator);
    writeln!(std::io::stderr(), "{}", serde_json::to_string(&summary)?)?;
    Ok(())
}

/// Waits until whoever started this program closes its end, or dies. Reading takes a thread of its own, which ends with
/// the program.
async fn closed_stdin() {
    let (close, closed) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(close);
    });
    let _ = closed.await;
}

fn complain(error: &dyn Error) {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    // Nobody reads standard error: nobody is to be told.
    let _ = writeln!(std::io::stderr(), "{text}");
}
