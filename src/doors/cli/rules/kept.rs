//! `earmark rules list` and `earmark rules show`

use std::path::{Component, Path, PathBuf};

use earmark_core::{Problem, rfc3339};
use earmark_rules::RuleSet;

use crate::app::App;
use crate::config::CommandError;
use crate::config::Config;
use crate::desk::rules::in_force::{self, named, short};
use crate::doors::cli::{Outcome, show};

/// Shows the kept sets, those first seen last before the others.
pub async fn list(config: Config, limit: u32, json: bool) -> Result<Outcome, CommandError> {
    let app = App::open_existing(config).await?;
    let path = app.config.rules.path.as_deref();
    let in_force = in_force::find(&app.rule_sets, path).await.map(|(rules, why)| (rules.id().sha256.clone(), why));
    if let Err(complaint) = &in_force {
        show::note(&format!("warning: {}", complaint.problem.message));
    }
    let mut table = show::table(&["hash", "name", "first seen", "in force", "rules", "words"]);
    for kept in app.rule_sets.latest(limit).await? {
        let (sha256, name, seen) = (kept.sha256.clone(), kept.name.clone(), rfc3339(kept.first_seen_ms));
        let why = in_force.as_ref().ok().filter(|(active, _)| *active == sha256).map(|(_, why)| why.to_string());
        // What an older program kept may be none for this one.
        let counts = in_force::compile(kept).await.ok().map(|rules| (rules.rules().len(), rules.word_count()));
        if json {
            show::json(&serde_json::json!({
                "sha256": sha256, "name": name, "first_seen": seen, "in_force": why,
                "rules": counts.map(|(rules, _)| rules), "words": counts.map(|(_, words)| words),
            }))?;
            continue;
        }
        let (rules, words) =
            counts.map_or(("unusable".into(), String::new()), |(rules, words)| (rules.to_string(), words.to_string()));
        table.add_row([short(&sha256).to_owned(), name, seen, why.unwrap_or_default(), rules, words]);
    }
    if !json {
        show::line(&table.to_string());
    }
    app.close().await;
    Ok(Outcome::Done)
}

/// Writes the files of a kept set, or of the one in force, to `out`, or prints them.
pub async fn files(config: Config, hash: Option<&str>, out: Option<&Path>) -> Result<Outcome, CommandError> {
    let app = App::open_existing(config).await?;
    let rules = match hash {
        Some(hash) => in_force::compile(app.rule_sets.find(hash).await?).await?,
        None => in_force::find(&app.rule_sets, app.config.rules.path.as_deref()).await?.0,
    };
    app.close().await;
    match out {
        Some(out) => write(&rules, out)?,
        None => {
            for file in rules.sources() {
                show::line(&format!("# {}", file.path));
                show::text(&file.text);
            }
        }
    }
    Ok(Outcome::Done)
}

fn write(rules: &RuleSet, out: &Path) -> Result<(), CommandError> {
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
    for file in rules.sources() {
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
    show::note(&format!("{}: {}", named(rules), show::counted(rules.sources().len(), "file", "files")));
    Ok(())
}
