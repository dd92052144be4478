DROP FUNCTION llmproxy_drop_request_logs_before(date);
DROP FUNCTION llmproxy_create_request_logs_partition(date);
DROP TABLE request_logs;
