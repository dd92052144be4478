-- Which key the providers' keys are encrypted under. The key itself is never in the database.
CREATE TABLE secret_key (
  id     integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  key_id text NOT NULL,
  since  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE secret_key IS 'llmproxy: id of the key that secrets are encrypted under';

-- An encrypted key is longer than what an adopted column may hold.
DO $$
BEGIN
  IF EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = 'providers'::regclass AND attname = 'api_key' AND atttypid <> 'text'::regtype
  ) THEN
    ALTER TABLE providers ALTER COLUMN api_key TYPE text;
  END IF;
END
$$;

ALTER TABLE credentials
  ADD COLUMN expires_at          timestamptz, -- null: never
  ADD COLUMN tags                jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN previous_key        text, -- SHA-256 of the key before a rotation
  ADD COLUMN previous_expires_at timestamptz,
  ADD CHECK ((previous_key IS NULL) = (previous_expires_at IS NULL));

-- Apart from the key itself, since its changes are changes of the configuration.
CREATE TABLE credential_usage (
  credential_id bigint PRIMARY KEY,
  last_used_at  timestamptz NOT NULL
);
COMMENT ON TABLE credential_usage IS 'llmproxy: when keys were last used, to the minute';
