-- More urgent within its lane and tenant the higher it is.
ALTER TABLE jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
-- What the store called these bytes when the job was accepted: entity tag, version id, or a file's size and time.
ALTER TABLE jobs ADD COLUMN version TEXT;
-- A hash of recording, version and rule set for jobs without a key: the same offered again is the same job. NULL for a
-- job with a key, and for one that is to be processed whatever there is.
ALTER TABLE jobs ADD COLUMN identity TEXT;
CREATE UNIQUE INDEX jobs_by_identity ON jobs (tenant, identity);
-- Until when a ready job is taken to be in its lane's stream; NULL when it is not there. Only a server's queue uses it.
ALTER TABLE jobs ADD COLUMN queued_until_ms BIGINT;
CREATE INDEX jobs_queued ON jobs (lane, queued_until_ms) WHERE state = 'ready' AND queued_until_ms IS NOT NULL;

DROP INDEX jobs_ready;
-- Whose job is next; the one index that has to be small.
CREATE INDEX jobs_ready ON jobs (lane, tenant, priority DESC, run_at_ms, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until_ms) WHERE state = 'leased';
CREATE INDEX jobs_leased_by_tenant ON jobs (tenant) WHERE state = 'leased';

-- Lanes and tenants of which nothing is taken; '' stands for all of them.
CREATE TABLE pauses (
    lane         TEXT   NOT NULL,
    tenant       TEXT   NOT NULL,
    paused_at_ms BIGINT NOT NULL,
    paused_by    TEXT   NOT NULL,
    PRIMARY KEY (lane, tenant)
);

-- Entries of the intake stream and the jobs they became: outcomes name them.
CREATE TABLE intakes (
    intake_id    TEXT   NOT NULL PRIMARY KEY,
    job_id       TEXT   NOT NULL REFERENCES jobs (id),
    accepted_at_ms BIGINT NOT NULL
);
CREATE INDEX intakes_by_job ON intakes (job_id);
-- When a job's end was told on the stream of outcomes; NULL while it is not, or where there is no such stream.
ALTER TABLE outbox ADD COLUMN announced_at_ms BIGINT;
CREATE INDEX outbox_unannounced ON outbox (created_at_ms, id) WHERE announced_at_ms IS NULL AND job_id IS NOT NULL;
CREATE INDEX outbox_delivered ON outbox (created_at_ms) WHERE next_at_ms IS NULL;

-- The same audio of the same tenant is not paid for twice.
CREATE INDEX clips_by_fingerprint ON clips (fingerprint);
-- The job whose clip's text was taken instead of asking; NULL for what a recogniser was asked.
ALTER TABLE clips ADD COLUMN reused_from TEXT;

-- What has had its time.
CREATE INDEX jobs_finished ON jobs (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
CREATE INDEX clips_by_age ON clips (saved_at_ms);

-- Asked for by key alone, too.
DROP INDEX jobs_by_key;
CREATE UNIQUE INDEX jobs_by_key ON jobs (key, tenant);
-- The latest of all tenants.
CREATE INDEX findings_latest ON findings (finished_at_ms);
CREATE INDEX alerts_latest ON alerts (raised_at_ms);
