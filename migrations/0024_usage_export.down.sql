DROP TRIGGER llmproxy_queued ON request_logs;
DROP FUNCTION llmproxy_queue_export();
DROP TABLE usage_export_queue, usage_exports;
