//! What can be asked of earmark, whoever asks: the doors parse, call the desk and render.
//!
//! ```text
//! a question                                the answer
//!   submit plan run          ----------->   views/     one typed shape per thing, the same at every door
//!   jobs results findings    ----------->
//!   queue accounts places alerts audit
//!   rules/                   rule sets: files, in force, examples, replays, how often they are right
//!   retention orphans        what goes
//!   database doctor engine settings         the installation itself
//!   service                  what runs for long
//!   transcribe/              a clip that somebody sends and waits for
//! instant duration signals                  words that questions are made of
//! ```

pub mod accounts;
pub mod alerts;
pub mod audit;
pub mod database;
pub mod doctor;
pub mod duration;
pub mod engine;
pub mod findings;
pub mod instant;
pub mod jobs;
pub mod notice;
pub mod orphans;
pub mod places;
pub mod plan;
pub mod queue;
pub mod readiness;
pub mod results;
pub mod retention;
pub mod rules;
pub mod run;
pub mod service;
pub mod settings;
pub mod signals;
pub mod submit;
pub mod transcribe;
pub mod views;

use std::sync::Arc;

use earmark_core::Clock;

use crate::app::App;
use crate::config::{CommandError, Config};

pub use earmark_journal::{JournalError, at_once};

/// Where everything is asked. Doors cannot reach the stores behind it. Clones share it.
#[derive(Clone)]
pub struct Desk {
    app: Arc<App>,
}

impl Desk {
    /// Opens the database, making it if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open(config: Config) -> Result<Self, CommandError> {
        Ok(Self { app: Arc::new(App::open(config).await?) })
    }

    /// Opens a database that is there and up to date, and makes nothing.
    ///
    /// # Errors
    /// [`CommandError`] with a hint.
    pub async fn open_existing(config: Config) -> Result<Self, CommandError> {
        Ok(Self { app: Arc::new(App::open_existing(config).await?) })
    }

    /// What opening did to the database, in words; none where it was left as it was.
    pub fn made(&self) -> Option<String> {
        // One in memory is made every time.
        let is_kept = !self.app.config.database.url.expose().starts_with("sqlite::memory:");
        let report = self.app.migration.as_ref().filter(|_| is_kept)?;
        let place = self.app.database.place();
        Some(match report.from {
            0 => format!("made the database {place}, schema {}", report.to),
            from => format!("brought the database {place} from schema {from} to {}", report.to),
        })
    }

    /// The settings in force.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// What time it is.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.app.clock.clone()
    }

    /// Who transcribes single clips, with the `accounts` of this process.
    ///
    /// # Errors
    /// [`CommandError`] when there is no folder for temporary files.
    pub fn transcriptions(&self, accounts: &transcribe::Accounts) -> Result<transcribe::Transcriptions, CommandError> {
        transcribe::Transcriptions::new(&self.app, accounts.clone())
    }

    /// Gives all permits back and closes the database.
    pub async fn close(&self) {
        self.app.close().await;
    }

    /// The parts themselves: for the service, which runs them. No door may ask for them.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }
}

/// A number of things: `1 rule`, `2 rules`, `0 rules`.
pub fn counted(count: impl std::fmt::Display + PartialEq + From<u8>, one: &str, many: &str) -> String {
    let what = if count == 1.into() { one } else { many };
    format!("{count} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_counted_in_the_singular_and_none_and_many_in_the_plural() {
        let shown = [0_u32, 1, 2, 11].map(|count| counted(count, "entry", "entries"));
        assert_eq!(shown, ["0 entries", "1 entry", "2 entries", "11 entries"]);
    }
}
