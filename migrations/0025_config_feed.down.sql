DO $do$
DECLARE
  def text := pg_get_functiondef('llmproxy_config_recorded()'::regprocedure);
  feed constant text := substring(def FROM '  IF TG_OP = ''INSERT'' THEN\s+INSERT INTO config_feed.* - 100000;\n');
BEGIN
  EXECUTE replace(replace(def, feed, ''), E'  fed   integer := 0;\n', '');
END
$do$;
DROP TABLE config_feed;
