-- compatible-from: 5
-- Clients may choose ids of requests, and some send one id always: a hash index looks at every row of that id
-- before it takes another, a B-tree does not. Partitions that exist get theirs from the daemon.
DROP INDEX request_logs_request_id;
DO $$
BEGIN
  EXECUTE 'CREATE INDEX request_logs_request_id ON '
    || CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'request_logs'::regclass)
         THEN 'ONLY ' ELSE '' END
    || 'request_logs (request_id)';
END
$$;
