-- The program's version that a worker runs. NULL for workers of older releases.
ALTER TABLE workers ADD COLUMN version TEXT;
