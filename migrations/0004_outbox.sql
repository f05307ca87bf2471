-- What is to be told to the outside, written in the transaction of what happened.
CREATE TABLE outbox (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    job_id          TEXT,
    payload         TEXT   NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    attempt         BIGINT NOT NULL DEFAULT 0,
    -- None once it is delivered or given up.
    next_at_ms      BIGINT,
    delivered_at_ms BIGINT,
    error           TEXT
);
CREATE INDEX outbox_due ON outbox (next_at_ms, id) WHERE next_at_ms IS NOT NULL;

CREATE TABLE alerts (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    job_id       TEXT,
    message      TEXT   NOT NULL,
    raised_at_ms BIGINT NOT NULL,
    acked_at_ms  BIGINT,
    acked_by     TEXT
);
CREATE INDEX alerts_open ON alerts (raised_at_ms) WHERE acked_at_ms IS NULL;
