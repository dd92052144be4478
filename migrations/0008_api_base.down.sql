-- What was written otherwise meant the same.
SELECT 1;
