//! Recordings in, results out: fetching, the job journal, reports, findings, the audit log and the outbox.
