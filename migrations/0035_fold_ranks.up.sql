-- compatible-from: 5
-- A month by key is ranked from an index alone, and sums by tag and key or model have the requests without
-- tags.
CREATE INDEX usage_folds_key ON usage_folds (grain, bucket, credential_id)
  INCLUDE (requests, cost_nano, credential_name) WHERE dimensions = 'key';
-- An index alone can answer only for pages that were vacuumed. Rows are only ever added, a day's at a time.
ALTER TABLE usage_folds SET (
  autovacuum_vacuum_insert_threshold = 50000, autovacuum_vacuum_insert_scale_factor = 0);

-- Earlier sums lack the requests without tags, and so do those that a daemon of before makes during an upgrade.
ALTER TABLE usage_rollup_state ADD COLUMN untagged_from timestamptz NOT NULL DEFAULT '-infinity';
UPDATE usage_rollup_state SET untagged_from = date_trunc('day', now(), 'UTC') + interval '48 hours'
WHERE EXISTS (SELECT FROM usage_folded);
