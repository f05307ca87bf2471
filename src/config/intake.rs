//! `[intake]`

use earmark_intake::{Glob, Legs, NamePattern, SidecarField, SidecarName, Zone};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::value::{choice, list, optional};

choice! {
    /// What becomes of a call of which a leg is missing.
    IncompleteKind {
        /// It is taken by itself, with a warning.
        Alone = "alone",
        /// It is left for the next time, with a warning.
        Hold = "hold",
    }
}

/// How recordings are found among other files, and what their names say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// What is taken of folders and prefixes; everything where there is none.
    #[serde(deserialize_with = "list")]
    pub include: Vec<Glob>,
    /// What is left out of them.
    #[serde(deserialize_with = "excluded")]
    pub exclude: Vec<Glob>,
    /// Which files are legs of one call.
    #[serde(deserialize_with = "optional")]
    pub legs: Option<Legs>,
    /// What becomes of a call of which a leg is missing.
    pub incomplete: IncompleteKind,
    /// What names say.
    #[serde(deserialize_with = "optional")]
    pub name_pattern: Option<NamePattern>,
    /// Which clock times in names are of.
    #[serde(deserialize_with = "zone")]
    pub zone: Zone,
    /// Where the file lies that describes a recording.
    #[serde(deserialize_with = "optional")]
    pub sidecar: Option<SidecarName>,
    /// What is taken out of it.
    #[serde(deserialize_with = "list")]
    pub sidecar_fields: Vec<SidecarField>,
}

/// Patterns; `none` for none, which an empty variable cannot say.
fn excluded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
    let patterns: Vec<String> = list(deserializer)?;
    if patterns == ["none"] {
        return Ok(Vec::new());
    }
    patterns.iter().map(|pattern| pattern.parse().map_err(D::Error::custom)).collect()
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
