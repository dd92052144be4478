DROP INDEX request_logs_request_id;
DO $$
BEGIN
  EXECUTE 'CREATE INDEX request_logs_request_id ON '
    || CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'request_logs'::regclass)
         THEN 'ONLY ' ELSE '' END
    || 'request_logs USING hash (request_id)';
END
$$;
