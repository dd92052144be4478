-- Requests are not checked any more.
ALTER TABLE request_logs DROP COLUMN guardrails;
DROP TABLE guardrails;
DELETE FROM config_changes WHERE tab = 'guardrails';
DELETE FROM config_tables WHERE tab = 'guardrails';
