-- Edits the text of functions, and nothing else of them: their rights and search path stay.
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
SELECT pg_temp.edit_function('llmproxy_config_recorded()', ARRAY[
  format(fields, 'before', 'after') || ',',
  'llmproxy_fields_masked(llmproxy_fields_changed(before, after)),',
  format(fields, 'after', 'before'),
  'llmproxy_fields_masked(llmproxy_fields_changed(after, before))',
  kind, 'llmproxy_config_kind(tab)',
  name, 'llmproxy_config_name(tab, coalesce(after, before))'
]) FROM (SELECT $$(SELECT jsonb_object_agg(key, CASE
      WHEN key = 'api_key' THEN
        CASE WHEN value #>> '{}' ~ '^(env|file):' THEN value ELSE '"…"' END
      WHEN key = 'provider_params' THEN llmproxy_params_masked(value)
      WHEN jsonb_typeof(value) = 'string' AND length(value #>> '{}') = 64
        AND value #>> '{}' ~ '^[0-9a-f]{64}$' THEN to_jsonb(left(value #>> '{}', 8) || '…')
      ELSE value END)
    FROM jsonb_each(%1$s)
    WHERE key <> ALL (llmproxy_bookkeeping())
      AND value IS DISTINCT FROM coalesce(%2$s, '{}') -> key)$$ AS fields,
  '(SELECT llmproxy_config_kind(TG_TABLE_NAME))' AS kind,
  'coalesce(after, before) ->> (SELECT name_field FROM config_tables c WHERE c.tab = TG_TABLE_NAME)'
    AS name) AS inline;
SELECT pg_temp.edit_function('llmproxy_change_rows(regclass, bigint[], jsonb, jsonb)', ARRAY[
  $$'UPDATE %1$s t SET (%2$s, updated_at) = (%3$s, now())
       FROM (
         SELECT fresh.* FROM jsonb_array_elements($1) AS change (fields)
         JOIN %1$s old ON old.id = (change.fields ->> ''id'')::bigint,
         LATERAL jsonb_populate_record(old, change.fields) AS fresh
       ) AS new
       WHERE t.id = new.id'$$,
  $$'UPDATE %1$s t SET (%2$s, updated_at) = (
         SELECT %2$s, now() FROM jsonb_populate_record(t, change.fields))
       FROM jsonb_array_elements($1) AS change (fields)
       WHERE t.id = (change.fields ->> ''id'')::bigint'$$,
  $$, string_agg('new.' || quote_ident(attname), ', ' ORDER BY attnum)
    INTO cols, new_cols FROM pg_attribute$$,
  'INTO cols FROM pg_attribute',
  'tab, cols, new_cols) USING changed;', 'tab, cols) USING changed;',
  E'cols text;\n  new_cols text;', 'cols text;'
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);

CREATE OR REPLACE FUNCTION llmproxy_audit_hash(state text, before text, entry text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(coalesce(state, before) || entry, 'UTF8')), 'hex')
$$;
DROP FUNCTION llmproxy_params_masked(jsonb);
