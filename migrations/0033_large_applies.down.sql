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

CREATE OR REPLACE FUNCTION llmproxy_change_rows(tab regclass, gone bigint[], changed jsonb, added jsonb)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  cols text;
  new_cols text;
  keys text[];
BEGIN
  IF cardinality(gone) > 0 THEN
    EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', tab) USING gone;
  END IF;
  IF jsonb_array_length(changed) > 0 THEN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg('new.' || quote_ident(attname), ', ' ORDER BY attnum)
    INTO cols, new_cols FROM pg_attribute
    WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND attname <> ALL (ARRAY['id', 'created_at', 'updated_at', 'last_used_at']);
    EXECUTE format(
      'UPDATE %1$s t SET (%2$s, updated_at) = (%3$s, now())
       FROM (
         SELECT fresh.* FROM jsonb_array_elements($1) AS change (fields)
         JOIN %1$s old ON old.id = (change.fields ->> ''id'')::bigint,
         LATERAL jsonb_populate_record(old, change.fields) AS fresh
       ) AS new
       WHERE t.id = new.id', tab, cols, new_cols) USING changed;
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
         SELECT json_agg(fields ORDER BY n)::jsonb FROM jsonb_array_elements($1) WITH ORDINALITY AS row (fields, n)
         WHERE ARRAY(SELECT jsonb_object_keys(fields) ORDER BY 1) = $2))', tab, cols)
    USING added, keys;
  END LOOP;
END
$$;

DO $do$
DECLARE
  def  text := pg_get_functiondef('llmproxy_config_recorded()'::regprocedure);
  rows constant text := substring(def FROM '  IF TG_OP = ''UPDATE'' THEN\s+EXECUTE llmproxy_changed_columns.*?(?=  -- A statement that changed nothing)');
  kept constant text := '  -- 1,000 versions are kept';
BEGIN
  def := replace(def, E'  changed   text[];\n  recording text;\n',
    E'  last  bigint := coalesce((SELECT max(id) FROM config_changes), 0);\n');
  def := replace(def, rows, $body$  IF TG_OP = 'INSERT' THEN
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

$body$);
  EXECUTE replace(def, kept, $body$  INSERT INTO audit_log
    (daemon, actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT nullif(current_setting('llmproxy.daemon', true), ''), who, how,
    CASE WHEN before IS NULL THEN 'create' WHEN after IS NULL THEN 'delete' ELSE 'update' END,
    (SELECT llmproxy_config_kind(TG_TABLE_NAME)),
    coalesce(after, before) ->> (SELECT name_field FROM config_tables c WHERE c.tab = TG_TABLE_NAME),
    row_id, now_version, why,
    (SELECT json_object_agg(key, CASE
      WHEN key = 'api_key' THEN
        CASE WHEN value #>> '{}' ~ '^(env|file):' THEN value ELSE '"…"' END
      WHEN key = 'provider_params' THEN llmproxy_params_masked(value)
      WHEN jsonb_typeof(value) = 'string' AND length(value #>> '{}') = 64
        AND value #>> '{}' ~ '^[0-9a-f]{64}$' THEN to_jsonb(left(value #>> '{}', 8) || '…')
      ELSE value END)::jsonb
    FROM jsonb_each(before)
    WHERE key <> ALL (llmproxy_bookkeeping())
      AND value IS DISTINCT FROM coalesce(after, '{}') -> key),
    (SELECT json_object_agg(key, CASE
      WHEN key = 'api_key' THEN
        CASE WHEN value #>> '{}' ~ '^(env|file):' THEN value ELSE '"…"' END
      WHEN key = 'provider_params' THEN llmproxy_params_masked(value)
      WHEN jsonb_typeof(value) = 'string' AND length(value #>> '{}') = 64
        AND value #>> '{}' ~ '^[0-9a-f]{64}$' THEN to_jsonb(left(value #>> '{}', 8) || '…')
      ELSE value END)::jsonb
    FROM jsonb_each(after)
    WHERE key <> ALL (llmproxy_bookkeeping())
      AND value IS DISTINCT FROM coalesce(before, '{}') -> key)
  FROM config_changes
  WHERE history_id = entry AND id > last
  ORDER BY id;

$body$ || kept);
  def := pg_get_functiondef('llmproxy_audit_chained()'::regprocedure);
  EXECUTE replace(replace(def, 'row_number() OVER ids, n.id', 'row_number() OVER ids, a.id'),
    substring(def FROM 'llmproxy_audit_text\(ROW.*\(ORDER BY n\.id\);'),
    'llmproxy_audit_text(a)) OVER ids
  FROM audit_log a WHERE a.id IN (SELECT id FROM new_rows) WINDOW ids AS (ORDER BY a.id);');
  EXECUTE replace(pg_get_functiondef('llmproxy_apply_changes(bigint, jsonb, text, text, text)'::regprocedure),
    ', set_config(''work_mem'', ''256MB'', true);', ';');
END
$do$;
CREATE OR REPLACE FUNCTION llmproxy_audit_text(a audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT (jsonb_build_object('id', a.id,
    'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', a.actor, 'source', a.source, 'action', a.action, 'kind', a.kind, 'object', a.object,
    'row_id', a.row_id, 'version', a.version, 'message', a.message,
    'before', a.before, 'after', a.after)
    || CASE WHEN a.daemon IS NULL THEN '{}' ELSE jsonb_build_object('daemon', a.daemon) END)::text
$$;

DROP FUNCTION llmproxy_recording(regclass, text, text[], text[]);
DROP FUNCTION llmproxy_changed_columns(regclass);
DROP FUNCTION llmproxy_recorded_columns(regclass);
DROP FUNCTION llmproxy_hidden_column(text, text, text);
DROP FUNCTION llmproxy_row_groups(jsonb);

DROP TRIGGER llmproxy_deleted ON config_history;
DROP FUNCTION llmproxy_history_deleted();
ALTER TABLE config_changes ADD FOREIGN KEY (history_id) REFERENCES config_history ON DELETE CASCADE;

-- Nobody can put a table of their own in the place of ours.
DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_change_rows(regclass, bigint[], jsonb, jsonb)',
    'llmproxy_fields_changed(jsonb, jsonb)'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$do$;
