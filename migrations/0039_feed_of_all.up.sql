-- compatible-from: 5
-- Every statement that raises the version of the configuration has an entry in config_feed: also one that
-- changes no row, such as the insertion of an upsert that only updates, and a purge of cached answers. Without
-- one, all daemons read all rows.

-- Edits the text of a function, and nothing else of it: its rights and search path stay.
DO $do$
DECLARE
  def  text := pg_get_functiondef('llmproxy_config_recorded()'::regprocedure);
  many constant text := E'VALUES (now_version, TG_TABLE_NAME);\n  END IF;';
BEGIN
  IF strpos(def, many) = 0 THEN
    RAISE EXCEPTION 'the function llmproxy_config_recorded is not as llmproxy made it';
  END IF;
  EXECUTE replace(def, many, $$VALUES (now_version, TG_TABLE_NAME);
  ELSIF fed = 0 THEN
    -- No key has this id: whoever reads the feed finds that nothing has changed.
    INSERT INTO config_feed (version, tab, row_id) VALUES (now_version, 'credentials', 0);
  END IF;$$);
END
$do$;

-- By the name of their table, which daemons read, and by the name under which they keep them.
CREATE FUNCTION llmproxy_purge_recorded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  now_version bigint := (SELECT version FROM config_version WHERE id = 1);
BEGIN
  INSERT INTO config_feed (version, tab, row_id)
  SELECT now_version, tab, n.id FROM new_rows n, unnest(ARRAY['cache_purges', 'purges']) AS tab;
  IF NOT FOUND THEN
    INSERT INTO config_feed (version, tab, row_id) VALUES (now_version, 'credentials', 0);
  END IF;
  RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION llmproxy_purge_recorded() FROM PUBLIC;
-- Nobody can put a table of their own in the place of ours.
DO $do$
BEGIN
  EXECUTE format('ALTER FUNCTION llmproxy_purge_recorded() SET search_path = %s, pg_temp', (
    SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
END
$do$;
-- After the trigger that raises the version.
CREATE TRIGGER zz_llmproxy_inserted AFTER INSERT ON cache_purges REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_purge_recorded();
