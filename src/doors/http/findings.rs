//! `/v1/findings` and `/v1/jobs/{id}/findings/{finding}/verdict`

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::{Extension, Json};
use earmark_core::{JobId, Tenant, Verdict};
use earmark_journal::{FindingPlace, Judged, JudgedFilter, NewVerdict, Verdicts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::auth::Caller;
use super::error::{ApiError, Path};
use super::jobs::job_id;
use crate::desk::instant;
use crate::doors::cli;

/// Longest page of findings.
const MAX_LIMIT: u32 = 1000;

/// Which findings to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    tenant: Option<Tenant>,
    rule: Option<String>,
    /// RFC 3339, or a day.
    since: Option<String>,
    verdict: Option<Said>,
    /// Those of rules on trial instead of the others.
    #[serde(default)]
    shadow: bool,
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// What was said of a finding.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Confirmed,
    Rejected,
    None,
}

/// A verdict as it is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    verdict: Verdict,
    by: Option<String>,
    note: Option<String>,
}

/// Findings with what was said of them last, the latest jobs first; `next` is what to continue after, if there may be
/// more.
pub async fn list(
    State(api): State<Api>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(filter) = filter.map_err(|rejection| {
        ApiError::bad_request("findings.filter", rejection.body_text())
            .hint("filters are tenant, rule, since, verdict (confirmed, rejected, none), shadow, limit, after")
    })?;
    let since_ms = filter.since.as_deref().map(|text| {
        instant::parse(text).map_err(|why| {
            ApiError::bad_request("findings.filter", format!("since is `{text}`: {why}")).hint(instant::HINT)
        })
    });
    let limit = filter.limit.unwrap_or(100).clamp(1, MAX_LIMIT);
    let wanted = JudgedFilter {
        tenant: filter.tenant,
        rule_id: filter.rule,
        since_ms: since_ms.transpose()?,
        judged: filter.verdict.map(|said| match said {
            Said::Confirmed => Judged::As(Verdict::Confirmed),
            Said::Rejected => Judged::As(Verdict::Rejected),
            Said::None => Judged::NotYet,
        }),
        is_shadow: Some(filter.shadow),
        after: filter.after.as_deref().map(place).transpose()?,
        limit,
    };
    let found = Verdicts::new(api.database.clone()).list(&wanted).await?;
    let last = found.last().filter(|_| found.len() as u64 == u64::from(limit));
    let next = last.map(|last| {
        let FindingPlace { finished_at_ms, job_id, start_ms, finding_id } = last.place();
        format!("{finished_at_ms}.{start_ms}.{job_id}.{finding_id}")
    });
    Ok(Json(json!({ "findings": found.iter().map(cli::shown_finding).collect::<Vec<_>>(), "next": next })))
}

/// The place that `next` named.
fn place(text: &str) -> Result<FindingPlace, ApiError> {
    let mut parts = text.splitn(4, '.');
    let mut place = || {
        Some(FindingPlace {
            finished_at_ms: parts.next()?.parse().ok()?,
            start_ms: parts.next()?.parse().ok()?,
            job_id: JobId::parse(parts.next()?).ok()?,
            finding_id: parts.next().filter(|id| !id.contains('\0'))?.to_owned(),
        })
    };
    place().ok_or_else(|| {
        ApiError::bad_request("findings.filter", format!("after is `{text}`")).hint("give `next` of the page before")
    })
}

/// Puts a verdict on record; it takes the place of an earlier one.
pub async fn judge(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path((id, finding)): Path<(String, String)>,
    given: Result<Json<Given>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(given) = given.map_err(|rejection| {
        ApiError::new(rejection.status(), "verdict.malformed", rejection.body_text())
            .hint("send JSON: verdict (confirmed or rejected), and if wanted by, note")
    })?;
    let new = NewVerdict {
        job_id: job_id(&id)?,
        finding_id: finding,
        verdict: given.verdict,
        // A form sends an empty field for none: nobody judges namelessly.
        by: given.by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| caller.actor.clone()),
        note: given.note,
    };
    let verdict = Verdicts::new(api.database.clone()).judge(&new, &caller.actor).await?;
    Ok(Json(json!({ "job_id": new.job_id, "finding_id": new.finding_id, "verdict": verdict })))
}
