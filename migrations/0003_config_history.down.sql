DO $$
DECLARE
  tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['providers', 'credentials'] LOOP
    EXECUTE format('DROP TRIGGER zz_llmproxy_inserted ON %I', tab);
    EXECUTE format('DROP TRIGGER zz_llmproxy_updated ON %I', tab);
    EXECUTE format('DROP TRIGGER zz_llmproxy_deleted ON %I', tab);
    EXECUTE format('DROP TRIGGER zz_llmproxy_truncated ON %I', tab);
  END LOOP;
END
$$;
DROP FUNCTION llmproxy_apply_changes(bigint, jsonb, text, text, text);
DROP FUNCTION llmproxy_change_rows(regclass, bigint[], jsonb, jsonb);
DROP FUNCTION llmproxy_config_recorded();
DROP FUNCTION llmproxy_fields_masked(jsonb);
DROP FUNCTION llmproxy_fields_changed(jsonb, jsonb);
DROP FUNCTION llmproxy_bookkeeping();
DROP TABLE audit_log;
DROP TABLE config_changes;
DROP TABLE config_history;
