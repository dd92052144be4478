-- compatible-from: 10
-- Changes of 100,000 rows in a third of the time: rows come in groups that have the same fields, and what
-- is recorded of them is made of columns that have changed, not of every field of every row.

-- A foreign key is checked for each row.
ALTER TABLE config_changes DROP CONSTRAINT config_changes_history_id_fkey;
CREATE FUNCTION llmproxy_history_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  DELETE FROM config_changes WHERE history_id IN (SELECT id FROM gone);
  RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION llmproxy_history_deleted() FROM PUBLIC;
CREATE TRIGGER llmproxy_deleted AFTER DELETE ON config_history REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_history_deleted();

-- Rows as arrays of objects with the same fields each. They are that already, but for those of an
-- earlier version.
CREATE FUNCTION llmproxy_row_groups(fields_of_rows jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF jsonb_typeof(fields_of_rows -> 0) = 'array' THEN
    RETURN QUERY SELECT * FROM jsonb_array_elements(fields_of_rows);
  ELSE
    RETURN QUERY SELECT json_agg(fields ORDER BY n)::jsonb
      FROM jsonb_array_elements(fields_of_rows) WITH ORDINALITY AS row (fields, n)
      GROUP BY ARRAY(SELECT jsonb_object_keys(fields) ORDER BY 1);
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION llmproxy_change_rows(tab regclass, gone bigint[], changed jsonb, added jsonb)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  cols     text;
  new_cols text;
  same     jsonb;
BEGIN
  IF cardinality(gone) > 0 THEN
    EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', tab) USING gone;
  END IF;
  FOR same IN SELECT * FROM llmproxy_row_groups(changed) LOOP
    SELECT string_agg(quote_ident(attname), ', '), string_agg('new.' || quote_ident(attname), ', ')
    INTO cols, new_cols FROM pg_attribute
    WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND same -> 0 ? attname
      AND attname <> ALL (ARRAY['id', 'created_at', 'updated_at', 'last_used_at']);
    IF cols IS NOT NULL THEN
      EXECUTE format(
        'UPDATE %1$s t SET (%2$s, updated_at) = (%3$s, now())
         FROM jsonb_populate_recordset(NULL::%1$s, $1) AS new WHERE t.id = new.id', tab, cols, new_cols)
      USING same;
    END IF;
  END LOOP;
  FOR same IN SELECT * FROM llmproxy_row_groups(added) LOOP
    SELECT string_agg(quote_ident(attname), ', ') INTO cols FROM pg_attribute
    WHERE attrelid = tab AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND same -> 0 ? attname;
    EXECUTE format(
      'INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, $1)', tab, cols)
    USING same;
  END LOOP;
END
$$;

-- The columns of a table. `kind`: `text`, `plain` if no secret fits in it, else `other`; `differs`: SQL
-- that is true where it differs between the rows o and n.
CREATE FUNCTION llmproxy_recorded_columns(of_tab regclass) RETURNS TABLE (col text, kind text, differs text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT attname, typed.kind, format(CASE typed.kind
    WHEN 'text' THEN 'o.%1$I COLLATE "C" IS DISTINCT FROM n.%1$I COLLATE "C"'
    WHEN 'plain' THEN 'o.%1$I IS DISTINCT FROM n.%1$I'
    ELSE 'to_jsonb(o.%1$I) IS DISTINCT FROM to_jsonb(n.%1$I)' END, attname)
  FROM pg_attribute, LATERAL (SELECT CASE
    WHEN atttypid = ANY (ARRAY['text', 'varchar']::regtype[]) THEN 'text'
    WHEN atttypid = ANY (ARRAY['bool', 'int2', 'int4', 'int8', 'timestamptz']::regtype[]) THEN 'plain'
    ELSE 'other' END AS kind) AS typed
  WHERE attrelid = of_tab AND attnum > 0 AND NOT attisdropped
  ORDER BY attnum
$$;

-- SQL for what the audit log hides of a column of the row `at`: API keys but for references, values of
-- secret parameters, and hashes but for their beginning. `hides` is true where it hides something; null: it
-- never does.
CREATE FUNCTION llmproxy_hidden_column(at text, col text, kind text, OUT hides text, OUT mask text)
LANGUAGE sql IMMUTABLE AS $$
  SELECT
    CASE
      WHEN col = 'api_key' THEN format('(%s ~ ''^(env|file):'') IS NOT TRUE', it)
      WHEN col = 'provider_params' THEN 'true'
      WHEN kind = 'text' THEN format('length(%1$s) = 64 AND %1$s ~ ''^[0-9a-f]{64}$''', it)
      WHEN kind = 'other' THEN
        format('jsonb_typeof(to_jsonb(%1$s)) = ''string'' AND to_jsonb(%1$s) #>> ''{}'' ~ ''^[0-9a-f]{64}$''', it)
    END,
    CASE
      WHEN col = 'api_key' THEN '''"…"''::jsonb'
      WHEN col = 'provider_params' THEN format('llmproxy_params_masked(to_jsonb(%s))', it)
      ELSE format('to_jsonb(left(to_jsonb(%s) #>> ''{}'', 8) || ''…'')', it)
    END
  FROM (SELECT at || '.' || quote_ident(col) AS it) AS named
$$;

-- SQL that finds the columns in which some updated row differs.
CREATE FUNCTION llmproxy_changed_columns(of_tab regclass) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT format('SELECT array_remove(ARRAY[%s], NULL) FROM old_rows o FULL JOIN new_rows n ON n.id = o.id',
    string_agg(format('CASE WHEN bool_or(%s) THEN %L END', differs, col), ', '))
  FROM llmproxy_recorded_columns(of_tab)
$$;

-- A statement that records the rows of a change; null: nothing has changed. Its parameters are the id in
-- config_history, actor, source, version and message. `same`: columns that are no change; `changed`: those
-- that an update changed, null for other changes.
CREATE FUNCTION llmproxy_recording(of_tab regclass, op text, same text[], changed text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  known     constant config_tables := t FROM config_tables t WHERE t.tab::regclass = of_tab;
  -- All columns. Where ids have changed, one row is gone to the log, and another one is new; a list of
  -- arguments has at most a hundred.
  is_whole  constant boolean := op <> 'UPDATE' OR 'id' = ANY (changed) OR cardinality(changed) > 40;
  source    text := CASE op WHEN 'INSERT' THEN 'new_rows n' WHEN 'DELETE' THEN 'old_rows o'
    WHEN 'UPDATE' THEN 'old_rows o FULL JOIN new_rows n ON n.id = o.id' ELSE format('%s o', of_tab) END;
  named     text := format(CASE op WHEN 'INSERT' THEN 'n.%1$I'
    WHEN 'UPDATE' THEN 'CASE WHEN n.id IS NULL THEN o.%1$I ELSE n.%1$I END' ELSE 'o.%1$I' END, known.name_field);
  before    text := CASE op WHEN 'INSERT' THEN 'NULL::jsonb' ELSE 'to_jsonb(o)' END;
  after     text := format(CASE known.tab WHEN 'providers' THEN 'to_jsonb(n)' ELSE 'jsonb_build_object(%1$L, n.%1$I)' END,
    known.name_field);
  row_id    text := CASE op WHEN 'INSERT' THEN 'n.id' WHEN 'UPDATE' THEN 'coalesce(o.id, n.id)' ELSE 'o.id' END;
  differing text;
  equal     text;
  was       text;
  now_is    text;
BEGIN
  SELECT max(fields) FILTER (WHERE at = 'o'), max(fields) FILTER (WHERE at = 'n') INTO was, now_is
  FROM (
    SELECT at, concat_ws(' || ',
      CASE WHEN is_whole THEN format('(to_jsonb(%s) - llmproxy_bookkeeping())', at)
      ELSE format('jsonb_build_object(%s)', string_agg(format('%L, %s.%I', col, at, col), ', ')) END,
      string_agg(format('CASE WHEN %s THEN jsonb_build_object(%L, %s) ELSE ''{}'' END', hides, col, mask), ' || ')
        FILTER (WHERE hides IS NOT NULL)
    ) AS fields
    FROM (VALUES ('o'), ('n')) AS side (at), llmproxy_recorded_columns(of_tab),
      llmproxy_hidden_column(at, col, kind)
    WHERE col <> ALL (llmproxy_bookkeeping()) AND (is_whole OR col = ANY (changed))
    GROUP BY at
  ) AS sides;
  IF op = 'UPDATE' THEN
    SELECT string_agg(differs, ' OR ') FILTER (WHERE col <> ALL (same)),
      string_agg(format('CASE WHEN NOT (%s) THEN %L END', differs, col), ', ')
    INTO differing, equal FROM llmproxy_recorded_columns(of_tab) WHERE is_whole OR col = ANY (changed);
    IF differing IS NULL THEN
      RETURN NULL;
    END IF;
    source := format('%s WHERE %s', source, differing);
    equal := format('CASE WHEN o.id = n.id THEN array_remove(ARRAY[%s], NULL) ELSE ''{}'' END', equal);
    was := format('CASE WHEN o.id IS NOT NULL THEN (%s) - %s END', was, equal);
    now_is := format('CASE WHEN n.id IS NOT NULL THEN (%s) - %s END', now_is, equal);
  END IF;
  -- A row that stays needs only its name: its content is in its table, or in the next change as `before`.
  -- Providers have secrets, which a new key of the machine encrypts again on both sides.
  RETURN format('WITH pairs AS MATERIALIZED (
      SELECT %1$s AS id, %2$s AS name, %3$s AS before, %4$s AS after, %5$s AS was, %6$s AS now_is
      FROM %7$s ORDER BY 1
    ), kept AS (
      INSERT INTO config_changes (history_id, tab, row_id, before, after)
      SELECT $1, %8$L, id, before, after FROM pairs
    )
    INSERT INTO audit_log (daemon, actor, source, action, kind, object, row_id, version, message, before, after)
    SELECT nullif(current_setting(''llmproxy.daemon'', true), ''''), $2, $3,
      CASE WHEN before IS NULL THEN ''create'' WHEN after IS NULL THEN ''delete'' ELSE ''update'' END,
      %9$L, name, id, $4, $5, was, now_is FROM pairs',
    row_id, named || '::text', before,
    CASE op WHEN 'INSERT' THEN after WHEN 'UPDATE' THEN format('CASE WHEN n.id IS NOT NULL THEN %s END', after) ELSE 'NULL::jsonb' END,
    CASE op WHEN 'INSERT' THEN 'NULL::jsonb' ELSE was END,
    CASE WHEN op IN ('INSERT', 'UPDATE') THEN now_is ELSE 'NULL::jsonb' END,
    source, known.tab, known.kind);
END
$$;

-- Nothing else of these functions changes, their rights and search path included.
DO $do$
DECLARE
  def    text := pg_get_functiondef('llmproxy_config_recorded()'::regprocedure);
  rows   constant text := substring(def FROM '  IF TG_OP = ''INSERT'' THEN\s+INSERT INTO config_changes.*?(?=  -- A statement that changed nothing)');
  logged constant text := substring(def FROM '  INSERT INTO audit_log.* ORDER BY id;\n\n');
BEGIN
  IF rows IS NULL OR logged IS NULL THEN
    RAISE EXCEPTION 'the function llmproxy_config_recorded is not as llmproxy made it';
  END IF;
  def := replace(def, logged, '');
  def := replace(def, E'  last  bigint := coalesce((SELECT max(id) FROM config_changes), 0);\n',
    E'  changed   text[];\n  recording text;\n');
  EXECUTE replace(def, rows, $body$  IF TG_OP = 'UPDATE' THEN
    EXECUTE llmproxy_changed_columns(TG_RELID) INTO changed;
  END IF;
  recording := llmproxy_recording(TG_RELID, TG_OP, same, changed);
  IF recording IS NOT NULL THEN
    EXECUTE recording USING entry, who, how, now_version, why;
  END IF;

$body$);
  def := pg_get_functiondef('llmproxy_audit_chained()'::regprocedure);
  EXECUTE replace(replace(def, 'row_number() OVER ids, a.id', 'row_number() OVER ids, n.id'),
    substring(def FROM 'llmproxy_audit_text\(a\)\) OVER ids.*\(ORDER BY a\.id\);'),
    'llmproxy_audit_text(ROW(n.*)::audit_log)) OVER ids
  FROM new_rows n WINDOW ids AS (ORDER BY n.id);');
END
$do$;

-- An entry as the text of a jsonb object, which has its keys by length, but put together as text. The query
-- that verifies the log makes the object.
CREATE OR REPLACE FUNCTION llmproxy_audit_text(a audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat(
    '{"at": ', coalesce(to_json(to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'null'), ', "id": ', a.id,
    ', "kind": ', to_json(a.kind), ', "actor": ', to_json(a.actor), ', "after": ', coalesce(a.after::text, 'null'),
    ', "action": ', to_json(a.action), ', "before": ', coalesce(a.before::text, 'null'),
    ', "daemon": ' || to_json(a.daemon)::text, ', "object": ', to_json(a.object), ', "row_id": ', a.row_id,
    ', "source": ', to_json(a.source), ', "message": ', coalesce(to_json(a.message)::text, 'null'),
    ', "version": ', a.version, '}')
$$;

-- Sorts of many rows stay in memory.
CREATE FUNCTION pg_temp.edit_function(func regprocedure, edits text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  def  text := pg_get_functiondef(func);
  edit integer;
BEGIN
  FOR edit IN 1 .. cardinality(edits) / 2 LOOP
    IF strpos(def, edits[2 * edit - 1]) = 0 THEN
      RAISE EXCEPTION 'the function % is not as llmproxy made it', func;
    END IF;
    def := replace(def, edits[2 * edit - 1], edits[2 * edit]);
  END LOOP;
  EXECUTE def;
END
$$;
SELECT pg_temp.edit_function('llmproxy_apply_changes(bigint, jsonb, text, text, text)', ARRAY[
  $$set_config('llmproxy.message', coalesce(why, ''), true);$$,
  $$set_config('llmproxy.message', coalesce(why, ''), true), set_config('work_mem', '256MB', true);$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);

DROP FUNCTION llmproxy_fields_masked(jsonb);
DROP FUNCTION llmproxy_fields_changed(jsonb, jsonb);

-- Nobody can put a table of their own in the place of ours.
DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_history_deleted()',
    'llmproxy_change_rows(regclass, bigint[], jsonb, jsonb)', 'llmproxy_recorded_columns(regclass)',
    'llmproxy_changed_columns(regclass)', 'llmproxy_recording(regclass, text, text[], text[])'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$do$;
