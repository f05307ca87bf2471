//! The rule set that a word names.

use std::path::Path;
use std::sync::Arc;

use earmark_rules::RuleSet;

use crate::config::CommandError;
use crate::desk::Desk;
use crate::desk::rules::{files, in_force};

impl Desk {
    /// The rule set `name`: `active` is the one in force, `starter` the one that comes with earmark, anything else a path
    /// or the hash of a kept set, of which a unique beginning will do.
    ///
    /// # Errors
    /// [`CommandError`] naming what is wrong with its files, or that there is none.
    pub(in crate::desk) async fn rule_set(&self, name: &str) -> Result<Arc<RuleSet>, CommandError> {
        let sets = &self.app.rule_sets;
        let rules = match name {
            "active" => in_force::find(sets, self.config().rules.path.as_deref()).await?.0,
            "starter" => RuleSet::starter(),
            // What is meant as a path and is none is told to be none.
            _ if name.contains(['/', '.']) || Path::new(name).exists() => files::load(Path::new(name))?,
            _ => in_force::compile(sets.find(name).await?).await?,
        };
        Ok(Arc::new(rules))
    }
}
