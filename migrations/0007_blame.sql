-- Whether its holder is at something that another's recording cannot be blamed for: waiting for a recogniser elsewhere,
-- for its turn to compute. A death then does not count against the job.
ALTER TABLE jobs ADD COLUMN is_blameless BIGINT NOT NULL DEFAULT 0;
