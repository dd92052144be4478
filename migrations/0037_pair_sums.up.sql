-- compatible-from: 5
-- The sums of a few keys by model, or by tag, are found among those of all keys.
CREATE INDEX usage_folds_key_model ON usage_folds (grain, bucket, credential_id)
  WHERE dimensions = 'key_model';
