-- compatible-from: 5
-- Whether a key's requests may lose something where they are translated; null: as each provider says.
ALTER TABLE credentials ADD COLUMN losses text CHECK (losses IN ('strict', 'warn', 'allow'));

-- The API that a request was translated to, and the fields that were lost, as in x-llmproxy-lost.
-- Nullable columns without defaults: nothing is rewritten.
ALTER TABLE request_logs
  ADD COLUMN translated_to text,
  ADD COLUMN losses        text;

-- Going back to a version from before this removes the policy.
UPDATE config_changes SET
  before = before || '{"losses": null}', after = after || '{"losses": null}'
WHERE tab = 'credentials';
