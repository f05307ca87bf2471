-- One report per finished job.
CREATE TABLE results (
    job_id         TEXT   NOT NULL PRIMARY KEY REFERENCES jobs (id),
    tenant         TEXT   NOT NULL,
    finished_at_ms BIGINT NOT NULL,
    report         TEXT   NOT NULL
);
CREATE INDEX results_by_time ON results (tenant, finished_at_ms);

CREATE TABLE artifacts (
    job_id     TEXT   NOT NULL REFERENCES jobs (id),
    name       TEXT   NOT NULL,
    sha256     TEXT   NOT NULL,
    uri        TEXT   NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (job_id, name)
);

-- The report's findings again, one row each, for queries over many jobs.
CREATE TABLE findings (
    job_id         TEXT   NOT NULL REFERENCES jobs (id),
    finding_id     TEXT   NOT NULL,
    tenant         TEXT   NOT NULL,
    rule_id        TEXT   NOT NULL,
    category       TEXT   NOT NULL,
    severity       TEXT   NOT NULL,
    -- 0 low, 1 medium, 2 high, 3 critical.
    severity_rank  BIGINT NOT NULL,
    kind           TEXT   NOT NULL,
    speaker        TEXT,
    start_ms       BIGINT NOT NULL,
    end_ms         BIGINT NOT NULL,
    finished_at_ms BIGINT NOT NULL,
    -- The whole finding as JSON.
    finding        TEXT   NOT NULL,
    PRIMARY KEY (job_id, finding_id)
);
CREATE INDEX findings_by_time ON findings (tenant, finished_at_ms);
CREATE INDEX findings_by_rule ON findings (rule_id, finished_at_ms);

-- The rules that were in force: evidence, never changed.
CREATE TABLE rule_sets (
    sha256        TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    -- File names and their text as JSON.
    sources       TEXT   NOT NULL,
    first_seen_ms BIGINT NOT NULL
);
