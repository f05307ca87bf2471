-- Accounts that were ever stopped, and why; one that is not here is open.
CREATE TABLE accounts (
    name          TEXT   NOT NULL PRIMARY KEY,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'cooling', 'paused')),
    -- NULL: paused until a person resumes it.
    until_ms      BIGINT,
    code          TEXT   NOT NULL,
    message       TEXT   NOT NULL,
    changed_at_ms BIGINT NOT NULL,
    changed_by    TEXT   NOT NULL
);

-- What was sent and what it cost. A request is booked before it is sent and settled when it is answered.
CREATE TABLE usage (
    -- YYYY-MM-DD
    day             TEXT   NOT NULL,
    tenant          TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    -- '' for requests without a job.
    job_id          TEXT   NOT NULL,
    requests        BIGINT NOT NULL DEFAULT 0,
    answered        BIGINT NOT NULL DEFAULT 0,
    audio_ms        BIGINT NOT NULL DEFAULT 0,
    billed_ms       BIGINT NOT NULL DEFAULT 0,
    price_micro_cny BIGINT NOT NULL DEFAULT 0,
    -- Of the answered requests together.
    latency_ms      BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (day, tenant, account, job_id)
);

-- What a tenant has spent on a day: the sum of its usage in one row, so that a budget is one look.
CREATE TABLE spending (
    day             TEXT   NOT NULL,
    tenant          TEXT   NOT NULL,
    price_micro_cny BIGINT NOT NULL DEFAULT 0,
    alerted         BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (day, tenant)
);
