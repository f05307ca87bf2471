-- Which processes refuse which rules, and until when that counts unless they say so again: a process that dies says no
-- more. A refusal lasts as long as somebody refuses.
CREATE TABLE rule_refusers (
    process        TEXT   NOT NULL PRIMARY KEY,
    content_sha256 TEXT   NOT NULL,
    until_ms       BIGINT NOT NULL
);

-- Nobody knows any more who refused these: the next process that has good rules, or other bad ones, closes them.
INSERT INTO rule_refusers (process, content_sha256, until_ms)
SELECT 'before ' || content_sha256, content_sha256, 0 FROM rule_refusals WHERE cleared_at_ms IS NULL;
