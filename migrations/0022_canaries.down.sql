-- Copies would count as requests of clients.
DELETE FROM request_logs WHERE mirror IS NOT NULL;
ALTER TABLE request_logs DROP COLUMN mirror, DROP COLUMN compared;
DROP TABLE canary_counts, canaries, mirrors;
DELETE FROM config_changes WHERE tab IN ('canaries', 'mirrors');
DELETE FROM config_tables WHERE tab IN ('canaries', 'mirrors');
