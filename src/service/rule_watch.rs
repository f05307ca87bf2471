//! Other rules while jobs run: what was put in force in the database, and files that changed at the configured path.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use earmark_core::sha256_hex;
use earmark_journal::{ALERT_LOG, JournalError};
use earmark_pipeline::RuleBook;
use earmark_rules::RuleSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::CommandError;
use crate::desk::rules::files;
use crate::desk::rules::in_force::{self, Why, named};

/// Mistakes that an alert names; `rules check` names them all.
const NAMED: usize = 3;
/// How often a process says that it refuses rules still.
const RENEWED: Duration = Duration::from_secs(30);
/// That it does counts for so long beside three looks; then it is taken to be gone.
const SILENCE: Duration = Duration::from_secs(120);
/// That a process cannot start with rules counts for so long (a day), unless one starts there with good ones.
const NOT_STARTED: Duration = Duration::from_secs(24 * 60 * 60);
/// Files that are looked at, at most: nobody keeps rules in more.
const MOST_FILES: usize = 10_000;

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
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = watch.look() => looked,
        };
        if let Err(complaint) = looked {
            tracing::warn!(
                "could not look for other rules, {} stays in force: {}",
                named(&book.active()),
                complaint.problem.message
            );
        }
    }
}

/// Raises the alert about rules with which this process cannot start; or keeps it, where one that ran has raised it before.
/// Nothing where it is not the rules.
///
/// # Errors
/// [`CommandError`] when the database fails.
pub async fn refuse_to_start(app: &App) -> Result<(), CommandError> {
    let sets = &app.rule_sets;
    let path = app.config.rules.path.clone();
    let (bad, why) = match (in_force::activated(sets).await?, path) {
        (Some((activation, sha256)), _) => {
            let Some(kept) = sets.get(&sha256).await? else { return Ok(()) };
            let Err(complaint) = in_force::compile(kept).await else { return Ok(()) };
            (Bad { content_sha256: sha256, complaint }, Why::Activated(activation))
        }
        (None, Some(path)) => {
            let from = path.clone();
            let (_, Err(bad)) = blocking(move || read(&from)).await? else { return Ok(()) };
            (bad, Why::Configured(path))
        }
        (None, None) => return Ok(()),
    };
    let Bad { content_sha256, complaint } = bad;
    let message =
        format!("rules ({why}) are refused on {}, which does not start: {}", app.worker_info().host, first(&complaint));
    if sets.refuse(&starter(app), &content_sha256, &message, lease_ms(NOT_STARTED)).await? {
        tracing::error!(target: ALERT_LOG, kind = "rules.refused", "alert: {message}");
    }
    Ok(())
}

/// This process has started with good rules: what one before it could not start with counts no more.
///
/// # Errors
/// [`JournalError`] when the database fails.
pub async fn started(app: &App) -> Result<(), JournalError> {
    app.rule_sets.clear_refusals(&starter(app)).await.map(drop)
}

/// Whoever starts on this machine with the same configured rules.
fn starter(app: &App) -> String {
    let path = app.config.rules.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    format!("start:{}/{path}", app.worker_info().host)
}

/// Size and time of every file at the configured path: all that is looked at while nothing changes.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Rules that cannot be taken up.
struct Bad {
    /// Tells them from others.
    content_sha256: String,
    complaint: CommandError,
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
                Err(complaint) => {
                    self.refuse(Bad { content_sha256: sha256, complaint }, &Why::Activated(activation)).await
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
    async fn refuse(&mut self, bad: Bad, why: &Why) -> Result<(), CommandError> {
        let Bad { content_sha256, complaint } = bad;
        if self.refuses(&content_sha256) {
            return self.still().await;
        }
        let message = format!(
            "new rules ({why}) are refused on {}, {} stays in force: {}",
            self.app.worker_info().host,
            named(&self.book.active()),
            first(&complaint)
        );
        let lease_ms = lease_ms(self.lease);
        self.app.rule_sets.refuse(&self.process, &content_sha256, &message, lease_ms).await?;
        tracing::error!(target: ALERT_LOG, kind = "rules.refused", "alert: {message}");
        self.refused = Some(Refused { content_sha256, message, told: Instant::now() });
        Ok(())
    }
}

fn lease_ms(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)
}

/// The first mistakes, each with file, line and column.
fn first(complaint: &CommandError) -> String {
    let mistakes: Vec<&str> =
        complaint.problem.message.lines().filter(|line| !line.trim_start().starts_with("hint:")).collect();
    let more = mistakes.len().saturating_sub(NAMED);
    let named = mistakes.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}

/// The rules at `path`, or what is wrong with them, and the files beside a single one that belong to it.
fn read(path: &Path) -> (Vec<PathBuf>, Result<RuleSet, Bad>) {
    let files = match files::read(path) {
        Ok(files) => files,
        Err(complaint) => {
            let content_sha256 = sha256_hex(complaint.problem.message.as_bytes());
            return (Vec::new(), Err(Bad { content_sha256, complaint }));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = files.iter().map(|file| folder.join(&file.path)).filter(|file| file != path);
    let lists = if path.is_dir() { Vec::new() } else { beside.collect() };
    let rules = files::compile(path, &files).map_err(|complaint| {
        let mut content = Vec::new();
        for text in files.iter().flat_map(|file| [&file.path, &file.text]) {
            content.extend((text.len() as u64).to_be_bytes());
            content.extend(text.as_bytes());
        }
        Bad { content_sha256: sha256_hex(&content), complaint }
    });
    (lists, rules)
}

/// What cannot be looked at has no size and no time.
fn stamp(mut rest: Vec<PathBuf>) -> Stamp {
    let mut found = Stamp::new();
    while let Some(path) = rest.pop() {
        if found.len() == MOST_FILES {
            break;
        }
        let facts = std::fs::metadata(&path).ok();
        if facts.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            // As they are read: neither what is hidden nor links to folders.
            let is_read = |entry: &std::fs::DirEntry| {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                !is_hidden && (!is_link || !entry.path().is_dir())
            };
            rest.extend(entries.filter(is_read).map(|entry| entry.path()));
        } else {
            let size = facts.as_ref().map_or(0, std::fs::Metadata::len);
            found.push((path, size, facts.and_then(|facts| facts.modified().ok())));
        }
    }
    found.sort();
    found
}

/// `work` on a thread where it may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_every_file_below_and_not_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = |path: &Path| stamp(vec![path.to_path_buf()]);
        std::fs::create_dir(folder.path().join("words")).unwrap();
        std::fs::write(folder.path().join("rules.yaml"), "a").unwrap();
        let before = stamp(folder.path());
        assert_eq!((before.len(), &stamp(folder.path())), (1, &before));
        std::fs::write(folder.path().join("words/list.txt"), "b").unwrap();
        let with_words = stamp(folder.path());
        assert_eq!(with_words.len(), 2);
        std::fs::write(folder.path().join("words/list.txt"), "bc").unwrap();
        assert_ne!(stamp(folder.path()), with_words);
        assert_eq!(stamp(Path::new("/no/such/rules")).len(), 1);
    }

    #[test]
    fn an_alert_names_the_first_mistakes_and_counts_the_rest() {
        let complaint = CommandError::plain("a:1:1: x\n  hint: y\na:2:1: x\na:3:1: x\na:4:1: x", None);
        assert_eq!(first(&complaint), "a:1:1: x; a:2:1: x; a:3:1: x; and 1 more");
    }
}
