-- What clients and models write is stored only for keys that say so.
ALTER TABLE credentials ADD COLUMN store_bodies boolean NOT NULL DEFAULT false;

-- Text, cut and marked past 64 KiB; null where the key does not say so. They go with their
-- partition. Those of days to come are made LIKE the table, and so have them too.
ALTER TABLE request_logs
  ADD COLUMN request_body  text,
  ADD COLUMN response_body text;

-- Going back to a version from before this is to switch it off, not to keep what is there.
UPDATE config_changes SET
  before = before || '{"store_bodies": false}', after = after || '{"store_bodies": false}'
WHERE tab = 'credentials';
