-- Tables of the configuration. A database of the Python llm-proxy (providers, credentials,
-- config_version) is taken over with its rows, whatever columns and triggers it has besides.
-- Tables made here carry a comment, by which the down migration tells them from adopted ones.

DO $$
BEGIN
  IF to_regclass('providers') IS NULL THEN
    CREATE TABLE providers (
      id           serial PRIMARY KEY,
      provider_key text NOT NULL UNIQUE,
      api_base     text NOT NULL,
      api_key      text NOT NULL
    );
    COMMENT ON TABLE providers IS 'llmproxy: upstream APIs';
  END IF;
  IF to_regclass('credentials') IS NULL THEN
    CREATE TABLE credentials (
      id             serial PRIMARY KEY,
      credential_key text NOT NULL UNIQUE,
      name           text NOT NULL
    );
    COMMENT ON TABLE credentials IS 'llmproxy: keys of clients';
  END IF;
  IF to_regclass('config_version') IS NULL THEN
    CREATE TABLE config_version (
      id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1)
    );
    COMMENT ON TABLE config_version IS 'llmproxy: counts changes of the configuration';
  END IF;
END
$$;

-- An older or a foreign schema is refused before anything of it is touched.
DO $$
DECLARE
  missing text;
BEGIN
  SELECT string_agg(format('%s.%s', needed.tab, needed.col), ', ') INTO missing
  FROM (VALUES
    ('providers', 'id', 'integer bigint'),
    ('providers', 'provider_key', 'text character varying'),
    ('providers', 'api_base', 'text character varying'),
    ('providers', 'api_key', 'text character varying'),
    ('credentials', 'id', 'integer bigint'),
    ('credentials', 'credential_key', 'text character varying'),
    ('credentials', 'name', 'text character varying'),
    ('config_version', 'id', 'integer bigint')
  ) AS needed (tab, col, types)
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = to_regclass(needed.tab) AND a.attname = needed.col AND NOT a.attisdropped
      AND strpos(needed.types, split_part(format_type(a.atttypid, NULL), '(', 1)) > 0
  );
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'a table of this name exists but is not of the known form: %', missing
      USING HINT = 'bring the Python llm-proxy''s schema up to date with its own migrations first, or use a database of its own for llmproxy';
  END IF;
END
$$;

ALTER TABLE providers
  ADD COLUMN IF NOT EXISTS provider_type   text,
  ADD COLUMN IF NOT EXISTS model_mapping   jsonb,
  ADD COLUMN IF NOT EXISTS weight          integer,
  ADD COLUMN IF NOT EXISTS provider_params jsonb,
  ADD COLUMN IF NOT EXISTS is_enabled      boolean DEFAULT true,
  ADD COLUMN IF NOT EXISTS created_at      timestamptz,
  ADD COLUMN IF NOT EXISTS updated_at      timestamptz;

ALTER TABLE credentials
  ADD COLUMN IF NOT EXISTS key_preview    text,
  ADD COLUMN IF NOT EXISTS allowed_models jsonb, -- null is all
  ADD COLUMN IF NOT EXISTS rate_limit     integer, -- requests a second; 0 blocks all, null is unlimited
  ADD COLUMN IF NOT EXISTS is_enabled     boolean DEFAULT true,
  ADD COLUMN IF NOT EXISTS created_at     timestamptz,
  ADD COLUMN IF NOT EXISTS updated_at     timestamptz;

ALTER TABLE config_version
  ADD COLUMN IF NOT EXISTS version    bigint,
  ADD COLUMN IF NOT EXISTS updated_at timestamptz;

-- What was nullable may hold nulls. A null is_enabled was never served, so it means disabled.
UPDATE providers SET
  provider_type   = coalesce(provider_type, 'openai'),
  model_mapping   = coalesce(model_mapping, '{}'),
  weight          = coalesce(weight, 1),
  provider_params = coalesce(provider_params, '{}'),
  is_enabled      = coalesce(is_enabled, false),
  created_at      = coalesce(created_at, now()),
  updated_at      = coalesce(updated_at, now())
WHERE provider_type IS NULL OR model_mapping IS NULL OR weight IS NULL OR provider_params IS NULL
   OR is_enabled IS NULL OR created_at IS NULL OR updated_at IS NULL;

UPDATE credentials SET
  key_preview = coalesce(key_preview, ''),
  is_enabled  = coalesce(is_enabled, false),
  created_at  = coalesce(created_at, now()),
  updated_at  = coalesce(updated_at, now())
WHERE key_preview IS NULL OR is_enabled IS NULL OR created_at IS NULL OR updated_at IS NULL;

-- There an empty list allowed every model; here it allows none.
UPDATE credentials SET allowed_models = '["*"]' WHERE allowed_models = '[]';

UPDATE config_version SET
  version = coalesce(version, 1), updated_at = coalesce(updated_at, now())
WHERE version IS NULL OR updated_at IS NULL;

ALTER TABLE providers
  ALTER COLUMN provider_type   SET DEFAULT 'openai', ALTER COLUMN provider_type   SET NOT NULL,
  ALTER COLUMN model_mapping   SET DEFAULT '{}',     ALTER COLUMN model_mapping   SET NOT NULL,
  ALTER COLUMN weight          SET DEFAULT 1,        ALTER COLUMN weight          SET NOT NULL,
  ALTER COLUMN provider_params SET DEFAULT '{}',     ALTER COLUMN provider_params SET NOT NULL,
  ALTER COLUMN is_enabled      SET DEFAULT true,     ALTER COLUMN is_enabled      SET NOT NULL,
  ALTER COLUMN created_at      SET DEFAULT now(),    ALTER COLUMN created_at      SET NOT NULL,
  ALTER COLUMN updated_at      SET DEFAULT now(),    ALTER COLUMN updated_at      SET NOT NULL;

ALTER TABLE credentials
  ALTER COLUMN key_preview    SET DEFAULT '',        ALTER COLUMN key_preview SET NOT NULL,
  ALTER COLUMN allowed_models SET DEFAULT '["*"]',   ALTER COLUMN allowed_models DROP NOT NULL,
  ALTER COLUMN is_enabled     SET DEFAULT true,      ALTER COLUMN is_enabled  SET NOT NULL,
  ALTER COLUMN created_at     SET DEFAULT now(),     ALTER COLUMN created_at  SET NOT NULL,
  ALTER COLUMN updated_at     SET DEFAULT now(),     ALTER COLUMN updated_at  SET NOT NULL;

ALTER TABLE config_version
  ALTER COLUMN version    SET DEFAULT 1,     ALTER COLUMN version    SET NOT NULL,
  ALTER COLUMN updated_at SET DEFAULT now(), ALTER COLUMN updated_at SET NOT NULL;
INSERT INTO config_version (id) VALUES (1) ON CONFLICT DO NOTHING;

-- The notification is only a hint that the version has changed.
CREATE OR REPLACE FUNCTION llmproxy_config_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE config_version SET version = version + 1, updated_at = now();
  IF NOT FOUND THEN
    INSERT INTO config_version (id) VALUES (1) ON CONFLICT DO NOTHING;
  END IF;
  PERFORM pg_notify('llmproxy_config', '');
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER llmproxy_providers_changed
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON providers
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_changed();
CREATE OR REPLACE TRIGGER llmproxy_credentials_changed
  AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON credentials
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_changed();
