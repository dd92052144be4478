-- compatible-from: 5
-- By what requests are searched. A block range of 32 pages says which values it does not have, so a search
-- for a few rows of a month reads few pages; it costs 1 % of what a row takes, and next to nothing to insert.
-- Partitions that exist get theirs from the daemon, which also summarizes new ranges.
DO $$
BEGIN
  EXECUTE 'CREATE INDEX request_logs_search ON '
    || CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'request_logs'::regclass)
         THEN 'ONLY ' ELSE '' END
    || 'request_logs USING brin (
      credential_id int8_bloom_ops, credential_name text_bloom_ops, end_user text_bloom_ops,
      team text_bloom_ops (n_distinct_per_range = 200),
      model text_bloom_ops (n_distinct_per_range = 200),
      provider text_bloom_ops (n_distinct_per_range = 200),
      status int4_bloom_ops (n_distinct_per_range = 16),
      error text_bloom_ops (n_distinct_per_range = 16)) WITH (pages_per_range = 32)';
END
$$;

-- A search by name looks up the key's id.
CREATE INDEX credentials_name ON credentials (name);
