//! `/v1/jobs`

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use earmark_core::{Failure as _, JobId, JobState, Lane, NewJob, Offer, Standing, Tenant, rfc3339};
use earmark_journal::{CancelOutcome, JobFilter, StandingJob};
use earmark_objects::known_version;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Api;
use super::auth::Caller;
use super::error::{ApiError, Path};

/// Longest page of jobs.
const MAX_LIMIT: u32 = 1000;

/// A job as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    uri: String,
    tenant: Option<Tenant>,
    lane: Option<Lane>,
    key: Option<String>,
    priority: Option<i64>,
    #[serde(default)]
    repeat: bool,
    rule_set: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// Journals a job: 202 with its id; 200 when its key or the recording is known, with the state of the job there is; 409
/// when its key is known for another recording.
pub async fn submit(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(wanted) = wanted.map_err(|rejection| malformed(&rejection))?;
    let mut new = offered(wanted, &headers)?;
    let location = new.location.clone();
    // A look at a disk.
    new.version = tokio::task::spawn_blocking(move || known_version(&location)).await.unwrap_or_default();
    let accepted = api.journal.accept(&new, &caller.actor).await?;
    if new.key.is_some() && accepted.job.uri != new.uri {
        let message = format!("the key belongs to job {}, of another recording", accepted.job.id);
        return Err(ApiError::new(StatusCode::CONFLICT, "job.key_reused", message)
            .hint("a key names one recording; send the same uri or another key"));
    }
    let status = if accepted.is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = format!("/v1/jobs/{}", accepted.job.id);
    let mut body = json!({"job_id": accepted.job.id, "state": accepted.job.state, "is_new": accepted.is_new});
    if !accepted.is_new && matches!(accepted.job.state, JobState::Dead | JobState::Cancelled) {
        // Whoever offers it again does not expect that it has ended without a result.
        body["error"] = json!(accepted.job.error);
        body["hint"] = json!("POST its /retry to have it tried again, or send `repeat`: true for another job");
    }
    Ok((status, [(LOCATION, location)], Json(body)))
}

fn malformed(rejection: &JsonRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than {} bytes", super::MAX_BODY_BYTES);
        return ApiError::new(rejection.status(), "http.too_large", message).hint("send less metadata");
    }
    ApiError::new(rejection.status(), "job.malformed", rejection.body_text())
        .hint("send JSON: uri, and if wanted tenant, lane, key, priority, repeat, rule_set, metadata")
}

fn offered(wanted: Wanted, headers: &HeaderMap) -> Result<NewJob, ApiError> {
    let header = headers.get("idempotency-key").map(|value| value.to_str().map(str::to_owned)).transpose();
    let header = header.map_err(|_| ApiError::bad_request("job.key", "the Idempotency-Key is not plain ASCII"))?;
    let key = match (wanted.key, header) {
        (Some(body), Some(header)) if body != header => {
            return Err(
                ApiError::bad_request("job.key", "`key` and the Idempotency-Key differ").hint("send one of them")
            );
        }
        (body, header) => body.or(header),
    };
    let offer = Offer {
        uri: wanted.uri,
        tenant: wanted.tenant.map(|tenant| tenant.to_string()),
        lane: wanted.lane.map(|lane| lane.to_string()),
        key,
        metadata: wanted.metadata,
        priority: wanted.priority.unwrap_or_default(),
        is_repeat: wanted.repeat,
        rule_set: wanted.rule_set,
    };
    offer.into_job().map_err(|error| {
        let refused = ApiError::bad_request(error.code(), error.to_string());
        match error.hint() {
            Some(hint) => refused.hint(&hint),
            None => refused,
        }
    })
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    tenant: Option<Tenant>,
    key: Option<String>,
    lane: Option<Lane>,
    state: Option<Standing>,
    /// RFC 3339.
    since: Option<String>,
    limit: Option<u32>,
    /// The last id of the page before.
    after: Option<String>,
}

/// Jobs, the newest first; `next` is the id to continue after, if there may be more.
pub async fn list(
    State(api): State<Api>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(filter) = filter.map_err(|rejection| {
        ApiError::bad_request("jobs.filter", rejection.body_text())
            .hint("filters are tenant, key, lane, state, since, limit, after")
    })?;
    let since_ms = filter.since.as_deref().map(instant).transpose()?;
    let limit = filter.limit.unwrap_or(100).clamp(1, MAX_LIMIT);
    let after = filter.after.as_deref().map(job_id).transpose()?;
    let wanted = JobFilter {
        tenant: filter.tenant,
        key: filter.key,
        lane: filter.lane,
        since_ms,
        limit,
        after,
        ..JobFilter::default().standing_at(filter.state)
    };
    let jobs = api.journal.standings(&wanted).await?;
    let next = if jobs.len() as u64 == u64::from(limit) { jobs.last().map(|found| found.job.id.clone()) } else { None };
    Ok(Json(json!({"jobs": jobs.iter().map(shown).collect::<Vec<_>>(), "next": next})))
}

fn instant(text: &str) -> Result<i64, ApiError> {
    let wrong = |error: &dyn std::fmt::Display| {
        ApiError::bad_request("jobs.filter", format!("since is `{text}`: {error}"))
            .hint("use RFC 3339, e.g. 2026-01-31T08:00:00Z")
    };
    let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| wrong(&error))?;
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|error| wrong(&error))
}

/// One job; `held` says whether its result waits for a reviewer.
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = job_id(&id)?;
    let mut job = shown(&api.journal.standing(&id).await?);
    job["held"] = json!(api.results.review_hold(&id).await?.is_some_and(|holding| holding.is_held()));
    Ok(Json(job))
}

/// Makes a dead or cancelled job ready again.
pub async fn retry(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = api.journal.retry(&job_id(&id)?, &caller.actor).await?.id;
    Ok(Json(shown(&api.journal.standing(&id).await?)))
}

/// Calls a job off.
pub async fn cancel(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = job_id(&id)?;
    match api.journal.cancel(&id, &caller.actor).await? {
        CancelOutcome::Cancelled | CancelOutcome::Requested => Ok(Json(shown(&api.journal.standing(&id).await?))),
        CancelOutcome::AlreadyFinal(state) => {
            Err(ApiError::new(StatusCode::CONFLICT, "job.final", format!("the job is {state} already")))
        }
    }
}

/// The job with its instants in RFC 3339 beside the milliseconds.
fn shown(found: &StandingJob) -> Value {
    let (mut value, job) = (json!(found), &found.job);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("job_id".into(), json!(job.id));
        fields.insert("accepted_at".into(), json!(rfc3339(job.accepted_at_ms)));
        fields.insert("finished_at".into(), json!(job.finished_at_ms.map(rfc3339)));
    }
    value
}

/// The job id in a path.
pub fn job_id(text: &str) -> Result<JobId, ApiError> {
    JobId::parse(text).map_err(|error| ApiError::new(StatusCode::NOT_FOUND, "job.unknown", error.to_string()))
}
