//! Other rules while jobs run: what was put in force in the database, and files that changed at the configured path.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::Repeats;
use earmark_journal::{ALERT_LOG, JournalError};
use earmark_pipeline::RuleBook;
use earmark_rules::RuleSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::files::{BadRules, Stamp, blocking, read, stamp};
use crate::app::App;
use crate::config::CommandError;
use crate::desk::rules::in_force::{self, Why, named};

/// How often a process says that it refuses rules still.
const RENEWED: Duration = Duration::from_secs(30);
/// That it does counts for so long beside three looks; then it is taken to be gone.
const SILENCE: Duration = Duration::from_secs(120);

/// Goes over to other rules as they come, until `stop`.
pub async fn watch(app: &App, book: &Arc<RuleBook>, stop: &CancellationToken) {
    let every = Duration::from_secs(app.config.rules.reload_secs);
    let mut watch = Watch {
        app,
        book,
        process: app.actor(),
        lease: SILENCE + 3 * every,
        lists: Vec::new(),
        seen: None,
        judged: None,
        refused: None,
    };
    let looking = Repeats::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let look = tokio::select! {
            () = stop.cancelled() => return,
            look = watch.look() => look,
        };
        match look {
            Ok(()) => {
                if let Some(over) = looking.worked() {
                    tracing::info!("looked for other rules again{over}");
                }
            }
            Err(CommandError { problem, .. }) => {
                if let Some(again) = looking.failed(&problem.code) {
                    let rules = named(&book.active());
                    tracing::warn!(
                        "could not look for other rules, {rules} stays in force{again}: {}",
                        problem.message
                    );
                }
            }
        }
    }
}

/// Rules that were refused.
struct Refused {
    content_sha256: String,
    /// What the alert says.
    message: String,
    /// When the database was last told.
    told: Instant,
}

struct Watch<'a> {
    app: &'a App,
    book: &'a RuleBook,
    /// Who refuses rules; the same name after a restart in place.
    process: String,
    /// How long it counts that this process refuses rules.
    lease: Duration,
    /// Files that the rule file at the configured path named when it was last read; a folder holds its own.
    lists: Vec<PathBuf>,
    /// The configured path at the last look.
    seen: Option<Stamp>,
    /// The configured path when it was last read.
    judged: Option<Stamp>,
    /// What was refused last, until good rules are there again.
    refused: Option<Refused>,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<(), CommandError> {
        let sets = &self.app.rule_sets;
        if let Some((activation, sha256)) = in_force::activated(sets).await? {
            // Once the path has the say again it is read anew.
            self.judged = None;
            if self.book.active().id().sha256 == sha256 {
                return self.good().await;
            }
            if self.refuses(&sha256) {
                return self.still().await;
            }
            let kept = sets.get(&sha256).await?.ok_or_else(|| JournalError::NoSuchRuleSet(sha256.clone()))?;
            return match in_force::compile(kept).await {
                Ok(rules) => self.take(rules, &Why::Activated(activation)).await,
                Err(error) => {
                    self.refuse(BadRules { content_sha256: sha256, error }, &Why::Activated(activation)).await
                }
            };
        }
        let Some(path) = self.app.config.rules.path.clone() else {
            return self.take(RuleSet::starter(), &Why::Starter).await;
        };
        let stamp = blocking({
            let paths = [std::slice::from_ref(&path), &self.lists].concat();
            move || stamp(paths)
        })
        .await?;
        if self.judged.as_ref() == Some(&stamp) {
            return self.still().await;
        }
        if self.seen.as_ref() != Some(&stamp) {
            // Somebody may still be writing: what two looks find the same is whole.
            self.seen = Some(stamp);
            return Ok(());
        }
        let read = blocking({
            let path = path.clone();
            move || read(&path)
        })
        .await?;
        let (lists, rules) = read;
        let is_known = lists == self.lists;
        self.lists = lists;
        match rules {
            Ok(rules) => self.take(rules, &Why::Configured(path)).await?,
            Err(bad) => self.refuse(bad, &Why::Configured(path)).await?,
        }
        // Of lists that are news the stamp says nothing yet.
        self.judged = is_known.then_some(stamp);
        Ok(())
    }

    /// Puts `rules` in force here, unless they are.
    async fn take(&mut self, rules: RuleSet, why: &Why) -> Result<(), CommandError> {
        let sha256 = rules.id().sha256.clone();
        if self.book.active().id().sha256 != sha256 {
            self.app.keep(&rules).await?;
            // Before the swap, which cannot fail: one that is not on record does not take place, and is tried again.
            self.app.note_rules(&sha256, why).await?;
            let rules = Arc::new(rules);
            let before = self.book.swap(rules.clone());
            self.app.journal.judge_by(&sha256);
            tracing::info!(from = named(&before), to = named(&rules), "went over to other rules: {why}");
        }
        self.good().await
    }

    /// Nothing has changed since the last look: good rules are good, and bad ones refused.
    async fn still(&mut self) -> Result<(), CommandError> {
        let Some(refused) = &mut self.refused else { return self.good().await };
        if refused.told.elapsed() >= RENEWED {
            let (sets, lease_ms) = (&self.app.rule_sets, lease_ms(self.lease));
            sets.refuse(&self.process, &refused.content_sha256, &refused.message, lease_ms).await?;
            refused.told = Instant::now();
        }
        Ok(())
    }

    async fn good(&mut self) -> Result<(), CommandError> {
        let closed = self.app.rule_sets.clear_refusals(&self.process).await?;
        if self.refused.take().is_some() || closed > 0 {
            tracing::info!(alerts_closed = closed, "good rules are there again: {}", named(&self.book.active()));
        }
        Ok(())
    }

    fn refuses(&self, content_sha256: &str) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.content_sha256 == content_sha256)
    }

    /// Leaves the rules as they are, and says so once.
    async fn refuse(&mut self, bad: BadRules, why: &Why) -> Result<(), CommandError> {
        if self.refuses(&bad.content_sha256) {
            return self.still().await;
        }
        let message = format!(
            "new rules ({why}) are refused on {}, {} stays in force: {}",
            self.app.worker_info().host,
            named(&self.book.active()),
            bad.summary()
        );
        let lease_ms = lease_ms(self.lease);
        self.app.rule_sets.refuse(&self.process, &bad.content_sha256, &message, lease_ms).await?;
        tracing::error!(target: ALERT_LOG, kind = "rules.refused", "alert: {message}");
        self.refused = Some(Refused { content_sha256: bad.content_sha256, message, told: Instant::now() });
        Ok(())
    }
}

fn lease_ms(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)
}
