-- Dead letters of a tenant by their cause: whether one is left, and all of them tried again.
CREATE INDEX jobs_dead_by_cause ON jobs (tenant, error_code, id) WHERE state = 'dead';
