-- Tables that were adopted keep their rows; only what llmproxy added to notice changes goes.
DROP TRIGGER llmproxy_providers_changed ON providers;
DROP TRIGGER llmproxy_credentials_changed ON credentials;
DROP FUNCTION llmproxy_config_changed();

DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['providers', 'credentials', 'config_version'] LOOP
    IF obj_description(to_regclass(tab), 'pg_class') LIKE 'llmproxy: %' THEN
      EXECUTE format('DROP TABLE %I', tab);
    END IF;
  END LOOP;
END
$$;
