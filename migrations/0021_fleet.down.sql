DROP FUNCTION llmproxy_take_leases(text, text[], jsonb);
DROP TABLE limit_leases;
DROP TABLE limit_clock;
DROP TABLE limit_members;
ALTER TABLE request_logs DROP COLUMN daemon;
DROP TABLE daemons;
