//! `/v1/findings` and `/v1/jobs/{id}/findings/{finding}/verdict`

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::{Extension, Json};
use earmark_core::Tenant;
use serde::Deserialize;

use super::api::Api;
use super::auth::Caller;
use super::error::{ApiError, Path, job_id, since_ms};
use crate::desk::findings::{Judged, JudgedFilter, NewVerdict, Verdict, place};
use crate::desk::views::{FindingPage, VerdictView};

/// Longest page of findings.
const MAX_LIMIT: u32 = 1000;

/// Which findings to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    tenant: Option<Tenant>,
    rule: Option<String>,
    /// RFC 3339, a day, or a span such as 2h.
    since: Option<String>,
    verdict: Option<LastVerdict>,
    /// Those of rules on trial instead of the others.
    #[serde(default)]
    shadow: bool,
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// What was said of a finding last.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LastVerdict {
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
) -> Result<Json<FindingPage>, ApiError> {
    let Query(filter) = filter.map_err(|rejection| {
        ApiError::bad_request("findings.filter", rejection.body_text())
            .hint("filters are tenant, rule, since, verdict (confirmed, rejected, none), shadow, limit, after")
    })?;
    let after = filter.after.as_deref().map(|text| {
        place(text).ok_or_else(|| {
            ApiError::bad_request("findings.filter", format!("after is `{text}`"))
                .hint("give `next` of the page before")
        })
    });
    let wanted = JudgedFilter {
        tenant: filter.tenant,
        rule_id: filter.rule,
        since_ms: since_ms(filter.since.as_deref(), "findings.filter")?,
        judged: filter.verdict.map(|verdict| match verdict {
            LastVerdict::Confirmed => Judged::As(Verdict::Confirmed),
            LastVerdict::Rejected => Judged::As(Verdict::Rejected),
            LastVerdict::None => Judged::NotYet,
        }),
        is_shadow: Some(filter.shadow),
        after: after.transpose()?,
        limit: filter.limit.unwrap_or(100).clamp(1, MAX_LIMIT),
    };
    Ok(Json(api.desk.findings(&wanted).await?))
}

/// Puts a verdict on record; it takes the place of an earlier one.
pub async fn judge(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path((id, finding)): Path<(String, String)>,
    given: Result<Json<Given>, JsonRejection>,
) -> Result<Json<VerdictView>, ApiError> {
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
    Ok(Json(api.desk.judge(new, &caller.actor).await?))
}
