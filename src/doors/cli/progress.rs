//! How far each recording is, on standard error: bars on a terminal, a line a step elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark_core::{JobId, Problem, Report, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::show;
use crate::desk::notice;
use crate::desk::run::{Attention, Progress, Watcher};

/// Where there is no terminal, a line is printed each time this much more of a recording is transcribed, in percent.
const STEP_PERCENT: u32 = 25;

/// Bars on a terminal: fewer than the lowest window has lines.
const MOST_BARS: usize = 16;

/// What is said of a result that nobody is handed before somebody releases it.
pub const HELD: &str = "HELD BACK for review";

/// Progress of several recordings.
pub struct Bars {
    is_terminal: bool,
    bars: MultiProgress,
    jobs: Mutex<HashMap<JobId, Shown>>,
}

struct Shown {
    name: String,
    bar: ProgressBar,
    /// Whether the terminal has a line for it.
    is_drawn: bool,
    /// The last step that was printed; none before the first clip is known.
    step: Option<u32>,
}

impl Bars {
    /// Nothing shown yet.
    pub fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !notice::is_json();
        Self { is_terminal, bars: MultiProgress::new(), jobs: Mutex::default() }
    }

    /// From now on `job` is shown as `name`.
    pub fn add(&self, job: &JobId, name: &str) {
        let mut jobs = self.lock();
        // More than fit the window would leave lines behind with each redraw.
        let is_drawn = self.is_terminal && jobs.values().filter(|shown| shown.is_drawn).count() < MOST_BARS;
        let bar = if is_drawn { self.bars.add(ProgressBar::new(1)) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix:32!} {msg:10} {wide_bar} {pos}/{len} clips {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        jobs.insert(job.clone(), Shown { name: name.into(), bar, is_drawn, step: None });
    }

    /// Shows how far `job` is.
    pub fn set(&self, job: &JobId, stage: &str, done: u32, total: u32) {
        let mut jobs = self.lock();
        let Some(shown) = jobs.get_mut(job) else { return };
        shown.bar.set_message(stage.to_owned());
        shown.bar.set_length(u64::from(total.max(1)));
        shown.bar.set_position(u64::from(done));
        if self.is_terminal {
            return;
        }
        let step = (done * 100).checked_div(total).unwrap_or(0) / STEP_PERCENT;
        // A command that waits shows the same again and again.
        if total > 0 && shown.step.is_none_or(|printed| step > printed) {
            shown.step = Some(step);
            show::note(&format!("{}: {stage} {done} of {}", shown.name, show::counted(total, "clip", "clips")));
        }
    }

    /// `job` has ended in `outcome`.
    pub fn end(&self, job: &JobId, outcome: &str) {
        let Some(shown) = self.lock().remove(job) else { return };
        shown.bar.finish_and_clear();
        if shown.is_drawn {
            self.draw_another();
        }
        self.say(&format!("{}: {outcome}", shown.name));
    }

    /// A line of the terminal is free: the next one has it.
    fn draw_another(&self) {
        let mut jobs = self.lock();
        if let Some(next) = jobs.values_mut().find(|shown| !shown.is_drawn) {
            next.bar = self.bars.add(next.bar.clone());
            next.is_drawn = true;
        }
    }

    /// Prints a line without disturbing the bars.
    pub fn say(&self, line: &str) {
        if self.is_terminal {
            self.bars.suspend(|| show::note(line));
        } else {
            show::note(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Shown>> {
        // The map is whole after every statement.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn at(&self, job: &JobId, stage: Stage) {
        // Its clips come along.
        if stage != Stage::Transcribe {
            self.set(job, stage.as_str(), 0, 0);
        }
    }

    fn clips(&self, job: &JobId, done: u32, total: u32) {
        self.set(job, Stage::Transcribe.as_str(), done, total);
    }

    fn alerted(&self, job: &JobId, message: &str) {
        let name = self.lock().get(job).map(|shown| shown.name.clone()).unwrap_or_default();
        self.say(&format!("{name}: alert: {message}"));
    }
}

impl Watcher for Bars {
    fn began(&self, job: &JobId, name: &str) {
        self.add(job, name);
    }

    fn ended(&self, job: &JobId, result: &Result<Box<Report>, Problem>, attention: Attention) {
        let outcome = match result {
            Ok(report) => {
                let warnings: String = report.warnings.iter().map(|warning| format!("; {}", warning.detail)).collect();
                let held = if attention.is_held { format!("; {HELD}") } else { String::new() };
                let findings = show::counted(report.findings.len(), "finding", "findings");
                format!("done, {findings}{warnings}{held}{}", alerts(attention, "; "))
            }
            Err(problem) => match &problem.hint {
                Some(hint) => format!("error: {problem}\n  hint: {hint}"),
                None => format!("error: {problem}"),
            },
        };
        self.end(job, &outcome);
    }

    fn say(&self, line: &str) {
        Bars::say(self, line);
    }
}

/// `{before}2 alerts`; nothing where there are none.
pub fn alerts(attention: Attention, before: &str) -> String {
    match attention.alerts {
        0 => String::new(),
        some => format!("{before}{}", show::counted(some, "alert", "alerts")),
    }
}
