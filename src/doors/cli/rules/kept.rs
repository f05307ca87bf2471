//! `earmark rules list` and `earmark rules show`

use std::path::{Component, Path, PathBuf};

use earmark_core::Problem;

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::rules::in_force::short;
use crate::desk::rules::kept::RuleFiles;
use crate::doors::cli::outcome::Outcome;
use crate::doors::cli::show;

/// Shows the kept sets, those first seen last before the others.
pub async fn list(desk: &Desk, limit: u32, json: bool) -> Result<Outcome, CommandError> {
    let kept = desk.kept_rule_sets(limit).await?;
    desk.close().await;
    if let Some(error) = &kept.in_force_unusable {
        show::note(&format!("warning: {}", error.problem.message));
    }
    if json {
        kept.sets.iter().try_for_each(show::json)?;
        return Ok(Outcome::Done);
    }
    let shown = kept.sets.len();
    let mut table = show::table(&["hash", "name", "first seen", "in force", "rules", "words"]);
    for set in kept.sets {
        let rules = set.rules.map_or_else(|| "unusable".into(), |rules| rules.to_string());
        let words = set.words.map(|words| words.to_string()).unwrap_or_default();
        let in_force = set.in_force.unwrap_or_default();
        table.add_row([short(&set.sha256).to_owned(), set.name, set.first_seen, in_force, rules, words]);
    }
    show::line(&table.to_string());
    show::more(shown, kept.has_more);
    Ok(Outcome::Done)
}

/// Writes the files of a kept set, or of the one in force, to `out`, or prints them.
pub async fn files(desk: &Desk, hash: Option<&str>, out: Option<&Path>) -> Result<Outcome, CommandError> {
    let rules = desk.rule_files(hash).await?;
    desk.close().await;
    match out {
        Some(out) => write(&rules, out)?,
        None => {
            for file in &rules.files {
                show::line(&format!("# {}", file.path));
                show::text(&file.text);
            }
        }
    }
    Ok(Outcome::Done)
}

fn write(rules: &RuleFiles, out: &Path) -> Result<(), CommandError> {
    let failed = |path: &Path, why: &dyn std::fmt::Display| {
        CommandError::usage(Problem {
            code: "rules.unwritable".into(),
            message: format!("cannot write {}: {why}", path.display()),
            hint: Some("give --out a folder that is empty or not there yet".into()),
        })
    };
    std::fs::create_dir_all(out).map_err(|error| failed(out, &error))?;
    let mut entries = std::fs::read_dir(out).map_err(|error| failed(out, &error))?;
    if entries.next().is_some() {
        return Err(failed(out, &"it is not empty"));
    }
    for file in &rules.files {
        let inside = PathBuf::from(&file.path);
        let path = out.join(&inside);
        if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(failed(&path, &"it would lie outside of the folder"));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        }
        std::fs::write(&path, &file.text).map_err(|error| failed(&path, &error))?;
        show::line(&path.display().to_string());
    }
    show::note(&format!("{}: {}", rules.named, show::counted(rules.files.len(), "file", "files")));
    Ok(())
}
