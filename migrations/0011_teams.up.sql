-- compatible-from: 5
-- Teams of keys; whose requests are; and one list of the tables that make the configuration, so that
-- a further one is a call of llmproxy_add_config_table.

CREATE TABLE config_tables (
  place      integer PRIMARY KEY, -- the order in which rows are written: what others name comes first
  tab        text NOT NULL UNIQUE,
  kind       text NOT NULL UNIQUE, -- what one row is called in the audit log and in plans
  name_field text NOT NULL -- the column that names a row
);
COMMENT ON TABLE config_tables IS 'llmproxy: tables whose rows make the configuration';
GRANT SELECT ON config_tables TO PUBLIC; -- triggers of whoever changes a row read it
INSERT INTO config_tables VALUES
  (10, 'providers', 'provider', 'provider_key'), (30, 'credentials', 'key', 'name');

CREATE FUNCTION llmproxy_config_kind(of_tab text) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT kind FROM config_tables WHERE tab = of_tab
$$;

CREATE FUNCTION llmproxy_config_name(of_tab text, fields jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT fields ->> name_field FROM config_tables WHERE tab = of_tab
$$;

-- Makes a table part of the configuration: its changes raise the version, and are recorded.
CREATE FUNCTION llmproxy_add_config_table(at_place integer, new_tab text, new_kind text, new_name_field text)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO config_tables VALUES (at_place, new_tab, new_kind, new_name_field);
  EXECUTE format(
    'CREATE TRIGGER llmproxy_%2$s_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$I
       FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_changed()', new_tab, new_tab);
  EXECUTE format(
    'CREATE TRIGGER zz_llmproxy_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
       FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', new_tab);
  EXECUTE format(
    'CREATE TRIGGER zz_llmproxy_updated AFTER UPDATE ON %I
       REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
       FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', new_tab);
  EXECUTE format(
    'CREATE TRIGGER zz_llmproxy_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
       FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', new_tab);
  EXECUTE format(
    'CREATE TRIGGER zz_llmproxy_truncated BEFORE TRUNCATE ON %I
       FOR EACH STATEMENT EXECUTE FUNCTION llmproxy_config_recorded()', new_tab);
END
$$;

-- Nobody can put a table of their own in the place of ours.
DO $do$
DECLARE
  func text;
BEGIN
  FOREACH func IN ARRAY ARRAY['llmproxy_config_kind(text)', 'llmproxy_config_name(text, jsonb)',
    'llmproxy_add_config_table(integer, text, text, text)'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', func, (
      SELECT string_agg(quote_ident(s), ', ' ORDER BY place)
      FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, place)));
  END LOOP;
END
$do$;

-- The functions that named the two tables read the list. Nothing else of them changes, their rights
-- and search path included.
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
  $$CASE tab WHEN 'providers' THEN 'provider' ELSE 'key' END$$,
  $$llmproxy_config_kind(tab)$$,
  $$coalesce(after, before) ->> CASE tab WHEN 'providers' THEN 'provider_key' ELSE 'name' END$$,
  $$llmproxy_config_name(tab, coalesce(after, before))$$
]);
SELECT pg_temp.edit_function('llmproxy_apply_changes(bigint, jsonb, text, text, text)', ARRAY[
  $$LOCK TABLE providers, credentials IN SHARE ROW EXCLUSIVE MODE;$$,
  $$EXECUTE (SELECT format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE',
    string_agg(quote_ident(t.tab), ', ' ORDER BY t.place)) FROM config_tables t WHERE changes ? t.tab);
  SET CONSTRAINTS ALL DEFERRED;$$,
  $$FOREACH tab IN ARRAY ARRAY['providers', 'credentials'] LOOP$$,
  $$FOR tab IN SELECT t.tab FROM config_tables t WHERE changes ? t.tab ORDER BY t.place LOOP$$,
  $$RETURN (SELECT version$$,
  $$SET CONSTRAINTS ALL IMMEDIATE;
  RETURN (SELECT version$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);

ALTER TABLE config_changes DROP CONSTRAINT config_changes_tab_check;

CREATE TABLE teams (
  id             serial PRIMARY KEY,
  name           text NOT NULL UNIQUE,
  allowed_models jsonb DEFAULT '["*"]', -- null is all
  limits         jsonb NOT NULL DEFAULT '{}',
  weight         integer NOT NULL DEFAULT 1 CHECK (weight >= 1), -- its share where requests wait
  tags           jsonb NOT NULL DEFAULT '[]',
  admins         jsonb NOT NULL DEFAULT '[]',
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE teams IS 'llmproxy: teams that keys belong to';
SELECT llmproxy_add_config_table(20, 'teams', 'team', 'name');

-- By name, as documents say it. A plan may change both tables: it is checked at its end.
ALTER TABLE credentials
  ADD COLUMN team     text REFERENCES teams (name) ON UPDATE CASCADE DEFERRABLE,
  ADD COLUMN limits   jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN weight   integer NOT NULL DEFAULT 1 CHECK (weight >= 1),
  ADD COLUMN priority integer NOT NULL DEFAULT 0;
CREATE INDEX credentials_team ON credentials (team) WHERE team IS NOT NULL;

-- Going back to a version from before this takes keys out of their teams.
UPDATE config_changes SET
  before = before || '{"team": null, "limits": {}, "weight": 1, "priority": 0}',
  after = after || '{"team": null, "limits": {}, "weight": 1, "priority": 0}'
WHERE tab = 'credentials';

-- Columns without a default: a table of any size gets them at once.
ALTER TABLE request_logs
  ADD COLUMN team     text, -- the key's, then
  ADD COLUMN end_user text, -- as the client named it
  ADD COLUMN tags     jsonb; -- of the key, its team and the request; null: none
