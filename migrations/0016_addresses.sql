-- Where the recording is fetched, where that was offered anew since: the same recording by a fresh signature. NULL: as
-- it was offered first.
ALTER TABLE jobs ADD COLUMN address TEXT;
