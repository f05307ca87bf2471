//! `/v1/jobs`

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use earmark_core::{Failure as _, Lane, RecordingUri, Standing, Tenant};
use serde::Deserialize;

use super::api::{Api, MAX_BODY_BYTES};
use super::auth::Caller;
use super::error::{ApiError, Path, job_id, since_ms};
use crate::desk::jobs::{CancelOutcome, JobFilter, RetryError};
use crate::desk::submit::{Offer, OfferError, OfferedPart, check_numbers};
use crate::desk::views::{JobPage, JobView, SubmittedView};

/// Longest page of jobs.
const MAX_LIMIT: u32 = 1000;

/// Journals a job: 202 with its id; 200 when its key or the recording is known, with the state of the job there is; 409
/// when its key is known for another recording.
pub async fn submit(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let offer = offered(&headers, body).await?;
    let key = key(offer.key.clone(), &headers)?;
    let offer = Offer { key, ..offer };
    // A look at a disk.
    let look = api.desk.look_of_others();
    let judging = tokio::task::spawn_blocking(move || crate::desk::submit::job_of_another(offer, &look)).await;
    let new = judging.map_err(|_| stopping())?.map_err(|error| refused(&error))?;
    let accepted = api.desk.accept(&new, &caller.actor).await?;
    let status = if accepted.is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = format!("/v1/jobs/{}", accepted.job.id);
    let body = SubmittedView::new(&accepted.job, accepted.is_new);
    Ok((status, [(LOCATION, location)], Json(body)))
}

/// The offer in a request's body, whose numbers come back as they were given.
async fn offered(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Offer, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body is larger than {} bytes", MAX_BODY_BYTES);
            ApiError::new(rejection.status(), "http.too_large", message).hint("send less metadata")
        }
        status => ApiError::new(status, "job.malformed", rejection.body_text()),
    })?;
    let mut request = Request::new(Body::from(body.clone()));
    *request.headers_mut() = headers.clone();
    let offer = Json::<Offer>::from_request(request, &()).await;
    let Json(offer) = offer.map_err(|rejection| malformed(&rejection))?;
    // It was JSON, so it is UTF-8.
    check_numbers(std::str::from_utf8(&body).unwrap_or_default()).map_err(|error| refused(&error))?;
    Ok(offer)
}

fn malformed(rejection: &JsonRejection) -> ApiError {
    ApiError::new(rejection.status(), "job.malformed", rejection.body_text())
        .hint("send JSON: uri or parts, and if wanted tenant, lane, key, priority, repeat, rule_set, metadata, speakers, sound")
}

fn refused(error: &OfferError) -> ApiError {
    let refused = ApiError::bad_request(error.code(), error.to_string());
    match error.hint() {
        Some(hint) => refused.hint(&hint),
        None => refused,
    }
}

/// No thread looks at disks any more.
fn stopping() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "http.stopping", "the service is stopping")
        .hint("offer it again; with a key it is the same job")
}

/// The key in the body or in the header `Idempotency-Key`.
fn key(body: Option<String>, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let header = headers.get("idempotency-key").map(|value| value.to_str().map(str::to_owned)).transpose();
    let header = header.map_err(|_| ApiError::bad_request("job.key", "the Idempotency-Key is not plain ASCII"))?;
    match (body, header) {
        (Some(body), Some(header)) if body != header => {
            Err(ApiError::bad_request("job.key", "`key` and the Idempotency-Key differ").hint("send one of them"))
        }
        (body, header) => Ok(body.or(header)),
    }
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    tenant: Option<Tenant>,
    key: Option<String>,
    lane: Option<Lane>,
    state: Option<Standing>,
    /// RFC 3339, a day, or a span such as 2h.
    since: Option<String>,
    limit: Option<u32>,
    /// The last id of the page before.
    after: Option<String>,
}

/// Jobs, the newest first; `next` is the id to continue after, if there may be more.
pub async fn list(
    State(api): State<Api>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<JobPage>, ApiError> {
    let Query(filter) = filter.map_err(|rejection| {
        ApiError::bad_request("jobs.filter", rejection.body_text())
            .hint("filters are tenant, key, lane, state, since, limit, after")
    })?;
    let wanted = JobFilter {
        tenant: filter.tenant,
        key: filter.key,
        lane: filter.lane,
        since_ms: since_ms(filter.since.as_deref(), "jobs.filter")?,
        limit: filter.limit.unwrap_or(100).clamp(1, MAX_LIMIT),
        after: filter.after.as_deref().map(job_id).transpose()?,
        ..JobFilter::default().standing_at(filter.state)
    };
    Ok(Json(api.desk.jobs(&wanted).await?))
}

/// One job.
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    Ok(Json(api.desk.job(&job_id(&id)?).await?))
}

/// Where a job that is tried again is fetched from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FreshAddress {
    #[serde(default)]
    uri: RecordingUri,
    #[serde(default)]
    parts: Vec<OfferedPart>,
}

/// Makes a dead or cancelled job ready again; with `uri` or `parts` in the body, one that is not done is fetched from there
/// from now on, which is the same recording by another signature.
pub async fn retry(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<JobView>, ApiError> {
    let id = job_id(&id)?;
    if body.iter().all(u8::is_ascii_whitespace) {
        api.desk.retry(&id, &caller.actor).await?;
        return Ok(Json(api.desk.job(&id).await?));
    }
    let fresh: FreshAddress = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request("job.malformed", error.to_string()).hint("send nothing, or JSON with uri or parts")
    })?;
    // Nothing to be fetched from: as without a body.
    if fresh.uri.expose().is_empty() && fresh.parts.is_empty() {
        api.desk.retry(&id, &caller.actor).await?;
        return Ok(Json(api.desk.job(&id).await?));
    }
    let offer = Offer { uri: fresh.uri, parts: fresh.parts, ..Offer::default() };
    match api.desk.retry_from(&id, offer, &caller.actor).await {
        Ok(job) => Ok(Json(api.desk.job(&job.id).await?)),
        Err(RetryError::Journal(error)) => Err(error.into()),
        Err(error @ RetryError::Another { .. }) => {
            let refused = ApiError::new(StatusCode::CONFLICT, error.code(), error.to_string());
            Err(refused.hint(&error.hint().unwrap_or_default()))
        }
        Err(RetryError::Offer(error)) => Err(refused(&error)),
    }
}

/// Calls a job off.
pub async fn cancel(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, ApiError> {
    let id = job_id(&id)?;
    match api.desk.cancel(&id, &caller.actor).await? {
        CancelOutcome::Cancelled | CancelOutcome::Requested => Ok(Json(api.desk.job(&id).await?)),
        CancelOutcome::AlreadyFinal(state) => {
            Err(ApiError::new(StatusCode::CONFLICT, "job.final", format!("the job is {state} already")))
        }
    }
}
