-- Keys that were limited to addresses work from everywhere then.
ALTER TABLE credentials DROP COLUMN burst, DROP COLUMN allowed_ips;
UPDATE config_changes SET
  before = before - ARRAY['burst', 'allowed_ips'], after = after - ARRAY['burst', 'allowed_ips']
WHERE tab = 'credentials';
