-- What an alert is about, where the same may happen many times: one that is open counts the rest instead of new ones.
ALTER TABLE alerts ADD COLUMN subject TEXT;
-- How often it happened, and when last; NULL: once.
ALTER TABLE alerts ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
ALTER TABLE alerts ADD COLUMN last_at_ms BIGINT;
CREATE UNIQUE INDEX alerts_open_about ON alerts (tenant, kind, subject) WHERE acked_at_ms IS NULL AND subject IS NOT NULL;
