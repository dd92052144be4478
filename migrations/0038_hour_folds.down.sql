DO $do$
BEGIN
  EXECUTE replace(pg_get_functiondef('llmproxy_fill_rollups()'::regprocedure),
    $$(SELECT greatest(date_trunc('hour', max(started_at), 'UTC'), min(started_at)) FROM (
    SELECT started_at FROM request_logs WHERE started_at < until ORDER BY started_at DESC LIMIT 5000) AS newest)$$,
    $$(SELECT date_trunc('hour', max(started_at), 'UTC') FROM request_logs
    WHERE started_at < until)$$);
END
$do$;
DELETE FROM usage_folds WHERE grain = 'hour';
ALTER TABLE usage_folds DROP COLUMN end_user;
ALTER TABLE usage_folded DROP COLUMN has_hours;
