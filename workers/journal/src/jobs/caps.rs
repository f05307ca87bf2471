//! How many jobs a tenant may have in work at a time, over all workers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use earmark_core::Tenant;

use crate::JournalError;
use crate::database::Write;

/// Jobs that a tenant may have leased; 0 for as many as there are slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    every: u32,
    single: BTreeMap<Tenant, u32>,
}

impl Caps {
    /// `every` for each tenant that is not in `single`.
    pub fn new(every: u32, single: BTreeMap<Tenant, u32>) -> Self {
        Self { every, single }
    }

    /// How many jobs `tenant` may have leased; none for any number.
    pub fn of(&self, tenant: &Tenant) -> Option<u32> {
        Some(self.single.get(tenant).copied().unwrap_or(self.every)).filter(|cap| *cap > 0)
    }

    /// SQL that is true while the tenant in `row` (a table's name or alias) may have one more job leased.
    pub(crate) fn has_room(&self, row: &str) -> String {
        if self.every == 0 && self.single.values().all(|cap| *cap == 0) {
            return "1 = 1".into();
        }
        let mut cap = String::from("CASE");
        for (tenant, single) in &self.single {
            // A tenant's name has no character that would end the text.
            let _ = write!(cap, " WHEN {row}.tenant = '{tenant}' THEN {}", number(*single));
        }
        let _ = write!(cap, " WHEN 1 = 1 THEN {} END", number(self.every));
        format!("(SELECT COUNT(*) FROM jobs l WHERE l.state = 'leased' AND l.tenant = {row}.tenant) < {cap}")
    }

    /// Has whoever else takes a job of `tenant` wait for the end of this transaction, if there is a cap to be kept: where
    /// several write at a time, two would count the same jobs and both take one more. To be called before any row is
    /// locked; nobody waits for rows of the journal and then for this.
    pub(super) async fn lock(&self, write: &mut Write, tenant: &Tenant) -> Result<(), JournalError> {
        if self.of(tenant).is_none() || !write.db().is_shared() {
            return Ok(());
        }
        let lock = sqlx::query("SELECT CAST(pg_advisory_xact_lock(hashtext($1)) AS TEXT)");
        write.row(lock.bind(format!("earmark cap {tenant}"))).await.map(drop)
    }
}

fn number(cap: u32) -> i64 {
    if cap == 0 { i64::MAX } else { i64::from(cap) }
}
