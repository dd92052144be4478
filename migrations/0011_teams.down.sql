-- Keys that a team held back are as free as they are by themselves then.
ALTER TABLE request_logs DROP COLUMN team, DROP COLUMN end_user, DROP COLUMN tags;
ALTER TABLE credentials
  DROP COLUMN team, DROP COLUMN limits, DROP COLUMN weight, DROP COLUMN priority;
DROP TABLE teams;
DELETE FROM config_changes WHERE tab = 'teams';
UPDATE config_changes SET
  before = before - ARRAY['team', 'limits', 'weight', 'priority'],
  after = after - ARRAY['team', 'limits', 'weight', 'priority']
WHERE tab = 'credentials';
ALTER TABLE config_changes
  ADD CONSTRAINT config_changes_tab_check CHECK (tab IN ('providers', 'credentials'));

CREATE FUNCTION pg_temp.edit_function(func regprocedure, edits text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  def  text := pg_get_functiondef(func);
  edit integer;
BEGIN
  FOR edit IN 1 .. cardinality(edits) / 2 LOOP
    def := replace(def, edits[2 * edit - 1], edits[2 * edit]);
  END LOOP;
  EXECUTE def;
END
$$;
SELECT pg_temp.edit_function('llmproxy_config_recorded()', ARRAY[
  $$llmproxy_config_kind(tab)$$,
  $$CASE tab WHEN 'providers' THEN 'provider' ELSE 'key' END$$,
  $$llmproxy_config_name(tab, coalesce(after, before))$$,
  $$coalesce(after, before) ->> CASE tab WHEN 'providers' THEN 'provider_key' ELSE 'name' END$$
]);
SELECT pg_temp.edit_function('llmproxy_apply_changes(bigint, jsonb, text, text, text)', ARRAY[
  $$EXECUTE (SELECT format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE',
    string_agg(quote_ident(t.tab), ', ' ORDER BY t.place)) FROM config_tables t WHERE changes ? t.tab);
  SET CONSTRAINTS ALL DEFERRED;$$,
  $$LOCK TABLE providers, credentials IN SHARE ROW EXCLUSIVE MODE;$$,
  $$FOR tab IN SELECT t.tab FROM config_tables t WHERE changes ? t.tab ORDER BY t.place LOOP$$,
  $$FOREACH tab IN ARRAY ARRAY['providers', 'credentials'] LOOP$$,
  $$SET CONSTRAINTS ALL IMMEDIATE;
  RETURN (SELECT version$$,
  $$RETURN (SELECT version$$
]);
DROP FUNCTION pg_temp.edit_function(regprocedure, text[]);
DROP FUNCTION llmproxy_add_config_table(integer, text, text, text);
DROP FUNCTION llmproxy_config_name(text, jsonb);
DROP FUNCTION llmproxy_config_kind(text);
DROP TABLE config_tables;
