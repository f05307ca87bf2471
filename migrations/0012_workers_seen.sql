-- When a worker last said that it lives, on the clock that all processes share: on a server nothing else tells of its
-- death. NULL for workers of older releases.
ALTER TABLE workers ADD COLUMN seen_at_ms BIGINT;
