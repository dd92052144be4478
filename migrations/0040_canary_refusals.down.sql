ALTER TABLE canary_counts DROP COLUMN refused;
