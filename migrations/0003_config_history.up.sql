-- Every change of providers and credentials, whoever makes it: as versions that can be gone back to
-- (config_history, config_changes: rows as they are, secrets as they are stored), and for people
-- (audit_log: only what changed, secrets hidden). A version is not a copy of everything: it is what
-- is there now with the later changes undone, newest first.

CREATE TABLE config_history (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version bigint NOT NULL, -- config_version after it; one transaction may have raised it many times
  at      timestamptz NOT NULL DEFAULT now(),
  xact    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  actor   text NOT NULL, -- cli:USER@HOST, admin:NAME of an admin key, sql:ROLE
  source  text NOT NULL, -- cli, admin, apply, rollback, sql, migrate; secrets makes no version
  message text,
  -- With the time, since transactions of a restored database are counted anew.
  UNIQUE (xact, at)
);
CREATE INDEX config_history_version ON config_history (version);
COMMENT ON TABLE config_history IS 'llmproxy: versions of the configuration';

CREATE TABLE config_changes (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  history_id bigint NOT NULL REFERENCES config_history ON DELETE CASCADE,
  tab        text NOT NULL CHECK (tab IN ('providers', 'credentials')),
  row_id     bigint NOT NULL,
  before     jsonb, -- the row; null: it was not there
  after      jsonb -- likewise
);
CREATE INDEX config_changes_history_id ON config_changes (history_id);
COMMENT ON TABLE config_changes IS 'llmproxy: rows before and after each version';

CREATE TABLE audit_log (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT now(),
  actor   text NOT NULL,
  source  text NOT NULL,
  action  text NOT NULL, -- create, update, delete
  kind    text NOT NULL, -- provider, key
  object  text NOT NULL, -- its name
  row_id  bigint NOT NULL,
  version bigint NOT NULL,
  message text,
  before  jsonb, -- fields that changed, secrets hidden
  after   jsonb
);
CREATE INDEX audit_log_at ON audit_log (at);
COMMENT ON TABLE audit_log IS 'llmproxy: who changed what';

-- Columns that are no configuration.
CREATE FUNCTION llmproxy_bookkeeping() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY['created_at', 'updated_at', 'last_used_at']
$$;

-- The fields of a row that differ from another's.
CREATE FUNCTION llmproxy_fields_changed(this jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT AS $$
  SELECT jsonb_object_agg(key, value) FROM jsonb_each(this)
  WHERE key <> ALL (llmproxy_bookkeeping()) AND value IS DISTINCT FROM coalesce(other, '{}') -> key
$$;

-- A row, or a part of one, with its secrets hidden: API keys but for references, the values of
-- extra headers, and hashes but for their beginning.
CREATE FUNCTION llmproxy_fields_masked(fields jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_object_agg(key, CASE
    WHEN key = 'api_key' THEN
      CASE WHEN value #>> '{}' ~ '^(env|file):' THEN value ELSE '"…"' END
    WHEN key = 'provider_params' AND jsonb_typeof(value -> 'headers') = 'object' THEN
      jsonb_set(value, '{headers}', (
        SELECT coalesce(jsonb_object_agg(header, '…'), '{}')
        FROM jsonb_object_keys(value -> 'headers') header))
    WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^[0-9a-f]{64}$' THEN
      to_jsonb(left(value #>> '{}', 8) || '…')
    ELSE value END)
  FROM jsonb_each(fields)
$$;

-- Whoever may change a provider need not be able to write, or to rewrite, its history.
CREATE FUNCTION llmproxy_config_recorded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  entry bigint;
  who   text := coalesce(nullif(current_setting('llmproxy.actor', true), ''), 'sql:' || session_user);
  how   text := coalesce(nullif(current_setting('llmproxy.source', true), ''), 'sql');
  why   text := nullif(current_setting('llmproxy.message', true), '');
  last  bigint := coalesce((SELECT max(id) FROM config_changes), 0);
  -- Encrypting the same secret anew changes nothing.
  same  text[] := llmproxy_bookkeeping()
    || CASE WHEN how = 'secrets' THEN ARRAY['api_key'] ELSE ARRAY[]::text[] END;
  -- Before TRUNCATE, which raises the version by one, since after it the rows are gone.
  now_version bigint := (SELECT version FROM config_version WHERE id = 1)
    + CASE WHEN TG_OP = 'TRUNCATE' THEN 1 ELSE 0 END;
BEGIN
  INSERT INTO config_history (version, actor, source, message)
  VALUES (coalesce(now_version, 1), who, how, why)
  ON CONFLICT (xact, at) DO UPDATE SET version = EXCLUDED.version
  RETURNING id INTO entry;

  IF TG_OP = 'INSERT' THEN
    INSERT INTO config_changes (history_id, tab, row_id, after)
    SELECT entry, TG_TABLE_NAME, n.id, to_jsonb(n) FROM new_rows n ORDER BY n.id;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO config_changes (history_id, tab, row_id, before)
    SELECT entry, TG_TABLE_NAME, o.id, to_jsonb(o) FROM old_rows o ORDER BY o.id;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO config_changes (history_id, tab, row_id, before, after)
    SELECT entry, TG_TABLE_NAME, id, before, after FROM (
      SELECT id, to_jsonb(o) AS before, to_jsonb(n) AS after
      FROM old_rows o FULL JOIN new_rows n USING (id)
    ) AS pair
    WHERE before - same IS DISTINCT FROM after - same
    ORDER BY id;
  ELSE
    EXECUTE format(
      'INSERT INTO config_changes (history_id, tab, row_id, before)
       SELECT $1, $2, o.id, to_jsonb(o) FROM %I.%I o ORDER BY o.id',
      TG_TABLE_SCHEMA, TG_TABLE_NAME
    ) USING entry, TG_TABLE_NAME;
  END IF;

  -- A statement that changed nothing is no version.
  IF NOT EXISTS (SELECT FROM config_changes WHERE history_id = entry) THEN
    DELETE FROM config_history WHERE id = entry;
    RETURN NULL;
  END IF;

  INSERT INTO audit_log
    (actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT who, how,
    CASE WHEN before IS NULL THEN 'create' WHEN after IS NULL THEN 'delete' ELSE 'update' END,
    CASE tab WHEN 'providers' THEN 'provider' ELSE 'key' END,
    coalesce(after, before) ->> CASE tab WHEN 'providers' THEN 'provider_key' ELSE 'name' END,
    row_id, now_version, why,
    llmproxy_fields_masked(llmproxy_fields_changed(before, after)),
    llmproxy_fields_masked(llmproxy_fields_changed(after, before))
  FROM config_changes
  WHERE history_id = entry AND id > last
  ORDER BY id;

  -- 1,000 versions are kept, of them no more than a million rows, and a million rows of the log.
  DELETE FROM config_history WHERE id <= entry - 1000;
  DELETE FROM config_history WHERE id < (
    SELECT history_id FROM config_changes
    WHERE id <= (SELECT max(id) FROM config_changes) - 1000000 ORDER BY id DESC LIMIT 1);
  DELETE FROM audit_log WHERE id <= (SELECT max(id) FROM audit_log) - 1000000;
  RETURN NULL;
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION llmproxy_config_recorded() SET search_path = %s, pg_temp',
    current_setting('search_path'));
END
$$;

-- Triggers fire by name: after those that raise the version, also those of an adopted database.
DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['providers', 'credentials'] LOOP
    EXECUTE format(
      'CREATE TRIGGER zz_llmproxy_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
         FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', tab);
    EXECUTE format(
      'CREATE TRIGGER zz_llmproxy_updated AFTER UPDATE ON %I
         REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
         FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', tab);
    EXECUTE format(
      'CREATE TRIGGER zz_llmproxy_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
         FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', tab);
    EXECUTE format(
      'CREATE TRIGGER zz_llmproxy_truncated BEFORE TRUNCATE ON %I
         FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', tab);
  END LOOP;
END
$$;

INSERT INTO config_history (version, actor, source, message)
SELECT version, 'llmproxy', 'migrate', 'before there was a history' FROM config_version;

-- Changes rows of one table in one go: `gone` are ids, `changed` and `added` are rows as objects.
-- Columns that an object lacks keep their value, or get their default.
CREATE FUNCTION llmproxy_change_rows(tab regclass, gone bigint[], changed jsonb, added jsonb)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  cols text;
  keys text[];
BEGIN
  IF cardinality(gone) > 0 THEN
    EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', tab) USING gone;
  END IF;
  IF jsonb_array_length(changed) > 0 THEN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO cols FROM pg_attribute
    WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND attname <> ALL (ARRAY['id', 'created_at', 'updated_at', 'last_used_at']);
    EXECUTE format(
      'UPDATE %1$s t SET (%2$s, updated_at) = (
         SELECT %2$s, now() FROM jsonb_populate_record(t, change.fields))
       FROM jsonb_array_elements($1) AS change (fields)
       WHERE t.id = (change.fields ->> ''id'')::bigint', tab, cols) USING changed;
  END IF;
  FOR keys IN
    SELECT DISTINCT ARRAY(SELECT jsonb_object_keys(fields) ORDER BY 1)
    FROM jsonb_array_elements(added) AS row (fields)
  LOOP
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO cols FROM pg_attribute
    WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND attname = ANY (keys);
    EXECUTE format(
      'INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, (
         SELECT jsonb_agg(fields ORDER BY n) FROM jsonb_array_elements($1) WITH ORDINALITY AS row (fields, n)
         WHERE ARRAY(SELECT jsonb_object_keys(fields) ORDER BY 1) = $2))', tab, cols)
    USING added, keys;
  END LOOP;
END
$$;

-- Applies a plan that was made on version `base`, and refuses with LP002 when that is no longer the
-- version. `changes` is {providers: {gone, changed, added}, credentials: …}. Returns the version.
CREATE FUNCTION llmproxy_apply_changes(base bigint, changes jsonb, who text, how text, why text)
RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  tab text;
BEGIN
  -- Whoever is writing finishes first; who reads is not disturbed.
  LOCK TABLE providers, credentials IN SHARE ROW EXCLUSIVE MODE;
  IF base IS DISTINCT FROM (SELECT version FROM config_version WHERE id = 1) THEN
    RAISE EXCEPTION 'the configuration has changed since version %', base USING ERRCODE = 'LP002';
  END IF;
  PERFORM set_config('llmproxy.actor', who, true), set_config('llmproxy.source', how, true),
    set_config('llmproxy.message', coalesce(why, ''), true);
  FOREACH tab IN ARRAY ARRAY['providers', 'credentials'] LOOP
    PERFORM llmproxy_change_rows(
      tab::regclass,
      ARRAY(SELECT id::bigint FROM jsonb_array_elements_text(changes -> tab -> 'gone') AS gone (id)),
      changes -> tab -> 'changed',
      changes -> tab -> 'added');
  END LOOP;
  RETURN (SELECT version FROM config_version WHERE id = 1);
END
$$;
