-- What is encrypted stays so: an older llmproxy needs these keys set anew.
DROP TABLE credential_usage;
ALTER TABLE credentials
  DROP COLUMN expires_at,
  DROP COLUMN tags,
  DROP COLUMN previous_key,
  DROP COLUMN previous_expires_at;
DROP TABLE secret_key;
