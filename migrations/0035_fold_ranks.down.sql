DROP INDEX usage_folds_key;
ALTER TABLE usage_folds RESET (autovacuum_vacuum_insert_threshold, autovacuum_vacuum_insert_scale_factor);
-- Older versions take all sums by tag for those of requests with that tag.
DELETE FROM usage_folds WHERE dimensions IN ('tag_key', 'tag_model') AND tag IS NULL;
ALTER TABLE usage_rollup_state DROP COLUMN untagged_from;
