-- The bodies that are stored are gone with their columns.
ALTER TABLE request_logs
  DROP COLUMN request_body,
  DROP COLUMN response_body;
ALTER TABLE credentials DROP COLUMN store_bodies;
UPDATE config_changes SET before = before - 'store_bodies', after = after - 'store_bodies'
WHERE tab = 'credentials';
