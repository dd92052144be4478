DROP TRIGGER zz_llmproxy_inserted ON cache_purges;
DROP FUNCTION llmproxy_purge_recorded();
DO $do$
DECLARE
  def     text := pg_get_functiondef('llmproxy_config_recorded()'::regprocedure);
  nothing constant text := substring(def FROM '  ELSIF fed = 0 THEN.*?''credentials'', 0\);\n');
BEGIN
  EXECUTE replace(def, nothing, '');
END
$do$;
