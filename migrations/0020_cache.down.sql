-- No answers are cached then.
ALTER TABLE request_logs DROP COLUMN cache, DROP COLUMN saved_nano, DROP COLUMN saved_tokens;
DROP TABLE cache_purges;
ALTER TABLE teams DROP COLUMN cache;
ALTER TABLE credentials DROP COLUMN cache;
UPDATE config_changes SET before = before - 'cache', after = after - 'cache'
WHERE tab IN ('credentials', 'teams');
