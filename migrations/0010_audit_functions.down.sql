GRANT EXECUTE ON FUNCTION llmproxy_config_recorded(), llmproxy_audit_chained() TO PUBLIC;
