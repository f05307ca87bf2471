-- A chain of entries per tenant, each sealing the one before it.
CREATE TABLE audit_entries (
    seq             BIGINT NOT NULL,
    time_ms         BIGINT NOT NULL,
    actor           TEXT   NOT NULL,
    tenant          TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    job_id          TEXT,
    -- Payload and salt are the only columns an erasure empties.
    payload         TEXT,
    salt            TEXT,
    payload_hash    TEXT   NOT NULL,
    rule_set_sha256 TEXT,
    engine          TEXT,
    audio_sha256    TEXT,
    prev_hash       TEXT   NOT NULL,
    hash            TEXT   NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_entries_by_job ON audit_entries (job_id);

-- The end of each chain; its row is what concurrent writers wait for.
CREATE TABLE audit_heads (
    tenant TEXT   NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL,
    hash   TEXT   NOT NULL
);
