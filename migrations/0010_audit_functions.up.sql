-- These run with the rights of their owner. A trigger of somebody else's on a table of their own,
-- with columns of types of their own, would have them write entries or run what belongs to those.
REVOKE EXECUTE ON FUNCTION llmproxy_config_recorded(), llmproxy_audit_chained() FROM PUBLIC;
