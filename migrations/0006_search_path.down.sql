-- The functions find their tables in the same schemas as before.
SELECT 1;
