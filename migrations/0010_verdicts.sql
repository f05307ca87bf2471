-- Which rule set's findings a job has now, where it was judged again; the report keeps those it was written with.
ALTER TABLE results ADD COLUMN replay_id TEXT;
ALTER TABLE results ADD COLUMN judged_by_sha256 TEXT;
ALTER TABLE results ADD COLUMN judged_by_name TEXT;
-- The order in which replays read.
CREATE INDEX results_in_order ON results (finished_at_ms, job_id);

-- Two rule sets compared over stored transcripts.
CREATE TABLE rule_replays (
    id            TEXT   NOT NULL PRIMARY KEY,
    from_name     TEXT   NOT NULL,
    from_sha256   TEXT   NOT NULL,
    to_name       TEXT   NOT NULL,
    to_sha256     TEXT   NOT NULL,
    -- Which jobs, as JSON.
    filter        TEXT   NOT NULL,
    actor         TEXT   NOT NULL,
    -- Whether what it finds takes the place of what was found before.
    is_applied    BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    -- None while it is under way, or when it was cut short.
    ended_at_ms   BIGINT,
    -- Its last line, as JSON: counts, and a table by rule.
    summary       TEXT
);
CREATE INDEX rule_replays_by_time ON rule_replays (started_at_ms);

-- What a replay found different: a job a row, in order. Holds words, so it goes with the job.
CREATE TABLE rule_replay_jobs (
    replay_id  TEXT   NOT NULL REFERENCES rule_replays (id),
    number     BIGINT NOT NULL,
    job_id     TEXT   NOT NULL,
    difference TEXT   NOT NULL,
    PRIMARY KEY (replay_id, number)
);
CREATE INDEX rule_replay_jobs_by_job ON rule_replay_jobs (job_id);

-- Findings that others took the place of.
CREATE TABLE superseded_findings (
    job_id           TEXT   NOT NULL REFERENCES jobs (id),
    replay_id        TEXT   NOT NULL,
    finding_id       TEXT   NOT NULL,
    superseded_at_ms BIGINT NOT NULL,
    finding          TEXT   NOT NULL,
    PRIMARY KEY (job_id, replay_id, finding_id)
);

-- What reviewers said of findings, every time. The latest of a finding that is there counts.
CREATE TABLE finding_verdicts (
    job_id        TEXT   NOT NULL REFERENCES jobs (id),
    -- In the order in which they were given, from 1.
    number        BIGINT NOT NULL,
    finding_id    TEXT   NOT NULL,
    rule_id       TEXT   NOT NULL,
    verdict       TEXT   NOT NULL CHECK (verdict IN ('confirmed', 'rejected')),
    given_by      TEXT   NOT NULL,
    note          TEXT,
    given_at_ms   BIGINT NOT NULL,
    is_current    BIGINT NOT NULL,
    -- The replay that found the finding again, and carried the verdict over to it.
    carried_by    TEXT,
    PRIMARY KEY (job_id, number)
);
CREATE UNIQUE INDEX finding_verdicts_current ON finding_verdicts (job_id, finding_id) WHERE is_current = 1;
