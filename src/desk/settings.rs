//! The settings, and what comes before them.

use std::time::Duration;

use super::Desk;
use super::rules::in_force::{self, Why, short};
use super::views::SettingView;
use crate::config::{Config, Setting};
use crate::engines;

/// Settings are told whether there is a database or not: it may take so long to answer.
const DATABASE_TIME: Duration = Duration::from_secs(3);

/// The settings and where each comes from.
pub fn all(settings: &[Setting]) -> Vec<SettingView> {
    settings.iter().map(SettingView::from).collect()
}

/// What no setting says, a sentence each: the rule set that comes before `rules.path` where one was put in force, and
/// what the built-in engine was found to work with.
pub async fn beside(config: Config) -> Vec<String> {
    let proof = engines::of(&config).proof();
    let activated = tokio::time::timeout(DATABASE_TIME, activated(config)).await;
    let engine = proof.map(|proof| format!("the built-in engine {proof}"));
    activated.ok().flatten().into_iter().chain(engine).collect()
}

async fn activated(config: Config) -> Option<String> {
    let desk = Desk::open_existing(config).await.ok()?;
    let activated = in_force::activated(&desk.app.rule_sets).await.ok()?;
    desk.close().await;
    let (activation, sha256) = activated?;
    Some(format!("rules {} come before rules.path: {}", short(&sha256), Why::Activated(activation)))
}
