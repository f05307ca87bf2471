-- Which rule set was put in force by a person, and by whom; the last row counts. Without any, and where its sha256 is
-- NULL, every process goes by its configured path.
CREATE TABLE rule_activations (
    seq          BIGINT NOT NULL PRIMARY KEY,
    -- NULL: the configured path.
    sha256       TEXT REFERENCES rule_sets (sha256),
    -- What was in force before, as far as it was known.
    previous     TEXT,
    -- The activation that is in force from this row on: itself, or after a rollback an earlier one; 0 is the state before
    -- the first.
    effective    BIGINT NOT NULL,
    -- Where a rollback of this one goes; NULL in the row of a rollback.
    before_seq   BIGINT,
    at_ms        BIGINT NOT NULL,
    activated_by TEXT   NOT NULL,
    note         TEXT
);

-- The set that a process of this database went over to last (one row, 'all'): a swap is put on record once, not once a
-- process.
CREATE TABLE rules_in_force (
    place    TEXT   NOT NULL PRIMARY KEY,
    sha256   TEXT   NOT NULL,
    since_ms BIGINT NOT NULL
);

-- Rules that were refused while others were in force, by the hash of what was refused, with their alert.
CREATE TABLE rule_refusals (
    content_sha256 TEXT   NOT NULL PRIMARY KEY,
    alert_id       TEXT   NOT NULL,
    refused_at_ms  BIGINT NOT NULL,
    -- When good rules were there again.
    cleared_at_ms  BIGINT
);

-- What was told of a job before its end: once per rule and clip, and confirmed or withdrawn once by the whole.
CREATE TABLE told_early (
    job_id        TEXT   NOT NULL REFERENCES jobs (id),
    channel       BIGINT NOT NULL,
    clip_start_ms BIGINT NOT NULL,
    rule_id       TEXT   NOT NULL,
    clip_end_ms   BIGINT NOT NULL,
    start_ms      BIGINT NOT NULL,
    end_ms        BIGINT NOT NULL,
    -- The alert that was raised with it.
    alert_id      TEXT,
    told_at_ms    BIGINT NOT NULL,
    settled_at_ms BIGINT,
    -- 0 or 1 once it is settled.
    is_confirmed  BIGINT,
    PRIMARY KEY (job_id, channel, clip_start_ms, rule_id)
);

-- Why an alert was closed, where nobody acknowledged it.
ALTER TABLE alerts ADD COLUMN cause TEXT;

-- A result is held back from those who ask for it until somebody releases it.
ALTER TABLE results ADD COLUMN held_since_ms BIGINT;
ALTER TABLE results ADD COLUMN released_at_ms BIGINT;
ALTER TABLE results ADD COLUMN released_by TEXT;
ALTER TABLE results ADD COLUMN release_note TEXT;

-- Found by a rule on trial: not among the findings unless they are asked for.
ALTER TABLE findings ADD COLUMN is_shadow BIGINT NOT NULL DEFAULT 0;
