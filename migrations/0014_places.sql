-- Stores, buckets and hosts that do not answer. A row is there for as long as its place is away.
CREATE TABLE places (
    -- The place as people know it: an endpoint with its bucket, or a host; never a secret.
    name        TEXT   NOT NULL PRIMARY KEY,
    code        TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    hint        TEXT,
    since_ms    BIGINT NOT NULL,
    -- Not asked before; then one asks for all.
    until_ms    BIGINT NOT NULL,
    -- How often it was asked in vain since.
    tries       BIGINT NOT NULL DEFAULT 0
);
-- The place that a job waits for; it is due as soon as that is back.
ALTER TABLE jobs ADD COLUMN waits_for TEXT;
CREATE INDEX jobs_waits_for ON jobs (waits_for) WHERE waits_for IS NOT NULL;
