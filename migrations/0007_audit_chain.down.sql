DROP TRIGGER llmproxy_chained ON audit_log;
DROP TRIGGER llmproxy_kept ON audit_log;
DROP TRIGGER llmproxy_kept_all ON audit_log;
DROP TABLE audit_chain;
DROP FUNCTION llmproxy_audit_chained();
DROP FUNCTION llmproxy_audit_kept();
DROP FUNCTION llmproxy_audit_text(audit_log);
DROP AGGREGATE llmproxy_audit_hashes(text, text);
DROP FUNCTION llmproxy_audit_hash(text, text, text);
