DO $do$
BEGIN
  EXECUTE replace(pg_get_functiondef('llmproxy_config_recorded()'::regprocedure),
    $$(daemon, actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT nullif(current_setting('llmproxy.daemon', true), ''), who, how,$$,
    $$(actor, source, action, kind, object, row_id, version, message, before, after)
  SELECT who, how,$$);
END
$do$;

CREATE OR REPLACE FUNCTION llmproxy_audit_text(a audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('id', a.id,
    'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', a.actor, 'source', a.source, 'action', a.action, 'kind', a.kind, 'object', a.object,
    'row_id', a.row_id, 'version', a.version, 'message', a.message,
    'before', a.before, 'after', a.after)::text
$$;

-- Hashes from the first entry that names a daemon on are those of the texts without it.
ALTER TABLE audit_chain DISABLE TRIGGER llmproxy_kept;
WITH first AS (
  SELECT min(c.place) AS place FROM audit_chain c JOIN audit_log a USING (id) WHERE a.daemon IS NOT NULL
), hashes AS (
  SELECT c.place, llmproxy_audit_hashes(coalesce(
    (SELECT p.hash FROM audit_chain p WHERE p.place = first.place - 1), repeat('0', 64)),
    llmproxy_audit_text(a)) OVER (ORDER BY c.place) AS hash
  FROM first, audit_chain c JOIN audit_log a USING (id) WHERE c.place >= first.place
)
UPDATE audit_chain c SET hash = h.hash FROM hashes h WHERE h.place = c.place;
ALTER TABLE audit_chain ENABLE TRIGGER llmproxy_kept;
ALTER TABLE audit_log DROP COLUMN daemon;
