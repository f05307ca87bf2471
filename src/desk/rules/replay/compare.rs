//! A replay: everything judged afresh, what is different kept and, where that is wanted, applied.

use earmark_core::JobId;
use earmark_journal::{NewReplay, Replacement, ReplayFilter, Replays};
use earmark_rules::replay::{Different, JobDifference, Judged, Judges, Summary, Tally};

use super::walk::{Listener, walk};
use crate::config::CommandError;
use crate::desk::Desk;

/// Jobs whose differences are kept, to be shown again; of the others only the counts are.
const KEPT_JOBS: u64 = 100_000;

/// What to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComparison<'a> {
    /// The rules that judge first: a path, the beginning of a kept set's hash, `active` or `starter`.
    pub from: &'a str,
    /// The rules that judge second.
    pub to: &'a str,
    /// Which jobs are judged. Everything that is set must hold.
    pub filter: ReplayFilter,
    /// Who wants it, for the record.
    pub actor: String,
    /// Whether what the second rules find takes the place of what there was.
    pub is_applied: bool,
}

/// Whoever watches a replay.
pub trait ReplayWatcher {
    /// It has begun under this id.
    fn began(&mut self, id: &str);

    /// In a job something is different; `line` is the same as JSON, as it is kept.
    fn different(&mut self, difference: &JobDifference, line: &str);

    /// The report of `job` cannot be read.
    fn unreadable(&mut self, job: &JobId, why: &str);
}

/// How a replay ended.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What was different, in all.
    pub summary: Summary,
    /// Jobs whose findings were replaced.
    pub replaced: u64,
    /// Jobs that had the second rules' findings already.
    pub there_already: u64,
}

impl Desk {
    /// Judges stored transcripts by two rule sets, keeps what the second finds otherwise, and applies it where that is
    /// asked for.
    ///
    /// # Errors
    /// [`CommandError`] naming what is wrong with a set, or when the database fails.
    pub async fn replay(
        &self,
        comparison: NewComparison<'_>,
        watcher: &mut impl ReplayWatcher,
    ) -> Result<Replayed, CommandError> {
        let NewComparison { from, to, filter, actor, is_applied } = comparison;
        let judges = Judges { from: self.rule_set(from).await?, to: self.rule_set(to).await? };
        let asked = NewReplay { from: judges.from.id().clone(), to: judges.to.id().clone(), filter, actor, is_applied };
        if is_applied {
            // What findings are made by is evidence.
            self.app.keep(&judges.to).await?;
        }
        let replays = Replays::new(self.app.database.clone());
        let id = replays.begin(&asked).await?;
        watcher.began(&id);
        let mut keeper = Keeper {
            replays: &replays,
            id: &id,
            asked: &asked,
            watcher,
            tally: Tally::default(),
            summary: Summary::new(asked.from.clone(), asked.to.clone()),
            replaced: 0,
            there_already: 0,
        };
        walk(&replays, &judges, &asked.filter, &mut keeper).await?;
        let Keeper { tally, mut summary, replaced, there_already, .. } = keeper;
        summary.count(tally);
        let text = serde_json::to_string(&summary).map_err(|error| CommandError::internal(&error))?;
        replays.end(&id, &text).await?;
        Ok(Replayed { summary, replaced, there_already })
    }
}

/// Keeps what is different as it comes, and applies it where that is wanted.
struct Keeper<'a, W> {
    replays: &'a Replays,
    id: &'a str,
    asked: &'a NewReplay,
    watcher: &'a mut W,
    tally: Tally,
    summary: Summary,
    replaced: u64,
    there_already: u64,
}

impl<W: ReplayWatcher> Listener for Keeper<'_, W> {
    async fn judged(&mut self, page: Vec<(JobId, Result<Judged, String>)>) -> Result<(), CommandError> {
        let (kept_before, mut lines) = (self.summary.kept_jobs, Vec::new());
        for (job, judged) in page {
            let Judged { tally, difference, after } = match judged {
                Ok(judged) => judged,
                Err(why) => {
                    self.watcher.unreadable(&job, &why);
                    self.summary.unreadable_jobs += 1;
                    continue;
                }
            };
            self.summary.jobs += 1;
            self.tally.add(&tally);
            let Some(Different { difference, json }) = difference else { continue };
            self.summary.changed_jobs += 1;
            self.watcher.different(&difference, &json);
            if self.asked.is_applied {
                match self.replays.replace_findings(self.id, &self.asked.to, &self.asked.actor, &job, &after).await? {
                    Replacement::Replaced => self.replaced += 1,
                    Replacement::AlreadyThere => self.there_already += 1,
                    Replacement::Gone => {}
                }
            }
            if self.summary.kept_jobs < KEPT_JOBS {
                self.summary.kept_jobs += 1;
                lines.push((job, json));
            }
        }
        Ok(self.replays.keep(self.id, kept_before, &lines).await?)
    }
}
