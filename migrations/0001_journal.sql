-- One set for SQLite and PostgreSQL: TEXT and BIGINT only, instants in milliseconds since the epoch, truth values 0 and 1.

-- Every job ever accepted and where it stands.
CREATE TABLE jobs (
    id               TEXT   NOT NULL PRIMARY KEY,
    tenant           TEXT   NOT NULL,
    lane             TEXT   NOT NULL,
    key              TEXT,
    uri              TEXT   NOT NULL,
    location         TEXT   NOT NULL,
    metadata         TEXT   NOT NULL,
    options          TEXT   NOT NULL,
    state            TEXT   NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead', 'cancelled')),
    attempt          BIGINT NOT NULL DEFAULT 0,
    deaths           BIGINT NOT NULL DEFAULT 0,
    run_at_ms        BIGINT NOT NULL,
    accepted_at_ms   BIGINT NOT NULL,
    finished_at_ms   BIGINT,
    -- Kept when the job becomes final, so that its last holder may repeat its last write.
    lease_owner      TEXT,
    lease_epoch      BIGINT NOT NULL DEFAULT 0,
    lease_until_ms   BIGINT,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    clips_total      BIGINT,
    clips_done       BIGINT NOT NULL DEFAULT 0,
    requests         BIGINT NOT NULL DEFAULT 0,
    billed_ms        BIGINT NOT NULL DEFAULT 0,
    error_code       TEXT,
    error_message    TEXT,
    error_hint       TEXT,
    CHECK ((state = 'leased') = (lease_until_ms IS NOT NULL)),
    CHECK ((state IN ('done', 'dead', 'cancelled')) = (finished_at_ms IS NOT NULL))
);
-- Jobs without a key are all different: NULLs do not collide.
CREATE UNIQUE INDEX jobs_by_key ON jobs (tenant, key);
-- Whose job is next; the one index that has to be small.
CREATE INDEX jobs_ready ON jobs (lane, tenant, run_at_ms, id) WHERE state = 'ready';
CREATE INDEX jobs_next ON jobs (state, run_at_ms);
-- Pages of lists, newest first.
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_tenant ON jobs (tenant, id);
-- Counts, without a look at the rows.
CREATE INDEX jobs_counted ON jobs (state, lane, accepted_at_ms);

-- Whose turn it is in each lane: the tenant with the smallest number.
CREATE TABLE turns (
    lane   TEXT   NOT NULL,
    tenant TEXT   NOT NULL,
    served BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (lane, tenant)
);
CREATE INDEX turns_in_order ON turns (lane, served, tenant);

-- Checkpoints: what a recogniser answered for each clip of a job under way.
CREATE TABLE clips (
    job_id      TEXT   NOT NULL REFERENCES jobs (id),
    channel     BIGINT NOT NULL,
    clip_index  BIGINT NOT NULL,
    -- Of engine, model, language, prompt settings and audio: another one makes the text useless.
    fingerprint TEXT   NOT NULL,
    regions     TEXT   NOT NULL,
    text        TEXT   NOT NULL,
    saved_at_ms BIGINT NOT NULL,
    PRIMARY KEY (job_id, channel, clip_index)
);

-- Worker processes, one row per start.
CREATE TABLE workers (
    id            TEXT   NOT NULL PRIMARY KEY,
    host          TEXT   NOT NULL,
    pid           BIGINT NOT NULL,
    slots         BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    stopped_at_ms BIGINT
);
