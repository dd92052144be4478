DROP FUNCTION llmproxy_take_leases(text, text[], jsonb, double precision, integer);
