-- compatible-from: 5
-- Which rows of the configuration have changed, so that a daemon reads only these. It names rows and has
-- no content: what a row is now is read from its table.

CREATE TABLE config_feed (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version bigint NOT NULL, -- config_version after the statement
  tab     text NOT NULL,
  row_id  bigint -- null: too many rows to name
);
COMMENT ON TABLE config_feed IS 'llmproxy: rows of the configuration that have changed';

-- The function that records versions fills it: whoever changes rows holds the row of config_version by
-- then, so that ids are in the order of commits. Nothing else of the function changes, its rights and
-- search path included.
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
  $$  last  bigint :=$$, $$  fed   integer := 0;
  last  bigint :=$$,
  $$BEGIN
  INSERT INTO config_history$$, $$BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO config_feed (version, tab, row_id)
    SELECT now_version, TG_TABLE_NAME, n.id FROM new_rows n LIMIT 1001;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO config_feed (version, tab, row_id)
    SELECT now_version, TG_TABLE_NAME, o.id FROM old_rows o LIMIT 1001;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO config_feed (version, tab, row_id)
    SELECT now_version, TG_TABLE_NAME, coalesce(o.id, n.id)
    FROM old_rows o FULL JOIN new_rows n ON n.id = o.id LIMIT 1001;
  END IF;
  GET DIAGNOSTICS fed = ROW_COUNT;
  IF TG_OP = 'TRUNCATE' OR fed > 1000 THEN
    DELETE FROM config_feed WHERE id > (SELECT max(id) FROM config_feed) - fed;
    INSERT INTO config_feed (version, tab) VALUES (now_version, TG_TABLE_NAME);
  END IF;
  DELETE FROM config_feed WHERE id <= (SELECT max(id) FROM config_feed) - 100000;
  INSERT INTO config_history$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);
