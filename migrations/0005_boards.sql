-- Permits of each account and model, as all processes share them: one document a pool.
CREATE TABLE permit_boards (
    pool    TEXT   NOT NULL PRIMARY KEY,
    -- Rises with each change.
    version BIGINT NOT NULL,
    board   TEXT   NOT NULL
);
