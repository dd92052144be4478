-- compatible-from: 5
-- Entries of the audit log name the daemon that made the change. Entries without one are the same text as
-- before, so that hashes of earlier entries hold.
ALTER TABLE audit_log ADD COLUMN daemon text; -- its id; null: a command, plain SQL, or unknown

CREATE OR REPLACE FUNCTION llmproxy_audit_text(a audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT (jsonb_build_object('id', a.id,
    'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', a.actor, 'source', a.source, 'action', a.action, 'kind', a.kind, 'object', a.object,
    'row_id', a.row_id, 'version', a.version, 'message', a.message,
    'before', a.before, 'after', a.after)
    || CASE WHEN a.daemon IS NULL THEN '{}' ELSE jsonb_build_object('daemon', a.daemon) END)::text
$$;

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
  $$(actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT who, how,$$,
  $$(daemon, actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT nullif(current_setting('llmproxy.daemon', true), ''), who, how,$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);
