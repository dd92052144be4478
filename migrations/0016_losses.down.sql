-- Keys that refused losses accept them as the providers say then.
ALTER TABLE request_logs DROP COLUMN translated_to, DROP COLUMN losses;
ALTER TABLE credentials DROP COLUMN losses;
UPDATE config_changes SET before = before - 'losses', after = after - 'losses'
WHERE tab = 'credentials';
