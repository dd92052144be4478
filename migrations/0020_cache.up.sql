-- compatible-from: 11
-- Which answers are cached, what is to be forgotten of them, and what that saved.

ALTER TABLE credentials ADD COLUMN cache jsonb; -- null: as its team says
ALTER TABLE teams ADD COLUMN cache jsonb; -- null: none

-- Going back to a version from before this keeps no answers.
UPDATE config_changes SET
  before = before || '{"cache": null}', after = after || '{"cache": null}'
WHERE tab IN ('credentials', 'teams');

-- Part of what every daemon reads, but not of the configuration: a purge cannot be undone.
CREATE TABLE cache_purges (
  id         serial PRIMARY KEY,
  applies_to jsonb NOT NULL DEFAULT '{}', -- whose answers; empty is all
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cache_purges IS 'llmproxy: cached answers that were to be forgotten';
CREATE TRIGGER llmproxy_cache_purges_changed AFTER INSERT ON cache_purges
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_changed();

-- Nullable columns without defaults: nothing is rewritten.
ALTER TABLE request_logs
  ADD COLUMN cache        text,   -- hit, miss or bypass; null: no answers are cached for its key
  ADD COLUMN saved_nano   bigint, -- nano-dollars that a hit would have cost
  ADD COLUMN saved_tokens bigint;
